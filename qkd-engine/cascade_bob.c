/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bob's half. For every pass he keeps the frame permuted, the partition of ranges whose
 * parity he knows from Alice, and one bit for each such range: whether his own parity
 * differs ("odd"). A range is odd: it holds an odd number of errors and is searched. All odd
 * ranges of one pass are halved together; other passes wait until that pass has none left,
 * for two searches of different passes would often find the same error. Then the pass with
 * the smallest blocks that has odd ranges goes on, which is the step back of Cascade. When
 * no pass has any, the parities of random subsets tell whether errors are left.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "qkd-engine/cascade_plan.h"
#include "qkd-engine/cascade_wire.h"

/*
 * So few odd ranges in a frame are halved together, whatever their passes: the same error is
 * then seldom found twice, and the round trips of the last corrections overlap.
 */
#define TOGETHER 50

/* Questions written, or answers applied, in one call. */
#define QUESTIONS_STEP 1024

enum phase { PREPARE, ASK, WAIT, APPLY, DONE, FAILED };

struct frame {
	bool started, done;
	uint8_t asked;                /* what was asked in this round, or NOTHING */
	uint8_t stage;                /* passes up to this one are searched */
	uint8_t pass;                 /* being searched alone */
	uint32_t odd[CASCADE_PASSES]; /* number of odd ranges */
	uint32_t subsets;             /* bit per subset: parities differ */
	uint8_t subset, level;        /* SUBSET: odd range under search; level 0xff: none */
	uint32_t index;
};
#define NOTHING   0xff
#define NO_SEARCH 0xff

struct cascade_bob {
	struct cascade_plan plan;
	uint64_t *key;
	uint64_t *scratch;   /* one frame, secret */
	uint64_t *permuted;  /* per frame and pass, secret */
	uint64_t *odd;       /* per frame and pass: at the first position of a range; secret */
	uint64_t *partition; /* per frame and pass */
	struct frame *frames;
	enum phase phase;
	struct cascade_stats stats;
	size_t prepared;                                      /* words permuted */
	size_t frame_at;                                      /* ASK, APPLY: next frame */
	size_t last_frame;                                    /* ASK: last one named */
	size_t length;                                        /* ASK: bytes written */
	uint64_t asked;                                       /* parities expected */
	uint64_t bit;                                         /* APPLY: next one */
	unsigned int pass;                                    /* APPLY, SEARCH: under way */
	uint32_t left[CASCADE_PASSES], found[CASCADE_PASSES]; /* answers to come, odd single bits */
	size_t position;                                      /* APPLY: in the frame, SEARCH */
	uint8_t *answer;
	size_t message_max;
};

struct cascade_bob *cascade_bob_create(const struct cascade_params *p, uint64_t *key)
{
	struct cascade_bob *b = calloc(1, sizeof(*b));
	size_t words;
	int ret;

	if (b == NULL)
		return NULL;
	ret = cascade_plan_init(&b->plan, p, true);
	if (ret < 0) {
		free(b);
		errno = -ret;
		return NULL;
	}
	words = b->plan.frames * CASCADE_PASSES * b->plan.frame_words;
	b->key = key;
	b->message_max = cascade_message_max(p);
	b->scratch = secret_alloc(b->plan.frame_words * sizeof(uint64_t));
	b->permuted = secret_alloc(words * sizeof(uint64_t));
	b->odd = secret_alloc(words * sizeof(uint64_t));
	b->partition = malloc(words * sizeof(uint64_t));
	b->frames = calloc(b->plan.frames, sizeof(*b->frames));
	b->answer = malloc(b->message_max);
	if (b->scratch == NULL || b->permuted == NULL || b->odd == NULL || b->partition == NULL ||
	    b->frames == NULL || b->answer == NULL) {
		cascade_bob_destroy(b);
		errno = ENOMEM;
		return NULL;
	}
	return b;
}

