/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The two tags of a block: each over all messages of its direction. Alice's says besides what
 * of the block's key goes back to authentication, so that both ends split it alike.
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

/* Alice: pads for pads, and new hash keys when those in use have served. */
static void grant(struct engine *e, struct block *b, const struct auth_pad *pad)
{
	uint32_t keys = b->plan.secret_bits / 256;

	b->pad_base = pad->grant_base;
	b->pad_keys = (pad->grant_keys < keys ? pad->grant_keys : keys) & ~1u;
	b->hash_keys = (e->hash->preshared || e->hash->uses >= HASH_KEYS_USES) &&
	               b->plan.secret_bits >= RENEWAL_BITS_LEAST + 256 * b->pad_keys &&
	               !renewal_under_way(e);
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

/* What Alice's tag says of the split; Bob's says nothing. */
static bool split_valid(struct engine *e, struct block *b, const struct message *m)
{
	if (e->config.role == ENGINE_ALICE)
		return m->tag.pad_base == 0 && m->tag.pad_keys == 0 && m->tag.hash_keys == 0;
	if ((m->tag.pad_base & AUTH_PAD_COMPUTATIONAL) != 0 ||
	    m->tag.pad_keys + m->tag.hash_keys > b->plan.secret_bits / 256)
		return false;
	b->pad_base = m->tag.pad_base;
	b->pad_keys = m->tag.pad_keys;
	b->hash_keys = m->tag.hash_keys;
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
