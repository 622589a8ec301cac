/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bob's half of Cascade, inside. For every pass he keeps the frame permuted, the partition of
 * ranges whose parity he knows from Alice, and one bit for each such range: whether his own
 * parity differs. Such a range is odd: it holds an odd number of errors and is searched.
 */

#ifndef QKD_ENGINE_CASCADE_BOB_H
#define QKD_ENGINE_CASCADE_BOB_H

#include "qkd-engine/cascade_plan.h"
#include "qkd-engine/cascade_wire.h"

/* Questions written, or answers applied, in one call. */
#define CASCADE_BOB_STEP 512

enum cascade_phase {
	CASCADE_PREPARE,
	CASCADE_ASK,
	CASCADE_WAIT,
	CASCADE_APPLY,
	CASCADE_DONE,
	CASCADE_FAILED
};

struct cascade_frame {
	bool started, done;
	uint8_t asked;                /* what was asked in this round, or CASCADE_NOTHING */
	uint8_t stage;                /* passes up to this one are searched */
	uint8_t pass;                 /* being searched alone */
	uint32_t odd[CASCADE_PASSES]; /* number of odd ranges */
	uint32_t subsets;             /* Alice's parities, a bit each */
	uint8_t subset, level;        /* odd range of a subset under search; level 0xff: none */
	uint32_t index;
};
#define CASCADE_NOTHING   0xff
#define CASCADE_NO_SEARCH 0xff

struct cascade_bob {
	struct cascade_plan plan;
	uint64_t *key;
	uint64_t *scratch;   /* one frame, secret */
	uint64_t *permuted;  /* per frame and pass, secret */
	uint64_t *odd;       /* per frame and pass: at the first position of a range; secret */
	uint64_t *partition; /* per frame and pass */
	struct cascade_frame *frames;
	enum cascade_phase phase;
	struct cascade_stats stats;
	size_t prepared;    /* words permuted */
	size_t frame_at;    /* ASK, APPLY: next frame */
	size_t last_frame;  /* ASK: last one named */
	size_t length;      /* ASK: bytes written */
	unsigned int depth; /* how often each range is halved in this round */
	uint64_t ranges;    /* asked about in this round */
	uint64_t asked;     /* parities expected */
	uint64_t bit;       /* APPLY: next one */
	unsigned int pass;  /* APPLY, SEARCH: under way; CASCADE_PASSES and more: correcting */
	size_t position;    /* APPLY: in the frame, SEARCH */
	uint32_t left[CASCADE_PASSES], found[CASCADE_PASSES]; /* answers to come, odd single bits */
	uint8_t *answer;
	size_t message_max;
};

/* The bit string of frame F and PASS in one of the arrays above. */
static inline uint64_t *cascade_bits_of(const struct cascade_bob *b, uint64_t *bits, size_t f,
                                        unsigned int pass)
{
	return bits + (f * CASCADE_PASSES + pass) * b->plan.frame_words;
}

/* As cascade_bob_ask(), in phase ASK. */
int cascade_bob_write(struct cascade_bob *b, uint8_t *out, size_t cap);

/* A bounded part of the answer: -EAGAIN, -EPROTO, or 0 when it is all applied. */
int cascade_bob_apply(struct cascade_bob *b);

/* The odd range of a subset under search, halved without asking while its right half is empty. */
void cascade_bob_narrow(const struct cascade_bob *b, size_t f);

#endif
