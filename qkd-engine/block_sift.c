/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A block that has all its detections: only now, when no more of its light is under way, are bases
 * announced, so that what an eavesdropper did to it cannot follow from them, nor can the block's
 * end (Pfister, Lütkenhaus, Wehner and Coles, NJP 18, 053001, 2016, arXiv:1506.07502).
 */

#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

#define PARTS_PER_STEP 8 /* of SIFT_BATCH_MAX detections: 20 us */

static size_t part_at(const struct block *b, size_t at)
{
	return b->detections - at < SIFT_BATCH_MAX ? b->detections - at : SIFT_BATCH_MAX;
}

/* N detections from AT on, which is a multiple of SIFT_BATCH_MAX. */
static void take_string(const struct block *b, unsigned int string, size_t at, size_t n,
                        uint64_t *to)
{
	memcpy(to, b->string[string] + at / 64, BITS_WORDS(n) * sizeof(uint64_t));
}

static void outcomes_at(const struct block *b, size_t at, struct sift_outcomes *o)
{
	memset(o, 0, sizeof(*o));
	o->count = part_at(b, at);
	take_string(b, BLOCK_X, at, o->count, o->x);
	take_string(b, BLOCK_BIT, at, o->count, o->bit);
	take_string(b, BLOCK_CROSS, at, o->count, o->cross);
	memcpy(o->disclosed, o->x, sizeof(o->x));
}

bool block_sift_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_BASES, .block = b->number};
	uint8_t data[SIFT_BASES_MAX];
	struct sift_outcomes o;

	if (b->asked == b->detections)
		return false;
	for (int i = 0; i < PARTS_PER_STEP && b->asked < b->detections; i++) {
		outcomes_at(b, b->asked, &o);
		m.sift.offset = (uint32_t)b->asked;
		m.sift.data = data;
		m.sift.len = sift_bases_encode(&o, data);
		b->asked += o.count;
		block_send_message(e, b, &m);
	}
	secret_wipe(&o, sizeof(o));
	return true;
}

/* A part gave G; with the last one the block is ready to be reconciled. */
static void sifted(struct engine *e, struct block *b, const struct sift_gain *g, size_t count)
{
	struct monitor_counts shown;

	block_shown(g, &shown);
	memset(b->key + b->sifted / 64, 0, BITS_WORDS(count) * sizeof(uint64_t));
	block_append(b, g);
	engine_count_sifted(e, 0, g, &shown);
	b->sifted += count;
	if (b->sifted == b->detections) {
		block_seen(b, &e->monitor, MONITOR_BLOCKS, &shown);
		if (b->bits < CASCADE_FRAME_MIN || b->bits > CASCADE_BITS_MAX)
			block_abort(e, b, ABORT_NO_SECRET, true);
		else
			block_advance(e, b, BLOCK_START);
	}
	alarms_errors(e, MONITOR_BLOCKS, &shown);
}

void block_on_bases(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	struct message reply = {.type = MESSAGE_SIFTED, .block = b->number};
	size_t count = part_at(b, b->sifted);
	uint8_t data[SIFT_REPLY_MAX];
	struct sift_outcomes o;
	struct sift_choices c;
	struct sift_reply r;
	struct sift_gain g;

	if (m->sift.offset != b->sifted ||
	    sift_bases_decode(m->sift.data, m->sift.len, count, &o) < 0) {
		engine_protocol_error(e, "bases that fit no detections");
		return;
	}
	take_string(b, BLOCK_X, b->sifted, count, c.x);
	take_string(b, BLOCK_BIT, b->sifted, count, c.bit);
	take_string(b, BLOCK_DECOY, b->sifted, count, c.decoy);
	take_string(b, BLOCK_LIGHT, b->sifted, count, c.light);
	sift_judge(&o, &c, &r, &g);
	reply.sift.offset = m->sift.offset;
	reply.sift.data = data;
	reply.sift.len = sift_reply_encode(&r, &g, count, data);
	block_send_message(e, b, &reply);
	sifted(e, b, &g, count);
	secret_wipe(&c, sizeof(c));
	secret_wipe(g.key, sizeof(g.key));
}

void block_on_sifted(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len)
{
	struct sift_outcomes o;
	struct sift_reply r;
	struct sift_gain g;

	if (m->sift.offset != b->sifted || b->sifted == b->asked) {
		engine_protocol_error(e, "a reply to bases that were not sent");
		return;
	}
	outcomes_at(b, b->sifted, &o);
	if (sift_reply_decode(m->sift.data, m->sift.len, &o, &r, &g) < 0)
		engine_protocol_error(e, "a reply that fits no bases");
	else
		sifted(e, b, &g, o.count);
	secret_wipe(&o, sizeof(o));
	secret_wipe(g.key, sizeof(g.key));
}
