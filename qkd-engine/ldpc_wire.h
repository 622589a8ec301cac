/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages of LDPC reconciliation, and what both ends keep of the course of a block. All begin
 * with the round (32 bits, big endian, from 1), in an answer that of the question.
 *
 * Question 1 to syndrome_messages: nothing more. Answer: for each of the next per_message frames
 * the syndromes of its layers, Z bits each (least significant first), and the check hash, 4
 * bytes, big endian.
 *
 * After that, the verdict: a bit for each open frame, in order, least significant first, zeros
 * at the end: 1 if it was not decoded; one at least. The others are closed. Answer in
 * blind round r: for each open frame, for each pair that is split in this round, the syndrome of
 * its first row, Z bits. Answer after the last blind round: each open frame's key bits, whole
 * bytes, zero bits at the end.
 */

#ifndef QKD_ENGINE_LDPC_WIRE_H
#define QKD_ENGINE_LDPC_WIRE_H

#include "qkd-engine/ldpc_plan.h"

struct ldpc_course {
	struct ldpc_stats stats;
	uint32_t *open; /* numbers of the frames that are not decoded, ascending */
	size_t open_count;
	unsigned int blind; /* blind rounds begun; blind_rounds + 1: frames in full */
};

/* All frames open. OPEN has room for a number of each, and is kept. */
void ldpc_course_init(struct ldpc_course *c, const struct ldpc_plan *plan, uint32_t *open);

/* The next answer carries syndromes. */
static inline bool ldpc_course_begins(const struct ldpc_course *c, const struct ldpc_plan *plan)
{
	return c->stats.rounds < plan->syndrome_messages;
}

/* A question of syndromes was asked: charge the answer. */
void ldpc_course_syndromes(struct ldpc_course *c, const struct ldpc_plan *plan);

/* Frames of a message of syndromes, from *FIRST on; ROUND from 1. */
size_t ldpc_course_group(const struct ldpc_plan *plan, uint64_t round, size_t *first);

static inline size_t ldpc_verdict_bytes(const struct ldpc_course *c)
{
	return (c->open_count + 7) / 8;
}

/*
 * Take a verdict: close frames, charge it and its answer. -EPROTO when it is malformed or out
 * of turn, -EOVERFLOW when this would exceed the budget: then nothing is charged.
 */
int ldpc_course_verdict(struct ldpc_course *c, const struct ldpc_plan *plan, const uint8_t *bits,
                        size_t len);

/* Whether the frames that are open get their bits in full. */
static inline bool ldpc_course_discloses(const struct ldpc_course *c, const struct ldpc_plan *plan)
{
	return c->blind > plan->blind_rounds;
}

/* Bytes of the answer to the last question, the round included. */
size_t ldpc_course_answer_bytes(const struct ldpc_course *c, const struct ldpc_plan *plan);

/* With the verdict that lies in not asking any more. */
void ldpc_course_stats(const struct ldpc_course *c, const struct ldpc_plan *plan,
                       struct ldpc_stats *out);

#endif
