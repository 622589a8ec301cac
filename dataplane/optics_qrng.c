/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_qrng.h"

#include <errno.h>

static enum optics_tape_state state_of(const struct optics_qrng *o)
{
	return (enum optics_tape_state)__atomic_load_n(&o->state, __ATOMIC_ACQUIRE);
}

static void state_set(struct optics_qrng *o, enum optics_tape_state state)
{
	__atomic_store_n(&o->state, (int)state, __ATOMIC_RELEASE);
}

int optics_qrng_tape(struct optics_qrng *o, bool raw, uint8_t *buf, size_t size)
{
	if (state_of(o) != OPTICS_TAPE_IDLE)
		return -EBUSY;
	o->raw = raw;
	o->buf = buf;
	o->size = size;
	__atomic_store_n(&o->abort, false, __ATOMIC_RELAXED);
	__atomic_store_n(&o->used, 0, __ATOMIC_RELAXED);
	state_set(o, OPTICS_TAPE_ASKED);
	return 0;
}

void optics_qrng_abort(struct optics_qrng *o)
{
	__atomic_store_n(&o->abort, true, __ATOMIC_RELAXED);
}

int64_t optics_qrng_taped(const struct optics_qrng *o, bool *ready)
{
	enum optics_tape_state state = state_of(o);

	*ready = state == OPTICS_TAPE_READY || state == OPTICS_TAPE_FAILED;
	if (state == OPTICS_TAPE_IDLE)
		return -ENOENT;
	if (state == OPTICS_TAPE_FAILED)
		return o->error;
	return (int64_t)__atomic_load_n(&o->used, __ATOMIC_RELAXED);
}

void optics_qrng_release(struct optics_qrng *o)
{
	enum optics_tape_state state = state_of(o);

	if (state == OPTICS_TAPE_READY || state == OPTICS_TAPE_FAILED)
		state_set(o, OPTICS_TAPE_IDLE);
}

static void fail(struct optics_qrng *o, int error)
{
	o->error = error;
	state_set(o, OPTICS_TAPE_FAILED);
}

static void running(struct optics_qrng *o, struct card *card)
{
	size_t used = card_random_taped(card);
	bool given_up = __atomic_load_n(&o->abort, __ATOMIC_RELAXED);

	__atomic_store_n(&o->used, used, __ATOMIC_RELAXED);
	if (used < o->size && !given_up)
		return;
	card_random_tape(card, o->raw, NULL, 0);
	if (used == o->size)
		state_set(o, OPTICS_TAPE_READY);
	else
		fail(o, -ECANCELED);
}

void optics_qrng_poll(struct optics_qrng *o, struct card *card)
{
	switch (state_of(o)) {
	case OPTICS_TAPE_ASKED:
		if (!card_has_random(card)) {
			fail(o, -ENOTSUP);
			break;
		}
		card_random_tape(card, o->raw, o->buf, o->size);
		state_set(o, OPTICS_TAPE_RUNNING);
		break;
	case OPTICS_TAPE_RUNNING:
		running(o, card);
		break;
	default:
		break;
	}
}

void optics_qrng_lost(struct optics_qrng *o)
{
	if (state_of(o) == OPTICS_TAPE_ASKED || state_of(o) == OPTICS_TAPE_RUNNING)
		fail(o, -ENODEV);
}
