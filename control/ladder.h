/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The start of a link's light, rung by rung, as its operator sees it: what is done, what is under
 * way for how long, and why it takes longer than it should.
 *
 *     site a: card, temperature, bias, offset, power
 *     site b: card, temperature, delay, offset, phase
 *
 * card: opened, tested, armed. temperature: of laser or detectors, settled. bias: of the modulator,
 * found by its extinction. delay: the clicks' arrivals in the slot have a peak, and how it moves is
 * the difference of the clocks. offset: between the sites' slot numbers, by the public pattern.
 * power: mean photon number as the bound has it. phase: the interferometer is at its point. Each
 * site climbs by what its own card and the channel tell.
 */

#ifndef CONTROL_LADDER_H
#define CONTROL_LADDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/qkd_role.h"

#define LADDER_RUNGS 5

enum ladder_state { LADDER_WAITING, LADDER_RUNNING, LADDER_DONE, LADDER_LATE };

struct ladder {
	bool site_a;
	unsigned int at;                /* rung under way, LADDER_RUNGS: at the top */
	uint64_t since_ns, clicks;      /* when it began, and what had been clicked then */
	uint64_t took_ms[LADDER_RUNGS]; /* of rungs that are done */
	bool late;
	char reason[160];       /* why it has not been climbed yet, "" at the top */
	char late_reason[160];  /* when it became late */
	uint64_t starts, lates; /* times that the first rung was under way; of late rungs */
};

void ladder_reset(struct ladder *l, bool site_a, uint64_t now_ns);

/* A few times a second. CARD_REASON: why there is no card, "". */
void ladder_poll(struct ladder *l, const struct qkd_role_status *s, const char *card_reason,
                 uint64_t now_ns);

/* Late for a reason that no other alarm gives: a card, light and a channel are there. */
bool ladder_alarms(const struct ladder *l, const struct qkd_role_status *s);

json_t *ladder_json(const struct ladder *l, uint64_t now_ns);
/* Of rung I at that site. */
const char *ladder_rung_name(bool site_a, unsigned int i);
enum ladder_state ladder_rung_state(const struct ladder *l, unsigned int i);

#endif
