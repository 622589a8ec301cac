/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Capture of a port's frames into pcapng files, on command: LAN is plaintext before sealing
 * and after opening, WAN is what is on the wire. Off, it costs the forwarding cores nothing:
 * the callbacks on the queues (capture_tap.h) are not there. On, cores copy matching frames
 * into rings and a thread of its own writes them, so that a slow disk costs frames of the
 * capture, which are counted, and nothing else.
 *
 * One capture a port at a time. All functions belong to the control thread.
 *
 *     capture_start(&config, &err);
 *     ... capture_poll() a few times a second ...
 *     capture_stop(PORT_LAN, &err);    or it ends by itself at a limit
 */

#ifndef DATAPLANE_CAPTURE_H
#define DATAPLANE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/capture_file.h"
#include "dataplane/port.h"

#define CAPTURE_SNAP_MAX   16384 /* bytes: longer than any frame that a port carries */
#define CAPTURE_FILTER_MAX 511   /* bytes of text */

struct rte_rcu_qsbr;

struct capture_config {
	const struct port *port;
	bool rx, tx;
	const char *filter;   /* pcap-filter(7); "": every frame */
	uint32_t snap_length; /* bytes kept of a frame; 0: all */
	const char *directory;
	const char *file;          /* a name in the directory */
	uint64_t file_size_max;    /* bytes */
	unsigned int files;        /* 1: end at file_size_max; more: keep the newest */
	uint64_t packets_max;      /* 0: no limit */
	uint64_t duration_ns;      /* 0: no limit */
	struct rte_rcu_qsbr *qsbr; /* of the cores that poll the port */
};

enum capture_state { CAPTURE_NONE, CAPTURE_RUNNING, CAPTURE_STOPPING, CAPTURE_STOPPED };

struct capture_status {
	enum capture_state state; /* NONE: there was none since start */
	bool failed;              /* it stopped as the disk refused; REASON says why */
	bool rx, tx;
	char directory[256], file[CAPTURE_NAME_MAX + 16]; /* the current, or the last one */
	char filter[CAPTURE_FILTER_MAX + 1];
	uint32_t snap_length;
	uint64_t seen, matched; /* frames that the cores looked at, and that the filter took */
	uint64_t packets, bytes, dropped; /* written; dropped: no room in the rings */
	unsigned int files;
	char reason[128]; /* why it stopped */
};

/* -EINVAL names the field; -EBUSY: the port is being captured; others: directory and file. */
int capture_start(const struct capture_config *config, struct err *err);

/* Begin to stop; capture_poll() completes it. -ENOENT: there is none. */
int capture_stop(enum port_role role, struct err *err);

void capture_poll(void);

/* Stop all at once: the cores no longer run. */
void capture_shutdown(void);

void capture_status_read(enum port_role role, struct capture_status *out);
const char *capture_state_name(enum capture_state state);

/* Called from capture_poll() when a capture came to its end; NULL: nobody. */
void capture_notify(void (*ended)(enum port_role role, const struct capture_status *status));

#endif
