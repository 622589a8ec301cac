/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/shm_ring.h"

#include <string.h>

#include "drivers/card_table.h"
#include "drivers/model/shm_card.h"

static uint32_t reg(unsigned int q, uint32_t offset)
{
	return CARD_RING(q) + offset;
}

static void show(struct shm_card *card, unsigned int q, uint32_t state)
{
	struct shm_ring *r = &card->ring[q];

	shm_card_put(card, reg(q, CARD_RING_CTRL), r->run ? CARD_RING_CTRL_RUN : 0);
	shm_card_put(card, reg(q, CARD_RING_STATE), state);
}

void shm_ring_reset(struct shm_card *card, unsigned int q)
{
	struct shm_ring *r = &card->ring[q];

	*r = (struct shm_ring){.to_host = r->to_host};
	for (uint32_t offset = 0; offset < 0x40; offset += 4)
		shm_card_put(card, reg(q, offset), 0);
	show(card, q, CARD_RING_IDLE);
}

static void ring_fault(struct shm_card *card, unsigned int q, uint32_t code, uint32_t argument)
{
	shm_card_fault(card, code, argument);
	show(card, q, CARD_RING_ERROR);
}

/* RUN: the ring must be whole before the card touches it. Returns the bad register or 0. */
static uint32_t ring_start(struct shm_card *card, unsigned int q)
{
	struct shm_ring *r = &card->ring[q];

	if (!card_ring_there(q, card->role, CARD_FEATURES_1_0 | card->features_used))
		return reg(q, CARD_RING_CTRL);
	if (r->log2_size < 1 || r->log2_size > 15)
		return reg(q, CARD_RING_LOG2_SIZE);
	if (r->base % sizeof(struct card_desc) != 0)
		return reg(q, CARD_RING_BASE_LO);
	for (uint32_t i = 0; i < 1u << r->log2_size; i++)
		if (shm_card_memory(card, r->base + i * sizeof(struct card_desc),
		                    sizeof(struct card_desc)) == NULL) {
			ring_fault(card, q, CARD_FAULT_DMA, q);
			return 0;
		}
	r->run = true;
	show(card, q, CARD_RING_RUNNING);
	return 0;
}

uint32_t shm_ring_write(struct shm_card *card, unsigned int q, uint32_t offset, uint32_t value)
{
	struct shm_ring *r = &card->ring[q];

	switch (offset) {
	case CARD_RING_BASE_LO:
	case CARD_RING_BASE_HI:
	case CARD_RING_LOG2_SIZE:
		if (r->run) /* fixed while it runs */
			return reg(q, offset);
		shm_card_put(card, reg(q, offset), value);
		if (offset == CARD_RING_BASE_LO)
			r->base = (r->base & ~0xffffffffULL) | value;
		else if (offset == CARD_RING_BASE_HI)
			r->base = (r->base & 0xffffffffULL) | (uint64_t)value << 32;
		else
			r->log2_size = value;
		return 0;
	case CARD_RING_TAIL:
		shm_card_put(card, reg(q, offset), value);
		return 0;
	case CARD_RING_VECTOR:
		if (value != 0 && value >= card->host.vectors)
			return reg(q, offset);
		r->vector = value;
		shm_card_put(card, reg(q, offset), value);
		return 0;
	case CARD_RING_CTRL:
		if (value & CARD_RING_CTRL_RESET) {
			shm_ring_reset(card, q);
			return 0;
		}
		if (!(value & CARD_RING_CTRL_RUN)) {
			shm_ring_complete(card, q, 0);
			r->run = false;
			show(card, q, CARD_RING_IDLE);
			return 0;
		}
		return r->run ? 0 : ring_start(card, q);
	default:
		return 0; /* read only */
	}
}

static struct card_desc *descriptor(struct shm_card *card, unsigned int q)
{
	struct shm_ring *r = &card->ring[q];
	uint32_t index = r->head & ((1u << r->log2_size) - 1);

	return shm_card_memory(card, r->base + index * sizeof(struct card_desc),
	                       sizeof(struct card_desc));
}

bool shm_ring_open(struct shm_card *card, unsigned int q, uint64_t slot)
{
	struct shm_ring *r = &card->ring[q];
	struct card_desc *d;
	uint32_t posted;

	if (r->open)
		return true;
	if (!r->run || !card->enabled || card->faulted)
		return false;
	posted = shm_card_get(card, reg(q, CARD_RING_TAIL)) - r->head;
	if (posted == 0)
		return false;
	if (posted > 1u << r->log2_size) {
		ring_fault(card, q, CARD_FAULT_CONFIG, reg(q, CARD_RING_TAIL));
		return false;
	}
	d = descriptor(card, q);
	if (d == NULL) {
		ring_fault(card, q, CARD_FAULT_DMA, q);
		return false;
	}
	r->addr = __atomic_load_n(&d->addr, __ATOMIC_RELAXED);
	r->len = __atomic_load_n(&d->len, __ATOMIC_RELAXED);
	r->data = shm_card_memory(card, r->addr, r->len);
	if (r->data == NULL || (r->to_host && r->len < CARD_DESC_BYTES_MIN)) {
		ring_fault(card, q, CARD_FAULT_DMA, q);
		return false;
	}
	r->open = true;
	r->used = 0;
	r->first_slot = slot;
	r->open_ns = card->now_ns;
	return true;
}

void *shm_ring_record(struct shm_card *card, unsigned int q, uint32_t bytes, uint64_t slot)
{
	struct shm_ring *r = &card->ring[q];

	if (r->open && r->len - r->used < bytes)
		shm_ring_complete(card, q, 0);
	if (!shm_ring_open(card, q, slot))
		return NULL;
	return r->data + r->used;
}

void shm_ring_commit(struct shm_card *card, unsigned int q, uint32_t bytes)
{
	struct shm_ring *r = &card->ring[q];

	r->used += bytes;
	if (r->used == r->len)
		shm_ring_complete(card, q, 0);
}

void shm_ring_complete(struct shm_card *card, unsigned int q, uint32_t flags)
{
	struct shm_ring *r = &card->ring[q];
	struct card_desc *d;

	if (!r->open)
		return;
	r->open = false;
	d = descriptor(card, q);
	if (d == NULL) {
		ring_fault(card, q, CARD_FAULT_DMA, q);
		return;
	}
	d->used = r->used;
	d->first_slot = r->first_slot;
	d->seq = r->head;
	if (!(r->head >> r->log2_size & 1))
		flags |= CARD_DESC_PHASE;
	__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
	r->head++;
	shm_card_put(card, reg(q, CARD_RING_HEAD), r->head);
	shm_card_cause(card, CARD_IRQ_RING(q));
}

void shm_ring_moderate(struct shm_card *card, unsigned int q)
{
	struct shm_ring *r = &card->ring[q];

	if (r->open && r->to_host && r->used > 0 &&
	    card->now_ns - r->open_ns >= (uint64_t)card->moderation_us * 1000)
		shm_ring_complete(card, q, 0);
}
