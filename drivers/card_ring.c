/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/card_ring.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"

#define WRITE_NS (100 * NS_PER_MS)

static int program(struct card_ring *r, uint32_t offset, uint32_t value)
{
	return transport_write(r->ops, r->t, CARD_RING(r->number) + offset, value, WRITE_NS);
}

int card_ring_start(struct card_ring *r, const struct transport_ops *ops, void *t,
                    unsigned int number, unsigned int log2_size, const struct transport_dma *dma,
                    size_t *used)
{
	size_t size = (size_t)1 << log2_size;
	size_t descs = (size * sizeof(struct card_desc) + CARD_RING_BUFFER_BYTES - 1) &
	               ~(size_t)(CARD_RING_BUFFER_BYTES - 1);
	size_t need = descs + size * CARD_RING_BUFFER_BYTES;
	uint64_t bus = dma->bus + *used;
	int rc;

	if (dma->bytes - *used < need)
		return -ENOMEM;
	*r = (struct card_ring){.ops = ops, .t = t, .number = number, .mask = (uint32_t)size - 1};
	r->desc = (struct card_desc *)(dma->base + *used);
	r->buffers = dma->base + *used + descs;
	r->buffers_bus = bus + descs;
	memset(r->desc, 0, descs); /* phase 0: nothing is complete in the first pass */
	for (size_t i = 0; i < size; i++) {
		r->desc[i].addr = r->buffers_bus + i * CARD_RING_BUFFER_BYTES;
		r->desc[i].len = CARD_RING_BUFFER_BYTES;
	}
	*used += need;
	rc = program(r, CARD_RING_BASE_LO, (uint32_t)bus);
	if (rc == 0)
		rc = program(r, CARD_RING_BASE_HI, (uint32_t)(bus >> 32));
	if (rc == 0)
		rc = program(r, CARD_RING_LOG2_SIZE, log2_size);
	if (rc == 0)
		rc = program(r, CARD_RING_CTRL, CARD_RING_CTRL_RUN);
	r->running = rc == 0;
	return rc;
}

void card_ring_refill(struct card_ring *r)
{
	/* Addresses and lengths are the same in every pass: posting is moving the tail. */
	if (r->running)
		r->tail = r->taken + r->mask + 1;
}

void *card_ring_free(struct card_ring *r)
{
	if (!r->running || r->tail - r->taken > r->mask)
		return NULL;
	return r->buffers + (size_t)(r->tail & r->mask) * CARD_RING_BUFFER_BYTES;
}

void card_ring_post(struct card_ring *r, uint32_t n)
{
	r->desc[r->tail & r->mask].len = n;
	r->tail++;
}

void card_ring_doorbell(struct card_ring *r)
{
	if (r->tail == r->rung)
		return;
	r->ops->doorbell(r->t, CARD_RING(r->number) + CARD_RING_TAIL, r->tail);
	r->rung = r->tail;
}

bool card_ring_next(struct card_ring *r, struct card_buffer *out)
{
	struct card_desc *d;
	uint32_t flags, phase, seq;

	if (!r->running || r->done == r->tail)
		return false;
	d = &r->desc[r->done & r->mask];
	/* Written last by the card: what came before it is there when it shows. */
	flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	phase = (r->done / (r->mask + 1) & 1) == 0 ? CARD_DESC_PHASE : 0;
	if ((flags & CARD_DESC_PHASE) != phase)
		return false;
	seq = __atomic_load_n(&d->seq, __ATOMIC_RELAXED);
	out->used = __atomic_load_n(&d->used, __ATOMIC_RELAXED);
	out->first_slot = __atomic_load_n(&d->first_slot, __ATOMIC_RELAXED) & 0xffffffffffffULL;
	out->in_sequence = seq == r->seq;
	out->error = (flags & CARD_DESC_ERROR) != 0;
	if (out->used > CARD_RING_BUFFER_BYTES) {
		out->used = 0;
		out->error = true;
	}
	out->data = r->buffers + (size_t)(r->done & r->mask) * CARD_RING_BUFFER_BYTES;
	r->seq = seq + 1;
	r->done++;
	return true;
}

void card_ring_release(struct card_ring *r, uint32_t n)
{
	r->taken += n;
}
