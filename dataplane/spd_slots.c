/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd_slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(SPD_SLOTS <= UINT16_MAX, "a decision names its slot in 16 bits");

/*
 * The slot of NAME, or a free one, or else one of a name that the current rules do not have and
 * that is not MINE.
 */
static unsigned int slot_of(const struct spd_slots *s, const char *name, const bool *mine)
{
	unsigned int free_slot = 0, left = 0;

	for (unsigned int i = 1; i < SPD_UNCOUNTED; i++) {
		if (strcmp(s->slot[i].name, name) == 0)
			return i;
		if (s->slot[i].name[0] == '\0' && free_slot == 0)
			free_slot = i;
		if (!s->slot[i].used && !mine[i] && left == 0)
			left = i;
	}
	return free_slot != 0 ? free_slot : left;
}

static void sum(const struct spd_slots *s, unsigned int slot, uint64_t *packets, uint64_t *bytes)
{
	*packets = *bytes = 0;
	for (unsigned int c = 0; c < s->cores; c++) {
		*packets += __atomic_load_n(&s->hits[c][slot].packets, __ATOMIC_RELAXED);
		*bytes += __atomic_load_n(&s->hits[c][slot].bytes, __ATOMIC_RELAXED);
	}
}

bool spd_slots_assign(struct spd_slots *s, const struct spd_rule *rules, unsigned int count,
                      struct spd_entry *entry, bool mine[SPD_SLOTS])
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int n = slot_of(s, rules[i].name, mine);
		struct spd_slot *slot = &s->slot[n];

		if (n == 0 || mine[n])
			return false;
		mine[n] = true;
		if (strcmp(slot->name, rules[i].name) != 0) {
			snprintf(slot->name, sizeof(slot->name), "%s", rules[i].name);
			sum(s, n, &slot->packets0, &slot->bytes0);
		}
		entry[i].slot = (uint16_t)n;
	}
	return true;
}

void spd_slots_settle(struct spd_slots *s, const bool mine[SPD_SLOTS])
{
	for (unsigned int i = 1; i < SPD_UNCOUNTED; i++) {
		if (!mine[i] && !s->slot[i].used)
			s->slot[i].name[0] = '\0';
		s->slot[i].used = mine[i];
	}
}

void spd_slots_read(const struct spd_slots *s, unsigned int slot, uint64_t *packets,
                    uint64_t *bytes)
{
	sum(s, slot, packets, bytes);
	*packets -= s->slot[slot].packets0;
	*bytes -= s->slot[slot].bytes0;
}

int spd_slots_init(struct spd_slots *s, unsigned int cores)
{
	s->hits = calloc(cores, sizeof(*s->hits));
	if (s->hits == NULL)
		return -ENOMEM;
	for (unsigned int c = 0; c < cores; c++) {
		s->hits[c] = aligned_alloc(64, SPD_SLOTS * sizeof(struct spd_hit));
		if (s->hits[c] == NULL)
			return -ENOMEM;
		memset(s->hits[c], 0, SPD_SLOTS * sizeof(struct spd_hit));
		s->cores++;
	}
	return 0;
}

void spd_slots_fini(struct spd_slots *s)
{
	for (unsigned int c = 0; c < s->cores; c++)
		free(s->hits[c]);
	free(s->hits);
}
