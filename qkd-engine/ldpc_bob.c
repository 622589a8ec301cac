/* SPDX-License-Identifier: BSD-3-Clause */

/* Bob's half: he keeps Alice's syndromes, decodes one open frame after the other and asks again. */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/ldpc_decoder.h"
#include "qkd-engine/ldpc_wire.h"

enum phase {
	ASK_SYNDROMES,
	WAIT,
	PREPARE, /* a frame's difference of syndromes */
	DECODE,
	FINISH, /* check what was found, correct */
	VERDICT,
	DISCLOSED, /* take frames in full */
	DONE,
	FAILED
};

struct ldpc_bob {
	struct ldpc_plan plan;
	uint64_t *key;
	uint64_t *frame;      /* loaded; secret */
	uint64_t *difference; /* of the syndromes: syndrome_words; secret */
	struct ldpc_decoder *decoder;
	uint64_t *syndromes; /* Alice's, of all frames */
	uint32_t *checks;
	uint8_t *verdict; /* on the open frames */
	uint8_t *answer;  /* frames in full */
	struct ldpc_course course;
	size_t message_max;
	enum phase phase;
	int error;
	size_t at, undecoded; /* among the open frames */
	unsigned int layer;   /* of the frame at AT, whose syndrome is computed next */
	size_t answer_at;
};

/* Pieces of W for FRAMES of CODE with circulants of Z; but for the decoder and the answer. */
struct pieces {
	struct ldpc_bob *bob;
	uint64_t *frame, *difference, *syndromes;
	uint32_t *checks, *open;
	uint8_t *verdict;
};

static struct pieces place(struct workspace *w, const struct ldpc_code *code, size_t z,
                           size_t frames)
{
	size_t words = (z + 63) / 64, syndrome = code->rows * words * sizeof(uint64_t);

	return (struct pieces){
	        .bob = workspace_plain(w, sizeof(struct ldpc_bob)),
	        .frame = workspace_secret(w, code->cols * words * sizeof(uint64_t)),
	        .difference = workspace_secret(w, syndrome),
	        .syndromes = workspace_plain(w, frames * syndrome),
	        .checks = workspace_plain(w, frames * sizeof(uint32_t)),
	        .open = workspace_plain(w, frames * sizeof(uint32_t)),
	        .verdict = workspace_plain(w, (frames + 7) / 8),
	};
}

static void count(struct workspace *w, const struct ldpc_code *code, size_t z, size_t frames)
{
	place(w, code, z, frames);
	ldpc_decoder_size(w, code, z);
}

int ldpc_bob_size(size_t bits, size_t frame_bits, struct workspace_size *out)
{
	struct workspace answer = {0};
	int ret = ldpc_plan_size(bits, frame_bits, count, out);

	workspace_plain(&answer, ldpc_message_most(bits));
	out->plain += answer.most.plain;
	return ret;
}

