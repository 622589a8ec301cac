/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The OTDR beside the link: a trace a minute of the model's fibre, 50 km as a gateway asks for
 * them, compared with a baseline and told of by the gateway's own code (control/otdr_alarm.c).
 */

#ifndef TESTS_BENCH_ATTACKS_FIBRE_H
#define TESTS_BENCH_ATTACKS_FIBRE_H

#include "control/otdr_state.h"
#include "drivers/model/otdr_trace.h"

struct fibre_otdr {
	struct otdr otdr; /* of a gateway: baseline, reports of the last traces, alarms */
	struct otdr_instrument instrument;
	struct otdr_settings set;
	struct rng rng;
	uint64_t next_ns, ready_ns; /* a trace begins; is there, 0: none under way */
	double *work;
};

/* A baseline of 16 traces, by a source of WIDTH_HZ; 0: the model's own. */
void fibre_otdr_init(struct fibre_otdr *o, const struct otdr_fibre *fibre, double width_hz,
                     uint64_t seed);
void fibre_otdr_free(struct fibre_otdr *o);
/* The schedule from here on, at a random place in its minute. */
void fibre_otdr_begin(struct fibre_otdr *o, uint64_t now_ns, uint64_t seed);
/* A trace that is due of the fibre as it is now, and what the gateway says of it. */
void fibre_otdr_poll(struct fibre_otdr *o, const struct otdr_fibre *fibre, uint64_t now_ns);

/* One more trace; trace_free() it. */
struct trace fibre_otdr_trace(struct fibre_otdr *o, const struct otdr_fibre *fibre);

#endif