void cascade_bob_destroy(struct cascade_bob *b)
{
	if (b == NULL)
		return;
	cascade_plan_fini(&b->plan);
	secret_free(b->scratch);
	secret_free(b->permuted);
	secret_free(b->odd);
	free(b->partition);
	free(b->frames);
	free(b->answer);
	free(b);
}

static uint64_t *bits_of(const struct cascade_bob *b, uint64_t *bits, size_t f, unsigned int pass)
{
	return bits + (f * CASCADE_PASSES + pass) * b->plan.frame_words;
}

/* A bounded part of the permuted frames; true when all are there. */
static bool prepare(struct cascade_bob *b)
{
	size_t words = BITS_WORDS(b->plan.frame_bits), per_frame = words * CASCADE_PASSES;

	if (!cascade_plan_build(&b->plan))
		return false;
	for (size_t n = 0; n < CASCADE_STEP / 64 && b->prepared < b->plan.frames * per_frame; n++) {
		size_t f = b->prepared / per_frame, w = b->prepared % words;
		unsigned int pass = (unsigned int)(b->prepared % per_frame / words);

		if (pass == 0 && w == 0)
			cascade_frame_load(&b->plan, b->key, f, b->scratch);
		if (w == 0)
			cascade_partition_init(&b->plan, pass, bits_of(b, b->partition, f, pass));
		bits_of(b, b->permuted, f, pass)[w] = cascade_gather(&b->plan, b->scratch, pass, w);
		b->prepared++;
	}
	return b->prepared == b->plan.frames * per_frame;
}

static void set_odd(struct cascade_bob *b, size_t f, unsigned int pass, size_t start, bool v)
{
	uint64_t *odd = bits_of(b, b->odd, f, pass);

	b->frames[f].odd[pass] += (uint32_t)v - (uint32_t)bits_get(odd, start);
	bits_put(odd, start, v);
}

/*
 * Correct the bit INDEX of the frame. False when a range of one bit becomes odd by that: then
 * Alice gave its parity before, and both values of it.
 */
static bool correct(struct cascade_bob *b, size_t f, size_t index)
{
	size_t at = cascade_frame_start(&b->plan, f) + index;

	if (at >= cascade_frame_start(&b->plan, f + 1))
		return false; /* the zero bits that fill the frame */
	b->key[at / 64] ^= 1ULL << (at % 64);
	b->stats.corrected++;
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *partition = bits_of(b, b->partition, f, pass);
		size_t position = b->plan.inverse[pass][index];
		size_t start = cascade_previous(partition, position);
		bool now = !bits_get(bits_of(b, b->odd, f, pass), start);

		bits_of(b, b->permuted, f, pass)[position / 64] ^= 1ULL << (position % 64);
		set_odd(b, f, pass, start, now);
		if (bits_get(partition, start + 1)) {
			if (now)
				return false;
			b->found[pass]--;
		}
	}
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++)
		if (cascade_subset_mask(&b->plan, s, at / 64) >> (at % 64) & 1)
			b->frames[f].subsets ^= 1u << s;
	return true;
}

/* The odd range of a subset under search, halved without asking while its right half is empty. */
static void narrow(const struct cascade_bob *b, size_t f)
{
	struct frame *frame = &b->frames[f];
	size_t bits = cascade_frame_start(&b->plan, f + 1) - cascade_frame_start(&b->plan, f);

	while (frame->level > 0 && (size_t)(2 * frame->index + 1) << (frame->level - 1) >= bits) {
		frame->level--;
		frame->index *= 2;
	}
}

