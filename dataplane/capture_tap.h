/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a capture listens: callbacks of ethdev on the queues of a port, there only while the
 * capture is on. A callback runs on the forwarding core of its queue; it takes no lock,
 * allocates nothing and waits for nobody: what does not fit into the queue's ring is counted.
 */

#ifndef DATAPLANE_CAPTURE_TAP_H
#define DATAPLANE_CAPTURE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include <pcap/pcap.h>

#include "common/err.h"
#include "dataplane/capture.h"
#include "dataplane/capture_ring.h"
#include "dataplane/port.h"

struct rte_eth_rxtx_callback;

/* One queue of one direction. */
struct capture_tap {
	/* core: ro */
	const struct bpf_program *filter;
	uint32_t snap_length;
	bool transmit;
	/* control: wo, core: ro; nothing more is taken */
	bool closed;
	/* control */
	uint16_t port_id, queue;
	const struct rte_eth_rxtx_callback *callback;
	/* core: wo, others: ro */
	_Alignas(64) uint64_t seen, matched, dropped;
	struct capture_ring ring;
	uint8_t scratch[CAPTURE_SNAP_MAX]; /* core: a frame of several segments in one piece */
};

/*
 * NULL when there is no memory. FILTER must live as long as the tap. A ring of RING_BYTES, a
 * power of two of at least 64 KiB.
 */
struct capture_tap *capture_tap_create(const struct port *port, bool transmit, uint16_t queue,
                                       uint32_t snap_length, const struct bpf_program *filter,
                                       size_t ring_bytes);

/* Once per process before the first tap: the mark of frames that were offered before. */
int capture_tap_prepare(struct err *err);

int capture_tap_add(struct capture_tap *tap, struct err *err);

/* The cores may go on using tap and callback for a grace period of QSBR. */
void capture_tap_remove(struct capture_tap *tap);

/* After that; with what libethdev kept for it. NULL is allowed. */
void capture_tap_destroy(struct capture_tap *tap);

#endif
