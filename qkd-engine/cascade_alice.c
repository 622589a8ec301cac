/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Alice's half. She keeps the partition of known ranges beside the key, so that a question is
 * the name of one range that can still be halved: Bob cannot ask for a range of his choice.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "qkd-engine/cascade_plan.h"
#include "qkd-engine/cascade_wire.h"

/* Questions answered in one call. */
#define QUESTIONS_STEP 1024

struct cascade_alice {
	struct cascade_plan plan;
	const uint64_t *key;
	uint64_t *frame;  /* scratch: one frame, secret */
	uint64_t *prefix; /* per frame and pass: bit i is the parity of positions 0 to i; secret */
	uint64_t *partition; /* per frame and pass */
	bool *started;       /* per frame: its initial parities were given */
	size_t prefixed;     /* words of the prefix computed */
	bool carry;          /* parity up to there */
	struct cascade_stats stats;
	bool failed;
	size_t message_max;
	/* the message being answered */
	bool busy;
	size_t at;           /* in the message */
	uint64_t bit;        /* of the answer */
	size_t frame_at;     /* number of the frame being answered, or plan.frames: none yet */
	unsigned int passes; /* SEARCH: still to come, a bit each */
	unsigned int depth;
	unsigned int pass; /* SEARCH: under way when left is not 0 */
	uint32_t left;
	uint32_t position, unasked; /* position of the last range; first one that may be named */
};

struct cascade_alice *cascade_alice_create(const struct cascade_params *p, const uint64_t *key)
{
	struct cascade_alice *a = calloc(1, sizeof(*a));
	size_t words;
	int ret;

	if (a == NULL)
		return NULL;
	ret = cascade_plan_init(&a->plan, p, false);
	if (ret < 0) {
		free(a);
		errno = -ret;
		return NULL;
	}
	words = a->plan.frames * CASCADE_PASSES * a->plan.frame_words;
	a->key = key;
	a->message_max = cascade_message_max(p);
	a->frame = secret_alloc(a->plan.frame_words * sizeof(uint64_t));
	a->prefix = secret_alloc(words * sizeof(uint64_t));
	a->partition = malloc(words * sizeof(uint64_t));
	a->started = calloc(a->plan.frames, sizeof(bool));
	if (a->frame == NULL || a->prefix == NULL || a->partition == NULL || a->started == NULL) {
		cascade_alice_destroy(a);
		errno = ENOMEM;
		return NULL;
	}
	return a;
}

void cascade_alice_destroy(struct cascade_alice *a)
{
	if (a == NULL)
		return;
	cascade_plan_fini(&a->plan);
	secret_free(a->frame);
	secret_free(a->prefix);
	free(a->partition);
	free(a->started);
	free(a);
}

static uint64_t *bits_of(const struct cascade_alice *a, uint64_t *bits, size_t f, unsigned int pass)
{
	return bits + (f * CASCADE_PASSES + pass) * a->plan.frame_words;
}

/* Parity of the positions [from, to) of the permuted frame. */
static bool parity(const uint64_t *prefix, size_t from, size_t to)
{
	return bits_get(prefix, to - 1) ^ (from > 0 && bits_get(prefix, from - 1));
}

/* A bounded part of the prefix parities of all frames; true when all are there. */
static bool prepare(struct cascade_alice *a)
{
	size_t words = BITS_WORDS(a->plan.frame_bits), per_frame = words * CASCADE_PASSES;

	if (!cascade_plan_build(&a->plan))
		return false;
	for (size_t n = 0; n < CASCADE_STEP / 64 && a->prefixed < a->plan.frames * per_frame; n++) {
		size_t f = a->prefixed / per_frame, w = a->prefixed % words;
		unsigned int pass = (unsigned int)(a->prefixed % per_frame / words);
		uint64_t *prefix = bits_of(a, a->prefix, f, pass), x;

		if (pass == 0 && w == 0)
			cascade_frame_load(&a->plan, a->key, f, a->frame);
		if (w == 0) {
			a->carry = false;
			cascade_partition_init(&a->plan, pass, bits_of(a, a->partition, f, pass));
		}
		x = cascade_gather(&a->plan, a->frame, pass, w);
		for (unsigned int s = 1; s < 64; s *= 2)
			x ^= x << s;
		x ^= -(uint64_t)a->carry;
		prefix[w] = x;
		a->carry = x >> 63;
		a->prefixed++;
	}
	return a->prefixed == a->plan.frames * per_frame;
}

static void disclose(struct cascade_alice *a, uint8_t *out, bool v)
{
	uint8_t *p = out + CASCADE_HEADER + a->bit / 8;

	if (a->bit % 8 == 0)
		*p = 0;
	*p |= (uint8_t)(v << (a->bit % 8));
	a->bit++;
	a->stats.alice_parities++;
	a->stats.bob_parities++; /* one bit of his in return: see cascade.h */
}

static void answer_initial(struct cascade_alice *a, uint8_t *out)
{
	const struct cascade_plan *plan = &a->plan;
	size_t f = a->frame_at;

	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *prefix = bits_of(a, a->prefix, f, pass);
		size_t blocks = cascade_blocks(plan, pass),
		       block = (size_t)1 << plan->block_log2[pass];

		/* The last block follows from the others and the parity of the frame. */
		for (size_t i = 0; i + 1 < blocks; i++)
			disclose(a, out, parity(prefix, i * block, (i + 1) * block));
		if (pass == 0)
			disclose(a, out, parity(prefix, (blocks - 1) * block, plan->frame_bits));
	}
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		disclose(a, out,
		         cascade_subset_parity(plan, a->key, s, cascade_frame_start(plan, f),
		                               cascade_frame_start(plan, f + 1)));
	a->started[f] = true;
}