/* What to ask about a frame now; done when there is nothing. */
static void choose(struct cascade_bob *b, size_t f)
{
	struct frame *frame = &b->frames[f];
	uint32_t total = 0;
	unsigned int pass = 0, mask = 0;

	if (!frame->started) {
		frame->asked = CASCADE_INITIAL;
		return;
	}
	while (pass < CASCADE_PASSES && (pass <= frame->stage || total == 0)) {
		total += frame->odd[pass];
		mask |= (unsigned int)(frame->odd[pass] != 0) << pass;
		pass++;
	}
	frame->stage = (uint8_t)(pass - 1);
	if (total > TOGETHER && mask != 0) {
		if (frame->odd[frame->pass] == 0)
			frame->pass = (uint8_t)__builtin_ctz(mask);
		mask = 1u << frame->pass;
	}
	if (mask != 0) {
		frame->asked = (uint8_t)(CASCADE_SEARCH | mask);
	} else if (frame->subsets != 0) {
		frame->asked = CASCADE_SUBSET;
		if (frame->level == NO_SEARCH) {
			frame->subset = (uint8_t)__builtin_ctz(frame->subsets);
			frame->level = (uint8_t)(64 - __builtin_clzll(b->plan.frame_bits - 1));
			frame->index = 0;
			narrow(b, f);
		}
	} else {
		frame->asked = NOTHING;
		frame->done = true;
	}
}

/* Bytes that the questions about a frame may take at most. */
static size_t question_bytes(const struct cascade_bob *b, const struct frame *frame)
{
	size_t n = 3 * CASCADE_VARINT_MAX;

	if ((frame->asked & CASCADE_SEARCH) == 0)
		return n;
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++)
		if (frame->asked >> pass & 1)
			/* One byte each, and one more for each 2^7 and each 2^14 positions. */
			n += CASCADE_VARINT_MAX + frame->odd[pass] + b->plan.frame_bits / 128 +
			     b->plan.frame_bits / 16384;
	return n;
}

/* Write the questions about the odd ranges of one pass; their number. */
static size_t write_search(struct cascade_bob *b, size_t f, unsigned int pass, uint8_t **out)
{
	const uint64_t *odd = bits_of(b, b->odd, f, pass);
	size_t count = b->frames[f].odd[pass], last = 0;
	uint8_t *p = *out;

	p += cascade_varint_put(p, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		size_t start = cascade_next(odd, last);

		p += cascade_varint_put(p, (uint32_t)(start - last));
		last = start + 1;
	}
	*out = p;
	return count;
}

/* Write the questions about a frame; their number. */
static size_t write_questions(struct cascade_bob *b, size_t f, uint8_t *out)
{
	const struct frame *frame = &b->frames[f];
	uint8_t *p = out + b->length;
	size_t parities = 0;

	p += cascade_varint_put(
	        p, (uint32_t)(b->last_frame == b->plan.frames ? f : f - b->last_frame - 1));
	*p++ = frame->asked;
	if (frame->asked == CASCADE_INITIAL) {
		parities = cascade_initial_parities(&b->plan);
	} else if (frame->asked == CASCADE_SUBSET) {
		parities = 1;
		*p++ = frame->subset;
		*p++ = (uint8_t)(frame->level - 1);
		p += cascade_varint_put(p, 2 * frame->index);
	} else {
		for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++)
			if (frame->asked >> pass & 1)
				parities += write_search(b, f, pass, &p);
	}
	b->last_frame = f;
	b->length = (size_t)(p - out);
	return parities;
}

static int ask(struct cascade_bob *b, uint8_t *out, size_t cap)
{
	size_t work = 0;

	if (cap > CASCADE_MESSAGE_MAX)
		cap = CASCADE_MESSAGE_MAX;
	if (cap < b->message_max)
		return -ENOBUFS;
	if (b->frame_at == 0) {
		put_be32(out, (uint32_t)(b->stats.rounds + 1));
		b->length = CASCADE_HEADER;
		b->last_frame = b->plan.frames;
		b->asked = 0;
	}
	for (; b->frame_at < b->plan.frames; b->frame_at++) {
		struct frame *frame = &b->frames[b->frame_at];

		frame->asked = NOTHING;
		if (frame->done)
			continue;
		if (work >= QUESTIONS_STEP)
			return -EAGAIN;
		choose(b, b->frame_at);
		if (frame->asked == NOTHING)
			continue;
		if (b->length + question_bytes(b, frame) > cap) {
			/* The message is full: the rest of the frames wait for the next one. */
			for (size_t f = b->frame_at; f < b->plan.frames; f++)
				b->frames[f].asked = NOTHING;
			break;
		}
		size_t n = write_questions(b, b->frame_at, out);

		b->asked += n;
		work += n;
	}
	b->frame_at = 0;
	if (b->asked == 0) {
		b->phase = DONE;
		return 0;
	}
	b->stats.rounds++;
	b->phase = WAIT;
	return (int)b->length;
}

