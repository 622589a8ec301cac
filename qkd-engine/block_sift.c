/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A block that has all its detections: only now, when no more of its light is under way, are bases
 * announced, so that what an eavesdropper did to it cannot follow from them, nor can the block's
 * end (Pfister, Lütkenhaus, Wehner and Coles, NJP 18, 053001, 2016, arXiv:1506.07502).
 *
 * What comes is put aside and looked at many parts at a time, as a job that another core may do:
 * that alone touches the block's strings then, and what follows from it is said and counted here.
 */

#include <errno.h>
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

/* G of COUNT detections into the block, and what is to be told of it. */
static void keep(struct block *b, const struct sift_gain *g, size_t count, struct sift_told *told)
{
	block_shown(g, &told->shown);
	told->keys = g->keys;
	memset(b->key + b->sifted / 64, 0, BITS_WORDS(count) * sizeof(uint64_t));
	block_append(b, g);
	b->sifted += count;
}

/* Alice: the reply to a part; -EPROTO: it fits no detections. */
static int judge(struct block *b, const struct sift_part *in, struct sift_part *out,
                 struct sift_told *told)
{
	size_t count = part_at(b, b->sifted);
	struct sift_outcomes o;
	struct sift_choices c;
	struct sift_reply r;
	struct sift_gain g;

	if (sift_bases_decode(in->data, in->len, count, &o) < 0)
		return -EPROTO;
	take_string(b, BLOCK_X, b->sifted, count, c.x);
	take_string(b, BLOCK_BIT, b->sifted, count, c.bit);
	take_string(b, BLOCK_DECOY, b->sifted, count, c.decoy);
	take_string(b, BLOCK_LIGHT, b->sifted, count, c.light);
	sift_judge(&o, &c, &r, &g);
	out->len = sift_reply_encode(&r, &g, count, out->data);
	keep(b, &g, count, told);
	secret_wipe(&c, sizeof(c));
	secret_wipe(g.key, sizeof(g.key));
	return 0;
}

/* Bob: what a reply gives; -EPROTO: it fits no bases. */
static int take_reply(struct block *b, const struct sift_part *in, struct sift_told *told)
{
	struct sift_outcomes o;
	struct sift_reply r;
	struct sift_gain g;
	int rc;

	outcomes_at(b, b->sifted, &o);
	rc = sift_reply_decode(in->data, in->len, &o, &r, &g);
	if (rc == 0)
		keep(b, &g, o.count, told);
	secret_wipe(&o, sizeof(o));
	secret_wipe(g.key, sizeof(g.key));
	return rc;
}

/* Part I of those that were heard. */
static struct sift_part *part_of(struct block_sift *s, unsigned int i)
{
	return &s->ring[(s->first + i) % SIFT_AHEAD];
}

static bool heard_job(void *ctx)
{
	struct block *b = ctx;
	struct block_sift *s = b->sift;

	b->job_result = 0;
	for (int i = 0; i < PARTS_PER_STEP && s->done < s->parts && b->job_result == 0; i++) {
		const struct sift_part *in = part_of(s, s->done);

		b->job_result = s->replies ? take_reply(b, in, &s->told[s->done])
		                           : judge(b, in, &s->out[s->done], &s->told[s->done]);
		s->done++;
	}
	return s->done == s->parts || b->job_result < 0;
}

static bool ask_job(void *ctx)
{
	struct block *b = ctx;
	struct block_sift *s = b->sift;
	struct sift_outcomes o;

	for (int i = 0; i < PARTS_PER_STEP && s->done < s->parts; i++) {
		struct sift_part *out = &s->out[s->done];

		outcomes_at(b, b->asked + SIFT_BATCH_MAX * (size_t)s->done, &o);
		out->len = sift_bases_encode(&o, out->data);
		s->done++;
	}
	secret_wipe(&o, sizeof(o));
	return s->done == s->parts;
}

static void send_part(struct engine *e, struct block *b, enum message_type type, size_t offset,
                      const struct sift_part *part)
{
	struct message m = {.type = type, .block = b->number};

	m.sift.offset = (uint32_t)offset;
	m.sift.data = part->data;
	m.sift.len = part->len;
	block_send_message(e, b, &m);
}