struct ldpc_bob *ldpc_bob_create_in(struct workspace *w, const struct ldpc_params *p, uint64_t *key)
{
	struct ldpc_plan plan;
	struct pieces pieces;
	struct ldpc_bob *b;
	uint8_t *answer;
	int ret = ldpc_plan_init(&plan, p);

	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	pieces = place(w, plan.code, plan.z, plan.frames);
	answer = workspace_plain(w, ldpc_message_max(p));
	if (!workspace_fits(w)) {
		errno = ENOMEM;
		return NULL;
	}
	b = pieces.bob;
	*b = (struct ldpc_bob){.plan = plan,
	                       .key = key,
	                       .message_max = ldpc_message_max(p),
	                       .frame = pieces.frame,
	                       .difference = pieces.difference,
	                       .syndromes = pieces.syndromes,
	                       .checks = pieces.checks,
	                       .verdict = pieces.verdict,
	                       .answer = answer};
	b->decoder = ldpc_decoder_create_in(w, &b->plan, ldpc_kernel_best());
	if (b->decoder == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	ldpc_course_init(&b->course, &b->plan, pieces.open);
	return b;
}

static int fail(struct ldpc_bob *b, int error)
{
	b->phase = FAILED;
	b->error = error;
	return error;
}

static void start_decoding(struct ldpc_bob *b)
{
	memset(b->verdict, 0, ldpc_verdict_bytes(&b->course));
	b->at = b->undecoded = 0;
	b->phase = PREPARE;
}

static void prepare(struct ldpc_bob *b)
{
	const struct ldpc_plan *plan = &b->plan;
	size_t f = b->course.open[b->at];
	unsigned int merged = plan->choice.merged[b->course.blind], end;

	if (b->layer == 0) {
		ldpc_frame_load(plan, b->key, f, b->frame);
		memset(b->difference, 0, plan->syndrome_words * sizeof(*b->difference));
	}
	end = ldpc_layers_step(plan, merged, b->layer);
	ldpc_syndromes(plan, b->frame, merged, b->layer, end, b->difference);
	b->layer = end;
	if (end < plan->code->rows - merged)
		return;
	b->layer = 0;
	for (size_t w = 0; w < plan->syndrome_words; w++)
		b->difference[w] ^= b->syndromes[f * plan->syndrome_words + w];
	ldpc_decoder_start(b->decoder, b->difference, f, merged,
	                   b->course.blind == plan->blind_rounds);
	b->phase = DECODE;
}

/* The frame at AT was decoded, or not. */
static void judge(struct ldpc_bob *b, bool decoded)
{
	if (!decoded) {
		b->verdict[b->at / 8] |= (uint8_t)(1 << (b->at % 8));
		b->undecoded++;
	}
	b->at++;
	b->phase = b->at < b->course.open_count ? PREPARE : VERDICT;
}

static void decode(struct ldpc_bob *b)
{
	int ret = ldpc_decoder_step(b->decoder);

	if (ret == -EAGAIN)
		return;
	b->course.stats.iterations += ldpc_decoder_sweeps(b->decoder);
	if (ret == 0)
		b->phase = FINISH;
	else
		judge(b, false);
}

static void finish(struct ldpc_bob *b)
{
	const uint64_t *errors = ldpc_decoder_errors(b->decoder);
	size_t f = b->course.open[b->at];
	bool right;

	for (size_t w = 0; w < b->plan.frame_words; w++)
		b->frame[w] ^= errors[w];
	right = ldpc_check(&b->plan, b->frame, f) == b->checks[f];
	if (right) {
		uint64_t n = 0;

		ldpc_frame_add(&b->plan, b->key, f, errors);
		for (size_t w = 0; w < b->plan.frame_words; w++)
			n += (uint64_t)__builtin_popcountll(errors[w]);
		b->course.stats.corrected += b->plan.z < 64 ? n / 2 : n; /* kept twice */
	}
	judge(b, right);
}

/* One frame in full; all were taken: true. */
static bool take_frame(struct ldpc_bob *b)
{
	size_t f = b->course.open[b->at];
	size_t at = ldpc_frame_start(&b->plan, f), left = ldpc_frame_bits(&b->plan, f);

	while (left > 0) {
		size_t n = left < 64 ? left : 64;
		uint64_t v = 0;

		memcpy(&v, b->answer + b->answer_at, (n + 7) / 8);
		b->answer_at += (n + 7) / 8;
		v ^= ldpc_bits_take(b->key, at, n);
		ldpc_bits_add(b->key, at, n, v);
		b->course.stats.corrected += (uint64_t)__builtin_popcountll(v);
		at += n;
		left -= n;
	}
	return ++b->at == b->course.open_count;
}

static int write_verdict(struct ldpc_bob *b, uint8_t *out)
{
	size_t len = ldpc_verdict_bytes(&b->course);
	int ret;

	if (b->undecoded == 0) {
		b->phase = DONE;
		return 0;
	}
	ret = ldpc_course_verdict(&b->course, &b->plan, b->verdict, len);
	if (ret < 0)
		return fail(b, ret);
	memcpy(out + LDPC_HEADER, b->verdict, len);
	b->phase = WAIT;
	put_be32(out, (uint32_t)b->course.stats.rounds);
	return (int)(LDPC_HEADER + len);
}

int ldpc_bob_ask(struct ldpc_bob *b, uint8_t *out, size_t cap)
{
	switch (b->phase) {
	case ASK_SYNDROMES:
		if (cap < b->message_max)
			return -ENOBUFS;
		ldpc_course_syndromes(&b->course, &b->plan);
		put_be32(out, (uint32_t)b->course.stats.rounds);
		b->phase = WAIT;
		return LDPC_HEADER;
	case PREPARE:
		prepare(b);
		return -EAGAIN;
	case DECODE:
		decode(b);
		return -EAGAIN;
	case FINISH:
		finish(b);
		return -EAGAIN;
	case VERDICT:
		return cap < b->message_max ? -ENOBUFS : write_verdict(b, out);
	case DISCLOSED:
		if (take_frame(b))
			b->phase = DONE;
		return b->phase == DONE ? 0 : -EAGAIN;
	case FAILED:
		return b->error;
	default:
		return 0;
	}
}

static void take_syndromes(struct ldpc_bob *b, const uint8_t *p)
{
	const struct ldpc_plan *plan = &b->plan;
	unsigned int merged = plan->choice.merged[0];
	size_t f, end;

	end = ldpc_course_group(plan, b->course.stats.rounds, &f);
	for (end += f; f < end; f++) {
		uint64_t *s = b->syndromes + f * plan->syndrome_words;

		for (unsigned int l = 0; l < plan->code->rows - merged; l++) {
			struct ldpc_rows rows = ldpc_layer_rows(plan->code, merged, l);

			ldpc_row_get(plan, p, s + rows.first * plan->words);
			p += plan->z / 8;
		}
		b->checks[f] = get_be32(p);
		p += LDPC_CHECK_BITS / 8;
	}
}

/* Whether the bits behind the end of each frame are zero. */
static bool padding_is_zero(const struct ldpc_bob *b, const uint8_t *p)
{
	for (size_t i = 0; i < b->course.open_count; i++) {
		size_t bits = ldpc_frame_bits(&b->plan, b->course.open[i]);

		p += (bits + 7) / 8;
		if (bits % 8 != 0 && p[-1] >> (bits % 8) != 0)
			return false;
	}
	return true;
}

int ldpc_bob_take(struct ldpc_bob *b, const uint8_t *msg, size_t len)
{
	const struct ldpc_plan *plan = &b->plan;
	const struct ldpc_course *c = &b->course;
	const uint8_t *body = msg + LDPC_HEADER;

	if (b->phase != WAIT || len != ldpc_course_answer_bytes(c, plan) || len > b->message_max ||
	    get_be32(msg) != (uint32_t)c->stats.rounds ||
	    (ldpc_course_discloses(c, plan) && !padding_is_zero(b, body)))
		return fail(b, -EPROTO);
	if (c->blind == 0) {
		take_syndromes(b, body);
		b->phase = ASK_SYNDROMES;
		if (!ldpc_course_begins(c, plan))
			start_decoding(b);
	} else if (ldpc_course_discloses(c, plan)) {
		memcpy(b->answer, body, len - LDPC_HEADER);
		b->at = b->answer_at = 0;
		b->phase = DISCLOSED;
	} else {
		for (size_t i = 0; i < c->open_count; i++)
			ldpc_split(plan, b->syndromes + c->open[i] * plan->syndrome_words, c->blind,
			           body + i * (ldpc_revealed_bits(plan, c->blind) / 8));
		start_decoding(b);
	}
	return 0;
}

bool ldpc_bob_done(const struct ldpc_bob *b)
{
	return b->phase == DONE;
}

void ldpc_bob_stats(const struct ldpc_bob *b, struct ldpc_stats *out)
{
	ldpc_course_stats(&b->course, &b->plan, out);
}
