/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The thread that takes captured frames out of the cores' rings and writes them, in the order
 * of their time. It keeps the limits: once one is reached it writes no more and says so; the
 * control thread then takes the taps away.
 *
 * The life of it, as the control thread sees it:
 *     start ... [ended by itself | stop] ... taps removed, grace period ... finish ... done, join
 */

#ifndef DATAPLANE_CAPTURE_WRITER_H
#define DATAPLANE_CAPTURE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/capture.h"
#include "dataplane/capture_tap.h"

#define CAPTURE_TAPS_MAX 64 /* queues of both directions */

struct capture_writer_config {
	struct capture_file_config file;
	uint64_t packets_max, duration_ns; /* 0: no limit */
	struct capture_tap *tap[CAPTURE_TAPS_MAX];
	unsigned int taps;
};

struct capture_writer;

/* Opens the first file before it returns, so that the caller learns what is wrong with it. */
int capture_writer_start(const struct capture_writer_config *config, struct capture_writer **out,
                         struct err *err);

/* The reason that a stop from outside has; the first reason counts. */
void capture_writer_stop(struct capture_writer *w, const char *reason);

/* Did it reach a limit, or did the disk refuse? */
bool capture_writer_ended(const struct capture_writer *w);

/* No core writes to the rings any more: write what is left and close the file. */
void capture_writer_finish(struct capture_writer *w);
bool capture_writer_done(const struct capture_writer *w);

/* Waits for the thread if need be, puts its last figures into OUT and frees W. */
void capture_writer_join(struct capture_writer *w, struct capture_status *out);

void capture_writer_read(struct capture_writer *w, struct capture_status *out);

#endif
