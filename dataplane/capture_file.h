/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The files of a capture: pcapng, mode 0600, never over a file that is there and never through
 * a link. One file up to a size, or a rotation of several of which the newest are kept. All of
 * it may block on the disk: it belongs to the thread that writes.
 */

#ifndef DATAPLANE_CAPTURE_FILE_H
#define DATAPLANE_CAPTURE_FILE_H

#include <stdint.h>

#include "common/err.h"
#include "dataplane/pcapng.h"

#define CAPTURE_FILES_MAX     1000
#define CAPTURE_FILE_SIZE_MIN UINT64_C(65536) /* holds any header and frame */
#define CAPTURE_NAME_MAX      128

struct capture_file_config {
	const char *directory; /* made, mode 0700, when it is not there */
	const char *name;      /* within it: no '/', no '.' first */
	uint64_t size_max;     /* bytes of one file, at least CAPTURE_FILE_SIZE_MIN */
	unsigned int files;    /* 1: stop at size_max; more: rotate */
	struct pcapng_interface interface;
};

#define CAPTURE_FILE_FULL 1

struct capture_file;

/*
 * Make the first file. -EINVAL names the field: file; others the directory or file and the
 * reason. CONFIG's texts are copied.
 */
int capture_file_open(const struct capture_file_config *config, struct capture_file **out,
                      struct err *err);

/*
 * 0; CAPTURE_FILE_FULL when the only file has its size: then nothing of the packet is in it; or
 * a negative errno of the disk. What is in the file stays readable in every case.
 */
int capture_file_packet(struct capture_file *f, const struct pcapng_packet *packet,
                        const void *data);

/* Let readers see what was written so far. */
int capture_file_flush(struct capture_file *f);

/* Write statistics and close; frees F in every case. */
int capture_file_close(struct capture_file *f, uint64_t time_ns, uint64_t received,
                       uint64_t dropped);

/* The current file's name in the directory, bytes over all files, files begun. */
const char *capture_file_name(const struct capture_file *f);
uint64_t capture_file_bytes(const struct capture_file *f);
unsigned int capture_file_count(const struct capture_file *f);

#endif
