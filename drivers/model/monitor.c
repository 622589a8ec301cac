/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/monitor.h"

#include <string.h>

#include "common/clock.h"
#include "drivers/card_table.h"
#include "drivers/model/shm_card.h"

#define MS_MIN 10
#define MS_MAX 10000

static const struct {
	uint32_t register_of, fault;
} limits[] = {{CARD_BACK_REFLECTION_MAX, CARD_FAULT_BACK_REFLECTION},
              {CARD_OUTPUT_MAX, CARD_FAULT_OUTPUT_POWER},
              {CARD_PHOTOCURRENT_MAX, CARD_FAULT_PHOTOCURRENT},
              {CARD_TEMPERATURE_MAX, CARD_FAULT_TEMPERATURE}};
#define LIMITS (sizeof(limits) / sizeof(limits[0]))

static uint32_t *limit_of(struct shm_card *card, unsigned int i)
{
	struct shm_records *m = &card->monitor;
	uint32_t *const place[LIMITS] = {&m->back_reflection_max, &m->output_max,
	                                 &m->photocurrent_max, &m->temperature_max};

	return place[i];
}

void monitor_begin(struct shm_card *card)
{
	card->monitor = (struct shm_records){
	        .ms = card_register_find(CARD_MONITOR_MS)->reset,
	        .due_ns = card->now_ns,
	        .slot = card->slot,
	};
}

uint32_t monitor_write(struct shm_card *card, uint32_t offset, uint32_t value)
{
	const struct card_register *r = card_register_find(offset);

	if (r == NULL || !card_register_there(r, card->role, card->features))
		return 0;
	shm_card_put(card, offset, value);
	if (offset == CARD_MONITOR_MS) {
		if ((card->features_used & CARD_FEATURE_MONITOR) == 0)
			return 0;
		if (value < MS_MIN || value > MS_MAX)
			return offset;
		card->monitor.ms = value;
	}
	for (unsigned int i = 0; i < LIMITS; i++)
		if (offset == limits[i].register_of)
			*limit_of(card, i) = value;
	return 0;
}

bool monitor_on(const struct shm_card *card)
{
	return card->enabled && !card->faulted && !card->unplugged &&
	       (card->features_used & CARD_FEATURE_MONITOR) != 0;
}

bool monitor_due(struct shm_card *card)
{
	struct shm_records *m = &card->monitor;

	if (!monitor_on(card)) {
		m->due_ns = card->now_ns + m->ms * NS_PER_MS;
		m->slot = card->slot;
		return false;
	}
	if (card->now_ns < m->due_ns)
		return false;
	m->due_ns += m->ms * NS_PER_MS;
	/* After a pause, or with a new period: from now on. */
	if (m->due_ns <= card->now_ns || m->due_ns > card->now_ns + m->ms * NS_PER_MS)
		m->due_ns = card->now_ns + m->ms * NS_PER_MS;
	return true;
}

void monitor_put(struct shm_card *card, uint32_t type, void *record, uint32_t bytes)
{
	struct shm_records *m = &card->monitor;
	struct card_monitor_head head = {
	        .type = type,
	        .bytes = bytes,
	        .slot = m->slot & 0xffffffffffffULL,
	        .slots = card->slot - m->slot,
	};
	uint32_t check = 0, word;
	void *place;

	m->slot = card->slot;
	place = shm_ring_record(card, CARD_RING_MONITOR, bytes, head.slot);
	if (place == NULL) {
		card->ring[CARD_RING_MONITOR].dropped += card->ring[CARD_RING_MONITOR].run;
		return;
	}
	memcpy(record, &head, sizeof(head));
	for (uint32_t i = 0; i < bytes - 4; i += 4) {
		memcpy(&word, (uint8_t *)record + i, 4);
		check += word;
	}
	memcpy((uint8_t *)record + bytes - 4, &check, 4);
	memcpy(place, record, bytes);
	shm_ring_commit(card, CARD_RING_MONITOR, bytes);
	shm_ring_complete(card, CARD_RING_MONITOR, 0); /* one a buffer */
}

void monitor_limit(struct shm_card *card, uint32_t limit, double value)
{
	if (!card->armed || (card->features_used & CARD_FEATURE_PROTECTION) == 0)
		return;
	for (unsigned int i = 0; i < LIMITS; i++) {
		uint32_t most = *limit_of(card, i);

		if (limits[i].register_of == limit && most != 0 && value > most)
			shm_card_fault(card, limits[i].fault, limit);
	}
}

uint32_t monitor_word(double value)
{
	return value >= UINT32_MAX ? UINT32_MAX : value > 0 ? (uint32_t)(value + 0.5) : 0;
}
