/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_monitor.h"

#include <math.h>

#include "drivers/card_regs.h"

#define MASK ((1u << OPTICS_MONITOR_LOG2) - 1)

static void add(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

void optics_monitor_poll(struct optics_monitor *o, struct card *card)
{
	struct card_monitor taken;

	while (card_monitor_next(card, &taken)) {
		uint32_t tail = __atomic_load_n(&o->tail, __ATOMIC_ACQUIRE);

		if (o->head - tail > MASK) {
			add(&o->dropped);
			continue;
		}
		o->record[o->head & MASK] = taken;
		__atomic_store_n(&o->head, o->head + 1, __ATOMIC_RELEASE);
	}
}

void optics_monitor_arrival(struct optics_monitor *o, unsigned int detectors, double late)
{
	int bin = (int)floor((late + 0.5) * OPTICS_ARRIVAL_BINS);

	if (bin < 0 || bin >= OPTICS_ARRIVAL_BINS)
		return;
	for (unsigned int left = detectors & ((1u << CARD_DETECTORS) - 1); left != 0;
	     left &= left - 1)
		add(&o->arrivals[__builtin_ctz(left)][bin]);
}

bool optics_monitor_lost(struct optics_monitor *o, uint32_t fault_code)
{
	uint32_t i = fault_code - CARD_FAULT_BACK_REFLECTION;

	if (i >= OPTICS_LIMITS)
		return false;
	add(&o->trips[i]);
	return true;
}

bool optics_monitor_take(struct optics_monitor *o, struct card_monitor *out)
{
	if (o->tail == __atomic_load_n(&o->head, __ATOMIC_ACQUIRE))
		return false;
	*out = o->record[o->tail & MASK];
	__atomic_store_n(&o->tail, o->tail + 1, __ATOMIC_RELEASE);
	return true;
}

void optics_monitor_counts(const struct optics_monitor *o, struct optics_monitor_counts *out)
{
	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		for (unsigned int b = 0; b < OPTICS_ARRIVAL_BINS; b++)
			out->arrivals[d][b] = __atomic_load_n(&o->arrivals[d][b], __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < OPTICS_LIMITS; i++)
		out->trips[i] = __atomic_load_n(&o->trips[i], __ATOMIC_RELAXED);
	out->dropped = __atomic_load_n(&o->dropped, __ATOMIC_RELAXED);
}
