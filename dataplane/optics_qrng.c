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

int optics_qrng_tape(struct optics_qrng *o, const struct card_tape *tape)
{
	if (state_of(o) != OPTICS_TAPE_IDLE)
		return -EBUSY;
	o->tape = *tape;
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

/* True when it ended. */
static bool running(struct optics_qrng *o, struct card *card)
{
	ssize_t used = card_random_taped(card);
	bool given_up = __atomic_load_n(&o->abort, __ATOMIC_RELAXED);

	if (used >= 0)
		__atomic_store_n(&o->used, (size_t)used, __ATOMIC_RELAXED);
	if (used >= 0 && (size_t)used < o->tape.size && !given_up)
		return false;
	card_random_tape(card, NULL);
	if (used == (ssize_t)o->tape.size)
		state_set(o, OPTICS_TAPE_READY);
	else
		fail(o, used < 0 ? (int)used : -ECANCELED);
	return true;
}

static void begin(struct optics_qrng *o, struct card *card)
{
	int rc = card_has_random(card) ? card_random_tape(card, &o->tape) : -ENOTSUP;

	if (rc < 0) {
		fail(o, rc);
		return;
	}
	if (o->tape.restarts > 0)
		card_safe_off(card);
	state_set(o, OPTICS_TAPE_RUNNING);
}

bool optics_qrng_poll(struct optics_qrng *o, struct card *card)
{
	enum optics_tape_state state = state_of(o);

	if (state == OPTICS_TAPE_ASKED)
		begin(o, card);
	return state == OPTICS_TAPE_RUNNING && running(o, card) && o->tape.restarts > 0;
}

void optics_qrng_lost(struct optics_qrng *o)
{
	if (state_of(o) == OPTICS_TAPE_ASKED || state_of(o) == OPTICS_TAPE_RUNNING)
		fail(o, -ENODEV);
}
