/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reconciliation by Cascade (Brassard and Salvail 1993; power-of-two blocks and reuse of
 * sub-blocks after Martinez-Mateo et al., arXiv:1407.3257), all frames of a block at once and
 * breadth first: in each round Alice tells one batch of parities for all frames, and Bob
 * returns one bit for each, whether his own parity differs. From these both sides know what is
 * to be asked next (cascade_run.h). Bob's bits are corrected.
 *
 * Accounting. Every parity that Alice sends counts once; one that follows from others (the
 * last block of a later pass, the right half of a searched block) is not sent and adds
 * nothing. Bob's messages are one bit for each of hers and nothing else of his data:
 * bob_parities == alice_parities, and the sum of both is a valid leak whatever the errors are.
 * Counting Alice's alone needs a proof that gives Eve the error pattern (Tupkary and
 * Luetkenhaus, arXiv:2307.00576).
 *
 * Use, each side on one thread:
 *
 *     Bob:   until done: n = ask(b, out, cap): n > 0: send OUT, wait for the answer, take();
 *                        -EAGAIN: call ask() again, at once or later; other < 0: give up.
 *     Alice: for each message: answer(a, msg, len, out, cap) with the same arguments until it
 *            is not -EAGAIN; n > 0: send OUT.
 *
 * A call works for less than 50 us before it returns -EAGAIN. All memory is that of a workspace,
 * which create takes pieces of. Once -EPROTO was returned, it is returned for ever.
 */

#ifndef QKD_ENGINE_CASCADE_H
#define QKD_ENGINE_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/workspace.h"

#define CASCADE_BITS_MIN    64
#define CASCADE_BITS_MAX    (1u << 24)
#define CASCADE_FRAME_MIN   (1u << 10)
#define CASCADE_FRAME_MAX   (1u << 20)
#define CASCADE_MESSAGE_MAX (1u << 20)

struct cascade_params {
	size_t bits;       /* of the whole block, CASCADE_BITS_MIN to CASCADE_BITS_MAX */
	size_t frame_bits; /* nominal, CASCADE_FRAME_MIN to _MAX; frames are made equally long */
	double qber;       /* estimate, 0 to 0.5; both sides use the same value: it chooses the
	                      block sizes */
	uint64_t seed;     /* of the public permutations, agreed after the bits are fixed */
};

struct cascade_stats {
	uint64_t alice_parities; /* disclosed by Alice */
	uint64_t bob_parities;   /* disclosed by Bob, or inferable from his questions */
	uint64_t rounds, corrected;
};

/*
 * Room that either side needs for blocks of up to P->bits with up to P->qber errors. 0 or -EINVAL.
 */
int cascade_size(const struct cascade_params *p, struct workspace_size *out);

/* Alice: answers. KEY is a bit string (common/bytes.h) that she keeps until the end. */
struct cascade_alice;
/* NULL with errno EINVAL (parameters) or ENOMEM (W is too small). W is wiped by its owner. */
struct cascade_alice *cascade_alice_create_in(struct workspace *w, const struct cascade_params *p,
                                              const uint64_t *key);
/*
 * Answer one message of questions: writes at most CAP bytes to OUT, returns their number;
 * -EAGAIN: call again with the same arguments; -EPROTO when the message is malformed, out of
 * turn, contradicts itself or asks when nothing differs (then nothing of OUT may be sent);
 * -ENOBUFS: CAP is below cascade_message_max().
 */
int cascade_alice_answer(struct cascade_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                         size_t cap);
void cascade_alice_stats(const struct cascade_alice *a, struct cascade_stats *out);

/* Bob: asks and corrects KEY in place; KEY stays his until the end. */
struct cascade_bob;
/* As of Alice. */
struct cascade_bob *cascade_bob_create_in(struct workspace *w, const struct cascade_params *p,
                                          uint64_t *key);
/*
 * The next message: its length; 0: waiting for an answer, or done; -EAGAIN: call
 * again with the same arguments; -EPROTO: Alice's parities contradict each other; -ENOBUFS:
 * CAP is below cascade_message_max().
 */
int cascade_bob_ask(struct cascade_bob *b, uint8_t *out, size_t cap);
/* Take an answer (copied): 0, or -EPROTO when it does not fit what was asked. */
int cascade_bob_take(struct cascade_bob *b, const uint8_t *msg, size_t len);
bool cascade_bob_done(const struct cascade_bob *b);
void cascade_bob_stats(const struct cascade_bob *b, struct cascade_stats *out);

/* Enough for any message of a block of P->bits, in both directions; <= CASCADE_MESSAGE_MAX. */
size_t cascade_message_max(const struct cascade_params *p);

#endif
