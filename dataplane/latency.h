/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How long packets take through the gateway, measured on demand: a callback on the rx queues of
 * each port stamps the mbufs with the TSC, one on the tx queues of the other port takes the
 * difference as the frame is offered to the device. So it is the time in our hands: waiting in
 * the device's rings comes on top. Off, the callbacks are not there.
 *
 * Packets that the gateway makes itself, or sends back by the port they came in by, have no
 * latency. All functions belong to the control thread.
 */

#ifndef DATAPLANE_LATENCY_H
#define DATAPLANE_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/port.h"

struct rte_rcu_qsbr;

/* -EBUSY: it is on already. What was measured before is forgotten. */
int latency_start(const struct port *const port[PORT_ROLES], struct rte_rcu_qsbr *qsbr,
                  struct err *err);

/* -ENOENT: it is off. The figures stay until the next start. */
int latency_stop(struct err *err);

/* A few times a second: completes a stop. */
void latency_poll(void);

/* The cores no longer run. */
void latency_shutdown(void);

bool latency_running(void);

struct latency_summary {
	uint64_t packets;
	uint64_t mean_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns; /* to 1/64 */
	uint64_t duration_ns;                                      /* that it was on */
};
/* Of packets that leave by port OUT, over all cores. */
void latency_read(enum port_role out, struct latency_summary *summary);

#endif
