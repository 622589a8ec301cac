/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reconciliation by Cascade (Brassard and Salvail 1993; block sizes after Martinez-Mateo et
 * al., arXiv:1407.3257), all frames of a block at once and breadth first: in each round Bob
 * sends one batch of questions for all frames, Alice answers with one batch of parities.
 *
 * Bob's bits are corrected. A question is a range of a permuted frame; it carries Bob's own
 * parity implicitly or explicitly, so both sides' parities count as leaked.
 */

#ifndef QKD_ENGINE_CASCADE_H
#define QKD_ENGINE_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cascade_params {
	size_t bits;       /* of the whole block */
	size_t frame_bits; /* nominal frame, 2^14 to 2^20; the last one takes what is left */
	double qber;       /* estimate, chooses the block sizes; both sides use the same value */
	uint64_t seed;     /* of the public permutations, agreed by both sides */
};

struct cascade_stats {
	uint64_t alice_parities; /* disclosed by Alice */
	uint64_t bob_parities;   /* disclosed by Bob, or inferable from his questions */
	uint64_t rounds, corrected;
};

/* Alice: answers. KEY is a bit string (common/bytes.h) that she keeps. */
struct cascade_alice;
struct cascade_alice *cascade_alice_create(const struct cascade_params *p, const uint64_t *key);
void cascade_alice_destroy(struct cascade_alice *a);
/*
 * Answer one message of questions: writes at most CAP bytes to OUT, returns their number;
 * -EPROTO when the message is malformed or asks outside the agreed ranges.
 */
int cascade_alice_answer(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                         size_t cap);
void cascade_alice_stats(const struct cascade_alice *a, struct cascade_stats *out);

/* Bob: asks and corrects KEY in place. */
struct cascade_bob;
struct cascade_bob *cascade_bob_create(const struct cascade_params *p, uint64_t *key);
void cascade_bob_destroy(struct cascade_bob *b);
/* The next message of questions: its length; 0: waiting for an answer, or done. */
int cascade_bob_ask(struct cascade_bob *b, uint8_t *out, size_t cap);
/* Take an answer; -EPROTO when it does not fit what was asked. */
int cascade_bob_take(struct cascade_bob *b, const uint8_t *msg, size_t len);
bool cascade_bob_done(const struct cascade_bob *b);
void cascade_bob_stats(const struct cascade_bob *b, struct cascade_stats *out);

/* Enough for any message of a block of P->bits. */
size_t cascade_message_max(const struct cascade_params *p);

/* Steps of at most about 50 us: ask, answer and take do a bounded part and return -EAGAIN
 * when called again will go on with the same arguments. */

#endif