static bool next_bit(struct cascade_bob *b)
{
	const uint8_t *bits = b->answer + CASCADE_HEADER;
	bool v = bits[b->bit / 8] >> (b->bit % 8) & 1;

	b->bit++;
	return v;
}

static void apply_initial(struct cascade_bob *b, size_t f)
{
	struct frame *frame = &b->frames[f];
	bool whole = false, sum, differs;

	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *permuted = bits_of(b, b->permuted, f, pass);
		size_t blocks = cascade_blocks(&b->plan, pass);
		size_t block = (size_t)1 << b->plan.block_log2[pass];

		sum = false;
		for (size_t i = 0; i + 1 < blocks; i++) {
			differs = next_bit(b) ^
			          cascade_range_parity(permuted, i * block, (i + 1) * block);
			set_odd(b, f, pass, i * block, differs);
			sum ^= differs;
		}
		if (pass == 0)
			whole = sum ^ next_bit(b) ^
			        cascade_range_parity(permuted, (blocks - 1) * block,
			                             b->plan.frame_bits);
		set_odd(b, f, pass, (blocks - 1) * block, whole ^ sum);
	}
	frame->subsets = 0;
	for (unsigned int s = 0; s < CASCADE_SUBSETS; s++) {
		differs = next_bit(b) ^ cascade_subset_parity(&b->plan, b->key, s,
		                                              cascade_frame_start(&b->plan, f),
		                                              cascade_frame_start(&b->plan, f + 1));
		frame->subsets |= (uint32_t)differs << s;
	}
	frame->level = NO_SEARCH;
	frame->started = true;
}

static bool apply_subset(struct cascade_bob *b, size_t f)
{
	struct frame *frame = &b->frames[f];
	size_t start = cascade_frame_start(&b->plan, f);
	size_t bits = cascade_frame_start(&b->plan, f + 1) - start;
	size_t from, to, index;
	bool left;

	frame->level--;
	frame->index *= 2;
	from = (size_t)frame->index << frame->level;
	to = from + ((size_t)1 << frame->level);
	left = next_bit(b) ^ cascade_subset_parity(&b->plan, b->key, frame->subset, start + from,
	                                           start + (to < bits ? to : bits));
	if (!left)
		frame->index++;
	narrow(b, f);
	if (frame->level > 0)
		return true;
	index = frame->index;
	frame->level = NO_SEARCH;
	/* A bit outside of the subset cannot change its parity. */
	if ((cascade_subset_mask(&b->plan, frame->subset, (start + index) / 64) >>
	             ((start + index) % 64) &
	     1) == 0)
		return false;
	return correct(b, f, index);
}

/* One range is halved: which part is odd now. */
static void split(struct cascade_bob *b, size_t f, unsigned int pass, size_t start, size_t end)
{
	size_t middle = start + cascade_half(end - start);
	bool left =
	        next_bit(b) ^ cascade_range_parity(bits_of(b, b->permuted, f, pass), start, middle);

	bits_put(bits_of(b, b->partition, f, pass), middle, true);
	set_odd(b, f, pass, start, left);
	set_odd(b, f, pass, middle, !left);
	b->found[pass] += left ? middle - start == 1 : end - middle == 1;
}

/*
 * A part of the answers about the ranges of a frame; true when all are applied. The odd ranges
 * ahead of b->position are those that were asked, for nothing is corrected before the end.
 */
