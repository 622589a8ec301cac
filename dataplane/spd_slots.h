/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the rules of the security policy count: each name has a slot, the same on all cores, which
 * it keeps over updates. Control thread only, but for the counts themselves.
 */

#ifndef DATAPLANE_SPD_SLOTS_H
#define DATAPLANE_SPD_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/spd.h"

struct spd_slot {
	char name[32];             /* "": free */
	bool used;                 /* by the current rules */
	uint64_t packets0, bytes0; /* what it had counted when it got its name */
};

struct spd_slots {
	/* the pointers control: ro, what they point to one core's each */
	struct spd_hit **hits;
	/* control */
	unsigned int cores;
	struct spd_slot slot[SPD_SLOTS];
};

/* S is zero before. -ENOMEM: what is there is to be freed, too. */
int spd_slots_init(struct spd_slots *s, unsigned int cores);
void spd_slots_fini(struct spd_slots *s);

/*
 * A slot for each rule, into its ENTRY, and marked in MINE, which is all false before. No core may
 * still count by other rules than the current ones. False: two rules have one name.
 */
bool spd_slots_assign(struct spd_slots *s, const struct spd_rule *rules, unsigned int count,
                      struct spd_entry *entry, bool mine[SPD_SLOTS]);
/* These rules count from now on; other names are free once the rules before these are gone too. */
void spd_slots_settle(struct spd_slots *s, const bool mine[SPD_SLOTS]);

/* The sum over the cores since the slot got its name. */
void spd_slots_read(const struct spd_slots *s, unsigned int slot, uint64_t *packets,
                    uint64_t *bytes);

#endif
