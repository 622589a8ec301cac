/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The two tags of a block: each over all messages of its direction. Alice's says besides what
 * of the block's key goes back to authentication and what leaves the gateways, so that both ends
 * split it alike, whatever the configuration of either is just then.
 */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

/* A block renews the hash keys only when that costs it an eighth at most. */
#define RENEWAL_BITS_LEAST 2048

/* What a tag is for: its direction, the link, the block, the pad. */
static size_t tag_label(const struct engine *e, const struct block *b, bool from_alice,
                        uint64_t pad, uint8_t label[64])
{
	static const char purpose[] = "lumengate";

	memset(label, 0, 64);
	memcpy(label, purpose, sizeof(purpose) - 1);
	label[9] = from_alice ? 'A' : 'B';
	memcpy(label + 10, e->config.link, strnlen(e->config.link, 30));
	memcpy(label + 40, b->id, 16);
	put_be64(label + 56, pad);
	return 64;
}

static bool renewal_under_way(const struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++)
		if (e->blocks[i].stage > BLOCK_ENDING && e->blocks[i].hash_keys > 0)
			return true;
	return false;
}

#define KEY_BITS  256
#define KEY_UNITS (KEY_BITS / 8 / ENGINE_UNIT_BYTES)

static uint32_t larger(const uint32_t units[2])
{
	return units[0] > units[1] ? units[0] : units[1];
}

/* Alice: the positions that came with a pad; what is left of others goes when a gap is between. */
static void take_positions(struct engine *e, const struct auth_pad *pad)
{
	if (pad->grant_positions == 0)
		return;
	if (pad->grant_position != e->position_end)
		e->position_next = pad->grant_position;
	e->position_end = pad->grant_position + pad->grant_positions;
}

/* Of these, what may be used. */
static uint64_t positions_left(struct engine *e)
{
	if (e->position_next < e->position_least)
		e->position_next = e->position_least;
	return e->position_end > e->position_next ? e->position_end - e->position_next : 0;
}

/* Alice: whole keys of what is left, all but one at the most. */
static void deliver_some(struct engine *e, struct block *b)
{
	uint32_t rest = b->plan.secret_bits / KEY_BITS - b->pad_keys - b->hash_keys, n;

	b->position = 0;
	for (unsigned int i = 0; i < 2; i++)
		b->units[i] = rest == 0 ? 0
		                        : (uint32_t)((uint64_t)(rest - 1) * e->delivery[i] / 100) *
		                                  KEY_UNITS;
	n = larger(b->units);
	if (n == 0)
		return;
	if (n > positions_left(e)) {
		e->stats.positions_short++;
		b->units[0] = b->units[1] = 0;
		return;
	}
	b->position = e->position_next;
	e->position_next += n;
}

void engine_delivery(struct engine *e, unsigned int percent_a, unsigned int percent_b)
{
	e->delivery[0] = percent_a > 100 ? 100 : percent_a;
	e->delivery[1] = percent_b > 100 - e->delivery[0] ? 100 - e->delivery[0] : percent_b;
}

void engine_positions_from(struct engine *e, uint64_t least)
{
	if (e->position_least < least)
		e->position_least = least;
}

/* Alice: pads for pads, and new hash keys when those in use have served; and what is delivered. */
static void grant(struct engine *e, struct block *b, const struct auth_pad *pad)
{
	uint32_t keys = b->plan.secret_bits / KEY_BITS;

	b->pad_base = pad->grant_base;
	b->pad_keys = (pad->grant_keys < keys ? pad->grant_keys : keys) & ~1u;
	b->hash_keys = (e->hash->preshared || e->hash->uses >= HASH_KEYS_USES) &&
	               b->plan.secret_bits >= RENEWAL_BITS_LEAST + 256 * b->pad_keys &&
	               !renewal_under_way(e);
	take_positions(e, pad);
	deliver_some(e, b);
}

bool block_send_tag(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_TAG, .block = b->number};
	uint8_t msg[MESSAGE_TAG_COVERED + AUTH_TAG_BYTES], label[64];
	bool alice = e->config.role == ENGINE_ALICE;
	size_t label_len;
	int r = e->ops.pad_take(e->ctx, &b->secret->tx_pad);

	alarms_pads(e, r == 0);
	if (r < 0)
		return false;
	if (alice)
		grant(e, b, &b->secret->tx_pad);
	m.tag.pad = b->secret->tx_pad.id;
	m.tag.pad_base = alice ? b->pad_base : 0;
	m.tag.pad_keys = alice ? (uint8_t)b->pad_keys : 0;
	m.tag.hash_keys = alice ? (uint8_t)b->hash_keys : 0;
	m.tag.position = alice ? b->position : 0;
	m.tag.units[0] = alice ? b->units[0] : 0;
	m.tag.units[1] = alice ? b->units[1] : 0;
	b->computational |= (m.tag.pad & AUTH_PAD_COMPUTATIONAL) != 0;
	message_encode(&m, msg, sizeof(msg));
	auth_transcript_add(&b->secret->tx, msg, MESSAGE_TAG_COVERED);
	label_len = tag_label(e, b, alice, m.tag.pad, label);
	auth_transcript_tag(&b->secret->tx, label, label_len, b->secret->tx_pad.bits,
	                    msg + MESSAGE_TAG_COVERED);
	e->eps_auth += auth_forgery_probability(&b->secret->tx, label_len);
	e->stats.tags++;
	b->hash->uses++;
	e->preshared_hashes += b->hash->preshared;
	secret_wipe(&b->secret->tx_pad, sizeof(b->secret->tx_pad));
	engine_send(e, msg, sizeof(msg));
	return true;
}

