/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One-way reconciliation by LDPC codes (ldpc_code.h): Alice sends syndromes of her key, Bob
 * finds his errors from the difference to the syndromes of his own and corrects them. A frame
 * that he cannot decode gets further syndrome bits in up to LDPC_BLIND_ROUNDS rounds ("blind"
 * reconciliation, Martinez-Mateo, Elkouss and Martin, QIC 12, 2012; here by splitting checks that
 * were merged), then its bits themselves.
 *
 * Accounting. Which bits Alice may send is fixed by the parameters: they are linear functions of
 * the key alone. Which of them she sends depends on Bob's data through his verdicts, one bit
 * for each frame that was not decoded before, in each round; nothing else of his is disclosed.
 * The end is a verdict too: it says that all the frames left were decoded. So
 * alice_leak + bob_leak bits is a valid leak whatever the errors are. What both may come to is
 * bounded before by ldpc_budget(), from public data: above it both ends give up.
 *
 * Use, each side on one thread, as with cascade.h:
 *
 *     Bob:   until done: n = ask(b, out, cap): n > 0: send OUT, wait for the answer, take();
 *                        -EAGAIN: call ask() again, at once or later; other < 0: give up.
 *     Alice: for each message: answer(a, msg, len, out, cap) with the same arguments until it
 *            is not -EAGAIN; n > 0: send OUT.
 *
 * A call works for less than 50 us before it returns -EAGAIN. All memory is that of a workspace,
 * which create takes pieces of: frames of 2^18 take 40 KiB of secret memory for Alice and 1.6 to
 * 2.3 MiB for Bob, however long the block is. gcm_provider_init() (common/gcm.h) must have
 * succeeded before.
 */

#ifndef QKD_ENGINE_LDPC_H
#define QKD_ENGINE_LDPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/workspace.h"

#define LDPC_BITS_MIN    1024
#define LDPC_BITS_MAX    (1u << 24)
#define LDPC_MESSAGE_MAX (1u << 20)
/* Of the hash that finds frames which were decoded to a wrong word. */
#define LDPC_CHECK_BITS 32

struct ldpc_params {
	size_t bits;       /* of the whole block, LDPC_BITS_MIN to LDPC_BITS_MAX */
	size_t frame_bits; /* at most, 2^14 to 2^18; frames are made equally long */
	/*
	 * Estimate; both sides use the same value: it chooses the code. At 2 % and 10^6 bits one in
	 * ten blocks with 2 % more errors than that exceeds the budget, with 4 % more nearly all
	 * do: give what is seldom exceeded.
	 */
	double qber;
	uint64_t seed; /* of the check hashes' keys, agreed after the bits are fixed */
};

struct ldpc_stats {
	/* Alice's bits: syndromes at first, in blind rounds, check hashes, frames in full */
	uint64_t syndrome, revealed, checks, disclosed;
	uint64_t alice_leak; /* sum of these */
	uint64_t bob_leak;   /* Bob's verdicts */
	uint64_t frames, rounds;
	uint64_t blind;  /* frames that needed blind rounds */
	uint64_t failed; /* frames disclosed in full */
	/* of Bob alone: */
	uint64_t corrected, iterations;
};

/*
 * The most that alice_leak + bob_leak may come to. An honest run stays below with probability
 * 0.98 or more when the estimate is right: one bit more costs a bit of each block's key, so it is
 * worth losing a block now and then. 0: the parameters are refused, as by create.
 */
uint64_t ldpc_budget(const struct ldpc_params *p);

/*
 * A number of what both ends must have alike beside the parameters: the codes, which is taken, what
 * of it is sent when, and what it may come to. Another one means another table of these or another
 * rule. Takes below a millisecond.
 */
uint64_t ldpc_number(void);

/*
 * Room that either side needs for blocks of up to BITS in frames of up to FRAME_BITS, whatever the
 * error rate. 0 or -EINVAL.
 */
int ldpc_alice_size(size_t bits, size_t frame_bits, struct workspace_size *out);
int ldpc_bob_size(size_t bits, size_t frame_bits, struct workspace_size *out);
/* Likewise ldpc_message_max(), at the most. */
size_t ldpc_message_most(size_t bits);

/* Alice: answers. KEY is a bit string (common/bytes.h) that she keeps until the end. */
struct ldpc_alice;
/*
 * NULL with errno EINVAL (parameters), ERANGE (no code for the error rate) or ENOMEM (W is too
 * small). W is wiped by its owner.
 */
struct ldpc_alice *ldpc_alice_create_in(struct workspace *w, const struct ldpc_params *p,
                                        const uint64_t *key);
/*
 * Answer one message: writes at most CAP bytes to OUT, returns their number; -EAGAIN: call
 * again with the same arguments; -EPROTO when the message is malformed or out of turn;
 * -EOVERFLOW: it would exceed the budget (then nothing of OUT may be sent; both are returned for
 * ever); -ENOBUFS.
 */
int ldpc_alice_answer(struct ldpc_alice *a, const uint8_t *msg, size_t len, uint8_t *out,
                      size_t cap);
void ldpc_alice_stats(const struct ldpc_alice *a, struct ldpc_stats *out);

/* Bob: asks and corrects KEY in place; KEY stays his until the end. */
struct ldpc_bob;
/* As of Alice. */
struct ldpc_bob *ldpc_bob_create_in(struct workspace *w, const struct ldpc_params *p,
                                    uint64_t *key);
/*
 * The next message: its length; 0: waiting for an answer, or done; -EAGAIN: call again with
 * the same arguments; -EOVERFLOW: the frames left would exceed the budget; -EPROTO after a
 * refused answer; -ENOBUFS: CAP is below ldpc_message_max().
 */
int ldpc_bob_ask(struct ldpc_bob *b, uint8_t *out, size_t cap);
/* Take an answer (copied): 0, or -EPROTO when it does not fit what was asked. */
int ldpc_bob_take(struct ldpc_bob *b, const uint8_t *msg, size_t len);
bool ldpc_bob_done(const struct ldpc_bob *b);
void ldpc_bob_stats(const struct ldpc_bob *b, struct ldpc_stats *out);

/* Enough for any message of a block with parameters P, both ways; 0: refused. */
size_t ldpc_message_max(const struct ldpc_params *p);

#endif