static bool apply_search(struct cascade_bob *b, size_t f, size_t *work)
{
	const struct frame *frame = &b->frames[f];

	for (; b->pass < CASCADE_PASSES; b->pass++, b->position = 0) {
		const uint64_t *odd = bits_of(b, b->odd, f, b->pass);
		const uint64_t *partition = bits_of(b, b->partition, f, b->pass);

		while ((frame->asked >> b->pass & 1) != 0 && b->left[b->pass] > 0) {
			size_t start, end;

			if ((*work)++ >= QUESTIONS_STEP)
				return false;
			start = cascade_next(odd, b->position);
			end = cascade_next(partition, start + 1);
			split(b, f, b->pass, start, end);
			b->position = end;
			b->left[b->pass]--;
		}
	}
	return true;
}

/* Correct the bits that the searches of a frame have found, each once. */
static bool correct_found(struct cascade_bob *b, size_t f)
{
	for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
		const uint64_t *odd = bits_of(b, b->odd, f, pass);
		const uint64_t *partition = bits_of(b, b->partition, f, pass);

		for (size_t at = 0; b->found[pass] > 0; at++) {
			at = cascade_next(odd, at);
			if (bits_get(partition, at + 1) &&
			    !correct(b, f, b->plan.permutation[pass][at]))
				return false;
		}
	}
	return true;
}

/* A bounded part of the answer: -EAGAIN, -EPROTO, or 0 when it is all applied. */
static int apply(struct cascade_bob *b)
{
	size_t work = 0;

	for (; b->frame_at < b->plan.frames; b->frame_at++) {
		struct frame *frame = &b->frames[b->frame_at];

		if (frame->asked == NOTHING)
			continue;
		if (work >= QUESTIONS_STEP)
			return -EAGAIN;
		if (frame->asked == CASCADE_INITIAL) {
			apply_initial(b, b->frame_at);
			work += cascade_initial_parities(&b->plan) / 4 +
			        CASCADE_SUBSETS * b->plan.frame_words / 16;
		} else if (frame->asked == CASCADE_SUBSET) {
			work += 1 + b->plan.frame_words / 16;
			if (!apply_subset(b, b->frame_at))
				return -EPROTO;
		} else {
			if (b->pass == 0 && b->position == 0)
				memcpy(b->left, frame->odd, sizeof(b->left));
			if (!apply_search(b, b->frame_at, &work))
				return -EAGAIN;
			if (!correct_found(b, b->frame_at))
				return -EPROTO;
			b->pass = 0;
			b->position = 0;
		}
	}
	return b->bit == b->asked ? 0 : -EPROTO;
}

int cascade_bob_ask(struct cascade_bob *b, uint8_t *out, size_t cap)
{
	int ret;

	switch (b->phase) {
	case PREPARE:
		if (prepare(b))
			b->phase = ASK;
		return -EAGAIN;
	case APPLY:
		ret = apply(b);
		if (ret == -EPROTO || b->stats.alice_parities > b->plan.parity_max) {
			b->phase = FAILED;
			return -EPROTO;
		}
		if (ret == 0) {
			b->frame_at = 0;
			b->phase = ASK;
		}
		return -EAGAIN;
	case ASK:
		return ask(b, out, cap);
	case FAILED:
		return -EPROTO;
	default:
		return 0;
	}
}

int cascade_bob_take(struct cascade_bob *b, const uint8_t *msg, size_t len)
{
	if (b->phase != WAIT || len != CASCADE_HEADER + (b->asked + 7) / 8 ||
	    len > b->message_max || get_be32(msg) != (uint32_t)b->stats.rounds ||
	    (b->asked % 8 != 0 && msg[len - 1] >> (b->asked % 8) != 0)) {
		b->phase = FAILED;
		return -EPROTO;
	}
	memcpy(b->answer, msg, len);
	b->stats.alice_parities += b->asked;
	b->stats.bob_parities += b->asked; /* see cascade.h */
	b->frame_at = b->position = b->pass = 0;
	b->bit = 0;
	b->phase = APPLY;
	return 0;
}

bool cascade_bob_done(const struct cascade_bob *b)
{
	return b->phase == DONE;
}

void cascade_bob_stats(const struct cascade_bob *b, struct cascade_stats *out)
{
	*out = b->stats;
}
