/* SPDX-License-Identifier: BSD-3-Clause */

/* Alice's half: what she sends is fixed by the plan, but for Bob's verdicts. */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/ldpc_wire.h"

/* Code positions of frames that are gone through in one call. */
#define STEP_POSITIONS (1u << 17)

struct ldpc_alice {
	struct ldpc_plan plan;
	const uint64_t *key;
	uint64_t *frame; /* loaded; secret */
	uint64_t *row;   /* one circulant; secret until it is sent */
	struct ldpc_course course;
	size_t message_max;
	int failed; /* what is returned for ever */
	/* the message being answered */
	bool busy;
	size_t at, length;  /* frames done, bytes written */
	unsigned int layer; /* of the frame under work */
};

/* Pieces of W for FRAMES of CODE with circulants of Z. */
struct pieces {
	struct ldpc_alice *alice;
	uint64_t *frame, *row;
	uint32_t *open;
};

static struct pieces place(struct workspace *w, const struct ldpc_code *code, size_t z,
                           size_t frames)
{
	size_t words = (z + 63) / 64;

	return (struct pieces){
	        .alice = workspace_plain(w, sizeof(struct ldpc_alice)),
	        .frame = workspace_secret(w, code->cols * words * sizeof(uint64_t)),
	        .row = workspace_secret(w, words * sizeof(uint64_t)),
	        .open = workspace_plain(w, frames * sizeof(uint32_t)),
	};
}

static void count(struct workspace *w, const struct ldpc_code *code, size_t z, size_t frames)
{
	place(w, code, z, frames);
}

int ldpc_alice_size(size_t bits, size_t frame_bits, struct workspace_size *out)
{
	return ldpc_plan_size(bits, frame_bits, count, out);
}

struct ldpc_alice *ldpc_alice_create_in(struct workspace *w, const struct ldpc_params *p,
                                        const uint64_t *key)
{
	struct ldpc_plan plan;
	struct ldpc_alice *a;
	struct pieces pieces;
	int ret = ldpc_plan_init(&plan, p);

	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	pieces = place(w, plan.code, plan.z, plan.frames);
	if (!workspace_fits(w)) {
		errno = ENOMEM;
		return NULL;
	}
	a = pieces.alice;
	*a = (struct ldpc_alice){.plan = plan,
	                         .key = key,
	                         .message_max = ldpc_message_max(p),
	                         .frame = pieces.frame,
	                         .row = pieces.row};
	ldpc_course_init(&a->course, &a->plan, pieces.open);
	return a;
}

static void put_rows(struct ldpc_alice *a, struct ldpc_rows rows, uint8_t *out)
{
	ldpc_row_syndrome(&a->plan, a->frame, rows, a->row);
	ldpc_row_put(&a->plan, a->row, out + a->length);
	a->length += a->plan.z / 8;
}

/* Some layers of a frame; false: there are more. */
static bool put_syndromes(struct ldpc_alice *a, size_t f, uint8_t *out)
{
	unsigned int merged = a->plan.choice.merged[0], end;

	if (a->layer == 0)
		ldpc_frame_load(&a->plan, a->key, f, a->frame);
	end = ldpc_layers_step(&a->plan, merged, a->layer);
	for (; a->layer < end; a->layer++)
		put_rows(a, ldpc_layer_rows(a->plan.code, merged, a->layer), out);
	if (end < a->plan.code->rows - merged)
		return false;
	a->layer = 0;
	put_be32(out + a->length, ldpc_check(&a->plan, a->frame, f));
	a->length += LDPC_CHECK_BITS / 8;
	return true;
}

static void put_split(struct ldpc_alice *a, size_t f, uint8_t *out)
{
	const struct ldpc_choice *choice = &a->plan.choice;
	unsigned int r = a->course.blind, pairs = a->plan.code->pairs;

	ldpc_frame_load(&a->plan, a->key, f, a->frame);
	for (unsigned int pair = pairs - choice->merged[r - 1]; pair < pairs - choice->merged[r];
	     pair++)
		put_rows(a, (struct ldpc_rows){2 * pair, 1}, out);
}

static void put_frame(struct ldpc_alice *a, size_t f, uint8_t *out)
{
	size_t at = ldpc_frame_start(&a->plan, f), left = ldpc_frame_bits(&a->plan, f);

	while (left > 0) {
		size_t n = left < 64 ? left : 64;
		uint64_t v = ldpc_bits_take(a->key, at, n);

		memcpy(out + a->length, &v, (n + 7) / 8);
		a->length += (n + 7) / 8;
		at += n;
		left -= n;
	}
}

static int fail(struct ldpc_alice *a, int error)
{
	a->failed = error;
	return error;
}

/* The question: 0, or why it is refused. */
static int take_question(struct ldpc_alice *a, const uint8_t *msg, size_t len)
{
	if (len < LDPC_HEADER || get_be32(msg) != (uint32_t)(a->course.stats.rounds + 1))
		return -EPROTO;
	if (!ldpc_course_begins(&a->course, &a->plan))
		return ldpc_course_verdict(&a->course, &a->plan, msg + LDPC_HEADER,
		                           len - LDPC_HEADER);
	if (len != LDPC_HEADER)
		return -EPROTO;
	ldpc_course_syndromes(&a->course, &a->plan);
	return 0;
}

int ldpc_alice_answer(struct ldpc_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                      size_t cap)
{
	const struct ldpc_course *c = &a->course;
	size_t first = 0, count, positions = a->plan.code->cols * a->plan.z;
	int ret;

	if (a->failed != 0)
		return a->failed;
	if (!a->busy) {
		if (cap < a->message_max)
			return -ENOBUFS;
		ret = take_question(a, msg, len);
		if (ret < 0)
			return fail(a, ret);
		if (ldpc_course_answer_bytes(c, &a->plan) > cap)
			return fail(a, -EOVERFLOW);
		a->busy = true;
		a->at = 0;
		a->length = LDPC_HEADER;
		put_be32(out, (uint32_t)c->stats.rounds);
	}
	count = c->blind > 0 ? c->open_count : ldpc_course_group(&a->plan, c->stats.rounds, &first);
	for (size_t work = 0; a->at < count; a->at++, work += positions) {
		if (work + positions > STEP_POSITIONS && work > 0)
			return -EAGAIN;
		if (c->blind == 0) {
			if (!put_syndromes(a, first + a->at, out))
				return -EAGAIN;
		} else if (ldpc_course_discloses(c, &a->plan)) {
			put_frame(a, c->open[a->at], out);
		} else {
			put_split(a, c->open[a->at], out);
		}
	}
	a->busy = false;
	return (int)a->length;
}

void ldpc_alice_stats(const struct ldpc_alice *a, struct ldpc_stats *out)
{
	ldpc_course_stats(&a->course, &a->plan, out);
}
