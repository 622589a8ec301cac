/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What both sides of LDPC reconciliation derive from the agreed parameters, all of it public:
 * frames, code, merged checks, what is sent in each round; and the linear algebra on frames.
 *
 * A frame of k key bits fills k of the cols * Z positions of the code: in column c the first
 * floor((c + 1) k / cols) - floor(c k / cols). The rest are zeros that Bob knows: they are spread
 * over columns so that the code keeps its degrees, and the code is taken for the error rate that
 * a full frame of the same entropy would have.
 *
 * As words a frame is cols * WORDS, a syndrome rows * WORDS, WORDS = Z / 64; circulants of 32
 * are kept twice in a word each, and rotate as ones of 64 do. The syndrome of a merged pair is in
 * the place of its first row, the place of its second is zero.
 */

#ifndef QKD_ENGINE_LDPC_PLAN_H
#define QKD_ENGINE_LDPC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/ldpc.h"
#include "qkd-engine/ldpc_code.h"

/* Round number, big endian: precedes every message. */
#define LDPC_HEADER 4

struct ldpc_plan {
	size_t bits, frames;
	double qber;
	const struct ldpc_code *code;
	struct ldpc_choice choice;
	size_t z, words;           /* of a circulant; see above */
	size_t frame_words;        /* cols * words */
	size_t syndrome_words;     /* rows * words */
	size_t syndrome_bits;      /* sent of a frame at first */
	size_t per_message;        /* frames in one message of syndromes */
	size_t syndrome_messages;  /* so many */
	unsigned int blind_rounds; /* that have checks to split */
	uint64_t budget;
	uint64_t check_seed;
};

/* 0, -EINVAL or -ERANGE. */
int ldpc_plan_init(struct ldpc_plan *plan, const struct ldpc_params *p);

/*
 * The most of what COUNT takes for any code and any block of up to BITS, with the circulants and
 * frames that it is called with. 0 or -EINVAL.
 */
int ldpc_plan_size(size_t bits, size_t frame_bits,
                   void (*count)(struct workspace *w, const struct ldpc_code *code, size_t z,
                                 size_t frames),
                   struct workspace_size *out);

/* First bit of frame F in the block; F == frames gives the end. */
static inline size_t ldpc_frame_start(const struct ldpc_plan *plan, size_t f)
{
	return (size_t)((uint64_t)f * plan->bits / plan->frames);
}

static inline size_t ldpc_frame_bits(const struct ldpc_plan *plan, size_t f)
{
	return ldpc_frame_start(plan, f + 1) - ldpc_frame_start(plan, f);
}

/* First bit of column C among the BITS key bits of a frame. */
static inline size_t ldpc_column_start(const struct ldpc_plan *plan, size_t bits, size_t c)
{
	return c * bits / plan->code->cols;
}

/* Bits that blind round R, from 1, reveals of a frame. */
static inline size_t ldpc_revealed_bits(const struct ldpc_plan *plan, unsigned int r)
{
	return (size_t)(plan->choice.merged[r - 1] - plan->choice.merged[r]) * plan->z;
}

static inline uint64_t ldpc_low_bits(size_t n)
{
	return n >= 64 ? ~0ULL : (1ULL << n) - 1;
}

/* N <= 64 bits of a bit string from bit AT on; and XOR the low N bits of V into them. */
static inline uint64_t ldpc_bits_take(const uint64_t *bits, size_t at, size_t n)
{
	size_t w = at / 64, s = at % 64;
	uint64_t v = bits[w] >> s;

	if (s + n > 64)
		v |= bits[w + 1] << (64 - s);
	return v & ldpc_low_bits(n);
}

static inline void ldpc_bits_add(uint64_t *bits, size_t at, size_t n, uint64_t v)
{
	size_t w = at / 64, s = at % 64;

	v &= ldpc_low_bits(n);
	bits[w] ^= v << s;
	if (s + n > 64)
		bits[w + 1] ^= v >> (64 - s);
}

/* Frame F of KEY as words of the code; and XOR such words into it. */
void ldpc_frame_load(const struct ldpc_plan *plan, const uint64_t *key, size_t f, uint64_t *out);
void ldpc_frame_add(const struct ldpc_plan *plan, uint64_t *key, size_t f, const uint64_t *words);

/* Zero what is not key in words of frame F. */
void ldpc_frame_mask(const struct ldpc_plan *plan, size_t f, uint64_t *words);

/* Base rows of a layer, when MERGED pairs are; LAYER < rows - merged. */
struct ldpc_rows {
	unsigned int first, count; /* count is 2 for a merged pair */
};
struct ldpc_rows ldpc_layer_rows(const struct ldpc_code *code, unsigned int merged,
                                 unsigned int layer);

/* Layers from FIRST on whose syndromes take a step of about 20 us: the end of these. */
unsigned int ldpc_layers_step(const struct ldpc_plan *plan, unsigned int merged,
                              unsigned int first);

/* Syndrome of COUNT base rows together: WORDS words. */
void ldpc_row_syndrome(const struct ldpc_plan *plan, const uint64_t *frame, struct ldpc_rows rows,
                       uint64_t *out);
/* The layers from FIRST to END; all of a frame. */
void ldpc_syndromes(const struct ldpc_plan *plan, const uint64_t *frame, unsigned int merged,
                    unsigned int first, unsigned int end, uint64_t *out);
void ldpc_syndrome(const struct ldpc_plan *plan, const uint64_t *frame, unsigned int merged,
                   uint64_t *out);

/* A base row's syndrome on the wire: Z bits, least significant first. */
void ldpc_row_put(const struct ldpc_plan *plan, const uint64_t *row, uint8_t *out);
void ldpc_row_get(const struct ldpc_plan *plan, const uint8_t *in, uint64_t *row);

/* Split the pairs of blind round R with what was revealed of each. */
void ldpc_split(const struct ldpc_plan *plan, uint64_t *syndrome, unsigned int r,
                const uint8_t *revealed);

/* The check hash of a loaded frame. */
uint32_t ldpc_check(const struct ldpc_plan *plan, const uint64_t *frame, size_t f);

/* Bytes of messages. */
static inline size_t ldpc_frame_bytes(const struct ldpc_plan *plan)
{
	return plan->syndrome_bits / 8 + LDPC_CHECK_BITS / 8;
}

#endif