/* Parts that were put aside become a job's, when there are many or no more come. */
static bool begin_heard(struct block_sift *s, bool replies, bool all)
{
	if (s->waiting == 0)
		return false;
	if (s->waiting < SIFT_PARTS / 2 && s->waiting != s->seen && !all) {
		s->seen = s->waiting;
		return false;
	}
	s->parts = s->waiting < SIFT_PARTS ? s->waiting : SIFT_PARTS;
	s->seen = s->done = 0;
	s->replies = replies;
	s->step = heard_job;
	return true;
}

static bool begin_ask(struct block *b)
{
	struct block_sift *s = b->sift;
	size_t left = (b->detections - b->asked + SIFT_BATCH_MAX - 1) / SIFT_BATCH_MAX;

	if (b->asked - b->said > (size_t)(SIFT_AHEAD - SIFT_PARTS) * SIFT_BATCH_MAX)
		return false;
	s->parts = left < SIFT_PARTS ? (unsigned int)left : SIFT_PARTS;
	s->done = 0;
	s->step = ask_job;
	return left > 0;
}

static void asked(struct engine *e, struct block *b)
{
	for (unsigned int i = 0; i < b->sift->parts; i++) {
		size_t count = part_at(b, b->asked);

		send_part(e, b, MESSAGE_BASES, b->asked, &b->sift->out[i]);
		b->asked += count;
	}
}

/* The block is ready to be reconciled. */
static void sifted(struct engine *e, struct block *b, const struct monitor_counts *shown)
{
	block_seen(b, &e->monitor, MONITOR_BLOCKS, shown);
	if (b->bits < CASCADE_FRAME_MIN || b->bits > CASCADE_BITS_MAX)
		block_abort(e, b, ABORT_NO_SECRET, true);
	else
		block_advance(e, b, BLOCK_START);
}

/* What comes of parts FIRST and on; an alarm among them may end the block. */
static void heard(struct engine *e, struct block *b)
{
	const struct sift_told *told = b->sift->told;
	unsigned int parts = b->sift->done;
	uint64_t number = b->number;

	/* From the ring's start again when it is empty: fewer lines of the cache. */
	b->sift->waiting -= parts;
	b->sift->first = b->sift->waiting == 0 ? 0 : (b->sift->first + parts) % SIFT_AHEAD;
	if (b->job_result < 0) {
		engine_protocol_error(e, b->sift->replies ? "a reply that fits no bases"
		                                          : "bases that fit no detections");
		return;
	}
	for (unsigned int i = 0; i < parts && engine_block(e, number) == b; i++) {
		engine_count_sifted(e, 0, told[i].keys, &told[i].shown);
		if (!b->sift->replies)
			send_part(e, b, MESSAGE_SIFTED, b->said, &b->sift->out[i]);
		b->said += part_at(b, b->said);
		if (b->said == b->detections)
			sifted(e, b, &told[i].shown);
		alarms_errors(e, MONITOR_BLOCKS, &told[i].shown);
	}
}

bool block_sift_step(struct engine *e, struct block *b)
{
	bool bob = e->config.role == ENGINE_BOB;
	struct block_sift *s = b->sift;
	enum block_job did;

	if (s->step == NULL && !begin_heard(s, bob, b->heard == (bob ? b->asked : b->detections)) &&
	    !(bob && begin_ask(b)))
		return false;
	did = block_job_small(e, b, s->step);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	if (s->step == ask_job)
		asked(e, b);
	else
		heard(e, b);
	s->step = NULL;
	return true;
}

/* The part that comes next was heard; false: that is not it, or it is further ahead than may be. */
static bool put_aside(struct block *b, const struct message *m)
{
	struct block_sift *s = b->sift;
	struct sift_part *in = part_of(s, s->waiting);

	if (m->sift.offset != b->heard || m->sift.len > sizeof(in->data) ||
	    b->heard == b->detections || s->waiting == SIFT_AHEAD)
		return false;
	memcpy(in->data, m->sift.data, m->sift.len);
	in->len = m->sift.len;
	s->waiting++;
	b->heard += part_at(b, b->heard);
	return true;
}

void block_on_bases(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	if (!put_aside(b, m))
		engine_protocol_error(e, "bases that fit no detections");
}

void block_on_sifted(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len)
{
	if (b->heard == b->asked || !put_aside(b, m))
		engine_protocol_error(e, "a reply to bases that were not sent");
}
