/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an attack is called when several monitors see it. A monitor that looks at the cause explains
 * those that see its effects: shifted pulses meet a less efficient detector, so the loss steps as
 * well, but it is no tap. Who is explained raises no alarm of its own while the other's lasts.
 * Effects that show before their cause can are told a little later.
 */

#ifndef DRIVERS_WATCH_VERDICT_H
#define DRIVERS_WATCH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/monitors.h"

/* Those that M explains, a bit each. */
uint32_t watch_explains(enum watch_monitor m);

/* Of the monitors that fired, a bit each, those to name. */
uint32_t watch_named(uint32_t fired);

/*
 * Seconds for which an alarm of M waits for another that explains it, at the most: photon-number
 * splitting shows in each pulse's clicks at once, in the decoys' share of samples some seconds
 * later, in that of all when a block is counted.
 */
double watch_wait_s(enum watch_monitor m);

#define WATCH_QUIET_NS 30000000000u /* until what fired is over */

/* From turn to turn: who stands, and whose alarms are to be told. */
struct watch_verdict {
	uint64_t over_ns[WATCH_MONITORS];  /* last above its threshold; 0: it does not stand */
	uint64_t since_ns[WATCH_MONITORS]; /* the first time of these */
	uint64_t crossings[WATCH_MONITORS];
	uint32_t stand, told;
	/* heard what decoys say; that they are fewer, which explains it while it lasts */
	uint32_t answered, fewer;
};

/* Of those that fired or stand, a bit each, those that still wait for the decoys' word. */
uint32_t watch_verdict_asks(const struct watch_verdict *v, uint32_t fired, uint64_t now_ns);

/* For how long M has stood, 0 if it does not. */
double watch_verdict_since_s(const struct watch_verdict *v, enum watch_monitor m, uint64_t now_ns);

/* Decoys are fewer since M fired, or as many as before: it waits no longer. */
void watch_verdict_answer(struct watch_verdict *v, enum watch_monitor m, bool fewer);

/*
 * Those that crossed their thresholds or are above them now, a bit each; returns whose alarms are
 * to be told, which is TOLD from then on. What broke an assumption of the proof is not over while
 * there is no key light to tell by (LIT), and its alarm is not taken back for one that came later.
 */
uint32_t watch_verdict_turn(struct watch_verdict *v, uint32_t crossed, uint32_t above, bool lit,
                            uint64_t now_ns);

/* One that stands breaks an assumption of the proof. */
bool watch_verdict_stops_key(const struct watch_verdict *v);

#endif
