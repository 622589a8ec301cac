/* SPDX-License-Identifier: BSD-3-Clause */

/* A turn of the engine: the channel's session, what the peer says and who takes it, the blocks. */

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_poll)

#define MESSAGES_PER_POLL 4

struct block *engine_block(struct engine *e, uint64_t number)
{
	for (unsigned int i = 0; i < e->block_count; i++)
		if (e->blocks[i].stage > BLOCK_ENDING && e->blocks[i].number == number)
			return &e->blocks[i];
	return NULL;
}

/*
 * The peer holds the link's secret but breaks the rules: whatever is under way may differ
 * at the two ends. A block whose fate is the peer's alone to decide stays.
 */
void engine_protocol_error(struct engine *e, const char *what)
{
	e->stats.protocol_errors++;
	if (e->warned_ns == 0 || e->now_ns - e->warned_ns >= NS_PER_S) {
		e->warned_ns = e->now_ns;
		log_warn("%s: protocol error: %s", e->config.link, what);
	}
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_ENDING && b->stage != BLOCK_COMMIT)
			block_abort(e, b, ABORT_PROTOCOL, true);
	}
}

static void about_block(struct engine *e, const struct message *m, const uint8_t *msg, size_t len)
{
	struct block *b = engine_block(e, m->block);

	if (b == NULL) {
		/* On its way when the block was aborted here. */
		if (m->block > e->last_number && m->type != MESSAGE_ABORT)
			engine_protocol_error(e, "a message about an unknown block");
		return;
	}
	if (m->type == MESSAGE_ABORT)
		block_abort(e, b, (enum abort_reason)m->reason, false);
	else
		block_message(e, b, m, msg, len);
}

static void dispatch(struct engine *e, const uint8_t *msg, size_t len)
{
	int type = message_type(msg, len);
	struct message m;

	if (type == MESSAGE_PARAMETERS) {
		agree_take(e, msg, len);
		return;
	}
	if (!agree_holds(e))
		return;
	if (type == MESSAGE_ANNOUNCE && e->config.role == ENGINE_ALICE) {
		alice_message(e, type, msg, len);
		return;
	}
	if (type == MESSAGE_REPLY && e->config.role == ENGINE_BOB) {
		bob_reply(e, msg, len);
		return;
	}
	if (type < 0 || message_decode(msg, len, &m) < 0)
		engine_protocol_error(e, "a malformed message");
	else if (type >= MESSAGE_START)
		about_block(e, &m, msg, len);
	else if (e->config.role == ENGINE_ALICE)
		alice_message(e, type, msg, len);
	else
		bob_message(e, &m);
}

bool engine_check_session(struct engine *e)
{
	uint8_t id[16];
	bool up = channel_session(e->channel, id);

	if (e->session_up && (!up || memcmp(id, e->session, sizeof(id)) != 0))
		engine_drop_session(e);
	if (!up || e->session_up)
		return up;
	memcpy(e->session, id, sizeof(id));
	e->session_up = true;
	agree_state(e);
	if (e->config.role == ENGINE_BOB)
		bob_session(e);
	return true;
}

/* Go on with what was released. */
static void end_blocks(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++) {
		if (e->blocks[i].stage != BLOCK_ENDING)
			continue;
		block_release(e, &e->blocks[i]);
		/* One slice in a turn; those that another core has take no time. */
		if (!e->blocks[i].job.given) {
			e->worked = true;
			return;
		}
	}
}

/*
 * No place is free, but one of a released block will be: the peer may have used it already, and its
 * messages wait.
 */
static bool place_awaited(const struct engine *e)
{
	bool ending = false;

	for (unsigned int i = 0; i < e->block_count; i++) {
		if (e->blocks[i].stage == BLOCK_FREE)
			return false;
		ending |= e->blocks[i].stage == BLOCK_ENDING;
	}
	return ending;
}

static void receive(struct engine *e)
{
	for (int i = 0; i < MESSAGES_PER_POLL; i++) {
		const uint8_t *msg;
		size_t len;

		/* Answers need room; the peer waits when we do. */
		if (outbox_full(e) || place_awaited(e))
			return;
		msg = channel_receive(e->channel, CHANNEL_QKD, &len);
		if (msg == NULL)
			return;
		dispatch(e, msg, len);
		e->worked = true;
	}
}

static void step_blocks(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count && !outbox_full(e); i++) {
		struct block *b = &e->blocks[(e->step_next + i) % e->block_count];

		if (b->stage <= BLOCK_FILLING)
			continue;
		if (block_step(e, b)) {
			e->step_next = (e->step_next + i + 1) % e->block_count;
			e->worked = true;
			return;
		}
	}
}

bool engine_poll(struct engine *e, uint64_t now_ns)
{
	e->now_ns = now_ns;
	e->worked = false;
	if (!engine_check_session(e))
		return false;
	outbox_flush(e);
	end_blocks(e);
	receive(e);
	if (e->config.role == ENGINE_ALICE)
		alice_tick(e);
	else
		bob_tick(e);
	step_blocks(e);
	e->worked |= workspace_pool_wipe(&e->spaces);
	e->worked |= workspace_pool_wipe(&e->products);
	return e->worked;
}

void engine_pad(struct engine *e, uint64_t id, const struct auth_pad *pad)
{
	engine_check_session(e);
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage <= BLOCK_ENDING || !b->peer_pad_asked || b->peer_pad ||
		    b->peer_pad_id != id)
			continue;
		block_peer_pad(e, b, pad);
		return;
	}
}