/* Halve a range DEPTH times. */
static void split(struct cascade_alice *a, uint64_t *partition, size_t start, size_t end,
                  unsigned int depth, uint8_t *out)
{
	size_t middle = start + cascade_half(end - start);

	bits_put(partition, middle, true);
	disclose(a, out, parity(bits_of(a, a->prefix, a->frame_at, a->pass), start, middle));
	if (depth > 1 && middle - start > 1)
		split(a, partition, start, middle, depth - 1, out);
	if (depth > 1 && end - middle > 1)
		split(a, partition, middle, end, depth - 1, out);
}

/* One range of the partition under way; false when it may not be asked. */
static bool answer_search(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out)
{
	uint64_t *partition = bits_of(a, a->partition, a->frame_at, a->pass);
	size_t start, end;
	uint32_t delta;

	if (!cascade_varint_get(msg, len, &a->at, &delta))
		return false;
	start = (size_t)a->position + delta;
	/* UNASKED lies behind the last range asked, so that none is asked twice. */
	if (start < a->unasked || start >= a->plan.frame_bits || !bits_get(partition, start))
		return false;
	end = cascade_next(partition, start + 1);
	if (end - start < 2)
		return false;
	split(a, partition, start, end, a->depth, out);
	a->position = (uint32_t)start + 1;
	a->unasked = (uint32_t)end;
	a->left--;
	return true;
}

static bool answer_subset(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out)
{
	size_t start = cascade_frame_start(&a->plan, a->frame_at);
	size_t bits = cascade_frame_start(&a->plan, a->frame_at + 1) - start;
	unsigned int subset, level;
	size_t from, to;
	uint32_t index;

	if (len - a->at < 2)
		return false;
	subset = msg[a->at];
	level = msg[a->at + 1];
	a->at += 2;
	if (subset >= CASCADE_SUBSETS || level > 20 ||
	    !cascade_varint_get(msg, len, &a->at, &index))
		return false;
	from = (size_t)index << level;
	if (from >= bits)
		return false;
	to = from + ((size_t)1 << level);
	disclose(a, out,
	         cascade_subset_parity(&a->plan, a->key, subset, start + from,
	                               start + (to < bits ? to : bits)));
	return true;
}

/* Whether N more parities have room in the answer; those of an honest Bob have. */
static bool fits(const struct cascade_alice *a, size_t n)
{
	return CASCADE_HEADER + (a->bit + n + 7) / 8 <= a->message_max;
}

/* The next of the passes asked about one frame. */
static bool next_pass(struct cascade_alice *a, const uint8_t *msg, size_t len)
{
	a->pass = (unsigned int)__builtin_ctz(a->passes);
	a->passes &= a->passes - 1;
	a->position = a->unasked = 0;
	return cascade_varint_get(msg, len, &a->at, &a->left) && a->left != 0 &&
	       fits(a, (size_t)a->left << a->depth);
}

/* The part of one frame up to its first question. */
static bool next_frame(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                       size_t *work)
{
	uint32_t skip;
	unsigned int what;

	if (!cascade_varint_get(msg, len, &a->at, &skip) || a->at >= len)
		return false;
	/* Ascending: no frame is named twice in a message. */
	skip += a->frame_at == a->plan.frames ? 0 : (uint32_t)a->frame_at + 1;
	if (skip >= a->plan.frames)
		return false;
	a->frame_at = skip;
	what = msg[a->at++];
	if (what == CASCADE_INITIAL) {
		size_t n = cascade_initial_parities(&a->plan);

		if (a->started[a->frame_at] || !fits(a, n))
			return false;
		answer_initial(a, out);
		*work += n / 4 + CASCADE_SUBSETS * a->plan.frame_words / 16;
		return true;
	}
	if (!a->started[a->frame_at])
		return false;
	if (what == CASCADE_SUBSET) {
		*work += 1 + a->plan.frame_words / 16;
		return fits(a, 1) && answer_subset(a, msg, len, out);
	}
	a->passes = what & ((1u << CASCADE_PASSES) - 1);
	a->depth = (what ^ CASCADE_SEARCH) >> CASCADE_PASSES;
	return a->passes != 0 && a->depth >= 1 && a->depth <= CASCADE_DEPTH_MAX;
}

static int fail(struct cascade_alice *a)
{
	a->failed = true;
	return -EPROTO;
}

int cascade_alice_answer(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                         size_t cap)
{
	if (a->failed)
		return -EPROTO;
	if (!prepare(a))
		return -EAGAIN;
	if (!a->busy) {
		if (cap < a->message_max)
			return -ENOBUFS;
		if (len <= CASCADE_HEADER || get_be32(msg) != (uint32_t)(a->stats.rounds + 1))
			return fail(a);
		a->busy = true;
		a->at = CASCADE_HEADER;
		a->bit = 0;
		a->left = a->passes = 0;
		a->frame_at = a->plan.frames;
		memcpy(out, msg, CASCADE_HEADER);
	}
	for (size_t work = 0; a->left > 0 || a->passes != 0 || a->at < len; work++) {
		if (work >= QUESTIONS_STEP)
			return -EAGAIN;
		if (!(a->left > 0      ? answer_search(a, msg, len, out)
		      : a->passes != 0 ? next_pass(a, msg, len)
		                       : next_frame(a, msg, len, out, &work)))
			return fail(a);
		if (a->stats.alice_parities > a->plan.parity_max)
			return fail(a);
	}
	a->busy = false;
	a->stats.rounds++;
	return (int)(CASCADE_HEADER + (a->bit + 7) / 8);
}

void cascade_alice_stats(const struct cascade_alice *a, struct cascade_stats *out)
{
	*out = a->stats;
}