/* Whole keys, at new positions that key identifiers can have, and a key is left. */
static bool delivery_valid(const struct engine *e, const struct message *m, uint32_t keys_left)
{
	const uint32_t *units = m->tag.units;

	if (units[0] == 0 && units[1] == 0)
		return m->tag.position == 0;
	return units[0] % KEY_UNITS == 0 && units[1] % KEY_UNITS == 0 &&
	       ((uint64_t)units[0] + units[1]) / KEY_UNITS < keys_left &&
	       m->tag.position >= e->position_next && m->tag.position <= ENGINE_POSITIONS &&
	       larger(units) <= ENGINE_POSITIONS - m->tag.position;
}

/* What Alice's tag says of the split; Bob's says nothing. */
static bool split_valid(struct engine *e, struct block *b, const struct message *m)
{
	uint32_t keys = b->plan.secret_bits / KEY_BITS, own = m->tag.pad_keys + m->tag.hash_keys;

	if (e->config.role == ENGINE_ALICE)
		return m->tag.pad_base == 0 && own == 0 && m->tag.position == 0 &&
		       m->tag.units[0] == 0 && m->tag.units[1] == 0;
	if ((m->tag.pad_base & AUTH_PAD_COMPUTATIONAL) != 0 || own > keys ||
	    !delivery_valid(e, m, keys - own))
		return false;
	b->pad_base = m->tag.pad_base;
	b->pad_keys = m->tag.pad_keys;
	b->hash_keys = m->tag.hash_keys;
	b->position = m->tag.position;
	memcpy(b->units, m->tag.units, sizeof(b->units));
	return true;
}

void block_peer_tag(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	if (b->peer_tag || len != sizeof(b->peer_tag_msg)) {
		engine_protocol_error(e, "a second tag");
		return;
	}
	if (!split_valid(e, b, m)) {
		engine_protocol_error(e, "a tag that splits the key wrongly");
		return;
	}
	b->peer_tag = true;
	b->peer_pad_id = m->tag.pad;
	b->computational |= (m->tag.pad & AUTH_PAD_COMPUTATIONAL) != 0;
	memcpy(b->peer_tag_msg, msg, len);
	e->worked = true;
}

static bool check_peer_tag(struct engine *e, struct block *b)
{
	uint8_t label[64], tag[AUTH_TAG_BYTES];
	size_t label_len = tag_label(e, b, e->config.role != ENGINE_ALICE, b->peer_pad_id, label);
	bool right;

	auth_transcript_add(&b->secret->rx, b->peer_tag_msg, MESSAGE_TAG_COVERED);
	/* Whatever comes of the block: a forgery had this chance. */
	e->eps_auth += auth_forgery_probability(&b->secret->rx, label_len);
	auth_transcript_tag(&b->secret->rx, label, label_len, b->secret->rx_pad.bits, tag);
	right = bytes_equal_ct(tag, b->peer_tag_msg + MESSAGE_TAG_COVERED, AUTH_TAG_BYTES);
	secret_wipe(tag, sizeof(tag));
	secret_wipe(&b->secret->rx_pad, sizeof(b->secret->rx_pad));
	if (!right)
		block_abort(e, b, ABORT_TAG, true);
	else if (e->config.role == ENGINE_BOB && larger(b->units) > 0 &&
	         e->position_next < b->position + larger(b->units))
		e->position_next = b->position + larger(b->units);
	return right;
}

bool block_peer_tag_step(struct engine *e, struct block *b)
{
	int r;

	if (!b->peer_tag)
		return false;
	if (!b->peer_pad_asked) {
		b->peer_pad_asked = true; /* the answer may come from within */
		r = e->ops.pad_fetch(e->ctx, b->peer_pad_id);
		if (r == -EAGAIN)
			b->peer_pad_asked = false;
		else if (r < 0)
			block_abort(e, b, ABORT_TAG, true);
		return r != -EAGAIN;
	}
	if (!b->peer_pad)
		return false;
	if (check_peer_tag(e, b))
		block_advance(e, b, BLOCK_HOLD);
	return true;
}

void block_peer_pad(struct engine *e, struct block *b, const struct auth_pad *pad)
{
	if (pad == NULL) {
		block_abort(e, b, ABORT_TAG, true);
		return;
	}
	b->secret->rx_pad = *pad;
	b->peer_pad = true;
	e->worked = true;
}
