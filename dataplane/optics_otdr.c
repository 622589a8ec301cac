/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_otdr.h"

#include <errno.h>

static void state_set(struct optics_otdr *o, enum optics_otdr_state state)
{
	__atomic_store_n(&o->state, (int)state, __ATOMIC_RELEASE);
}

enum optics_otdr_state optics_otdr_state(const struct optics_otdr *o)
{
	return (enum optics_otdr_state)__atomic_load_n(&o->state, __ATOMIC_ACQUIRE);
}

int optics_otdr_ask(struct optics_otdr *o, const struct card_otdr_settings *set)
{
	if (optics_otdr_state(o) != OPTICS_OTDR_IDLE)
		return -EBUSY;
	o->set = *set;
	__atomic_store_n(&o->abort, false, __ATOMIC_RELAXED);
	__atomic_store_n(&o->done, 0, __ATOMIC_RELAXED);
	state_set(o, OPTICS_OTDR_ASKED);
	return 0;
}

void optics_otdr_abort(struct optics_otdr *o)
{
	__atomic_store_n(&o->abort, true, __ATOMIC_RELAXED);
}

uint32_t optics_otdr_done(const struct optics_otdr *o)
{
	return __atomic_load_n(&o->done, __ATOMIC_RELAXED);
}

int optics_otdr_take(const struct optics_otdr *o, struct card_otdr_trace *out)
{
	enum optics_otdr_state state = optics_otdr_state(o);

	if (state == OPTICS_OTDR_FAILED)
		return o->error;
	if (state != OPTICS_OTDR_READY)
		return -EAGAIN;
	*out = o->trace;
	return 0;
}

void optics_otdr_release(struct optics_otdr *o)
{
	enum optics_otdr_state state = optics_otdr_state(o);

	if (state == OPTICS_OTDR_READY || state == OPTICS_OTDR_FAILED)
		state_set(o, OPTICS_OTDR_TAKEN);
}

void optics_otdr_closing(struct optics_otdr *o)
{
	enum optics_otdr_state state = optics_otdr_state(o);

	/* The role has given the card up and looks at nothing until there is another. */
	if (state == OPTICS_OTDR_TAKEN) {
		state_set(o, OPTICS_OTDR_IDLE);
	} else if (state != OPTICS_OTDR_IDLE) {
		o->error = -ENODEV;
		state_set(o, OPTICS_OTDR_FAILED);
	}
}

static void fail(struct optics_otdr *o, int error)
{
	o->error = error;
	state_set(o, OPTICS_OTDR_FAILED);
}

static void running(struct optics_otdr *o, struct card *card)
{
	struct card_status status;

	if (__atomic_load_n(&o->abort, __ATOMIC_RELAXED))
		card_otdr_abort(card);
	__atomic_store_n(&o->done, card_otdr_progress(card), __ATOMIC_RELAXED);
	switch (card_otdr_state(card)) {
	case CARD_OTDR_READY:
		card_otdr_trace(card, &o->trace);
		card_status_read(card, &status);
		o->simulated = status.simulated;
		state_set(o, OPTICS_OTDR_READY);
		break;
	case CARD_OTDR_BROKEN:
		fail(o, __atomic_load_n(&o->abort, __ATOMIC_RELAXED) ? -ECANCELED : -EIO);
		break;
	default:
		break;
	}
}

void optics_otdr_poll(struct optics_otdr *o, struct card *card)
{
	int rc;

	switch (optics_otdr_state(o)) {
	case OPTICS_OTDR_ASKED:
		rc = card_otdr_start(card, &o->set);
		if (rc < 0)
			fail(o, rc);
		else
			state_set(o, OPTICS_OTDR_RUNNING);
		break;
	case OPTICS_OTDR_RUNNING:
		running(o, card);
		break;
	case OPTICS_OTDR_TAKEN:
		card_otdr_release(card);
		state_set(o, OPTICS_OTDR_IDLE);
		break;
	default:
		break;
	}
}

void optics_otdr_lost(struct optics_otdr *o)
{
	enum optics_otdr_state state = optics_otdr_state(o);

	if (state == OPTICS_OTDR_ASKED || state == OPTICS_OTDR_RUNNING)
		fail(o, -ENODEV);
}
