/* SPDX-License-Identifier: BSD-3-Clause */

/* What the engine asks of the QKD role: the card, pads, who takes its blocks and alarms. */

#include "dataplane/qkd_role_state.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"

bool qkd_role_tell(struct qkd_role *q, struct qkd_note *note)
{
	if (note != NULL && spsc_push(&q->to_control, note))
		return true;
	q->notes_dropped++;
	qkd_note_free(note);
	return false;
}

static int op_source_mode(void *ctx, enum source_mode mode, uint64_t *from_slot)
{
	return optics_source_mode(((struct qkd_role *)ctx)->optics, mode, from_slot);
}

static uint64_t op_slot_now(void *ctx)
{
	return optics_slot_now(((struct qkd_role *)ctx)->optics);
}

static int op_lookup(void *ctx, const uint64_t *slots, size_t n)
{
	return optics_lookup(((struct qkd_role *)ctx)->optics, slots, n);
}

static void drop_pad(struct qkd_role *q)
{
	q->pad_count--;
	memmove(q->pads, q->pads + 1, q->pad_count * sizeof(*q->pads));
	secret_wipe(&q->pads[q->pad_count], sizeof(*q->pads));
	__atomic_fetch_sub(&q->pads_around, 1, __ATOMIC_RELAXED);
}

static int op_pad_take(void *ctx, struct auth_pad *pad)
{
	struct qkd_role *q = ctx;

	/*
	 * A peer that started anew has forgotten the second half of a key whose first half was in
	 * a tag: the next key is where both go on.
	 */
	if (q->pad_count > 0 && q->pads[0].id == q->last_pad + 1 && q->pads[0].id % 2 == 1 &&
	    q->last_pad_session != q->session)
		drop_pad(q);
	if (q->pad_count == 0)
		return -EAGAIN;
	/* In order, and the peer does not keep a pad for ever. */
	*pad = q->pads[0];
	q->last_pad = pad->id;
	q->last_pad_session = q->session;
	drop_pad(q);
	return 0;
}

/* A question that got lost would hold its block for ever: the engine asks again. */
static int op_pad_fetch(void *ctx, uint64_t id)
{
	struct qkd_role *q = ctx;
	struct qkd_note *note =
	        spsc_room(&q->to_control) > 0 ? qkd_note_new(QKD_NOTE_PAD_WANTED, 0) : NULL;

	if (note == NULL)
		return -EAGAIN;
	note->pad.id = id;
	qkd_role_tell(q, note);
	return 0;
}

static void op_block_ready(void *ctx, struct key_block *kb)
{
	struct qkd_role *q = ctx;
	struct qkd_note *note = qkd_note_new(QKD_NOTE_BLOCK, 0);

	kb->simulated = optics_simulated(q->optics);
	kb->time_wall_ns = clock_wall_ns();
	if (note == NULL)
		key_block_free(kb);
	else
		note->block = kb;
	qkd_role_tell(q, note);
}

static void op_alarm(void *ctx, enum engine_alarm alarm, bool raised, const char *text)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_ALARM, strlen(text) + 1);

	if (note != NULL) {
		note->alarm = alarm;
		note->raised = raised;
		memcpy(note->data, text, note->len);
	}
	qkd_role_tell(ctx, note);
}

static int op_random(void *ctx, void *buf, size_t n)
{
	return optics_random(((struct qkd_role *)ctx)->optics, buf, n);
}

static bool op_give(void *ctx, struct job *j)
{
	struct qkd_role *q = ctx;

	return qkd_worker_give(q->worker, q->workers, j);
}

struct engine_ops qkd_role_ops(struct qkd_role *q, bool workers)
{
	return (struct engine_ops){
	        .source_mode = op_source_mode,
	        .slot_now = op_slot_now,
	        .lookup = op_lookup,
	        .pad_take = op_pad_take,
	        .pad_fetch = op_pad_fetch,
	        .block_ready = op_block_ready,
	        .alarm = op_alarm,
	        .random = {.name = "card QRNG, SHA-256", .fill = op_random, .ctx = q},
	        .give = workers ? op_give : NULL,
	};
}
