/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Questions and answers of one-way reconciliation: one honest end, and an input that says what
 * its peer does: messages of its own making, or those of an honest peer, damaged or not.
 *
 * Checked beside what the sanitizers see: no message is longer than ldpc_message_max(); who has
 * given up does so for ever; neither end discloses more than ldpc_budget(); both count alike and
 * have the same key as long as nothing was damaged.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "qkd-engine/ldpc.h"
#include "tests/fuzz/input.h"
#include "tests/unit/qkd-engine/own_space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BITS_MOST (LDPC_BITS_MIN + 255 * 256)
#define STEPS     100000 /* of a call that works on */
#define ROUNDS    8      /* more than any block has */

struct ends {
	struct ldpc_params params;
	struct ldpc_alice *alice;
	struct ldpc_bob *bob;
	uint8_t *question, *answer;
	size_t cap;
	int question_len, alice_end, bob_end;
	bool damaged;
};

static void within_budget(const struct ends *e)
{
	struct ldpc_stats a, b;

	ldpc_alice_stats(e->alice, &a);
	ldpc_bob_stats(e->bob, &b);
	if (a.alice_leak + a.bob_leak > ldpc_budget(&e->params) ||
	    b.alice_leak + b.bob_leak > ldpc_budget(&e->params))
		abort();
	if (!e->damaged && (a.alice_leak != b.alice_leak || a.bob_leak != b.bob_leak))
		abort();
}

static void answer(struct ends *e, struct input *in)
{
	int len = distort(in, e->question, e->question_len, e->cap, &e->damaged), n = -EAGAIN;
	/* Of exactly its length, so that a read beyond is seen. */
	uint8_t *msg = malloc(len > 0 ? (size_t)len : 1);

	if (msg == NULL)
		abort();
	memcpy(msg, e->question, (size_t)len);
	for (int i = 0; i < STEPS && n == -EAGAIN; i++)
		n = ldpc_alice_answer(e->alice, msg, (size_t)len, e->answer, e->cap);
	free(msg);
	if (n == -EAGAIN || n > (int)e->cap || (e->alice_end != 0 && n != e->alice_end))
		abort();
	if (n < 0) {
		e->alice_end = n;
		if (!e->damaged && n != -EOVERFLOW)
			abort();
		return;
	}
	n = distort(in, e->answer, n, e->cap, &e->damaged);
	msg = malloc(n > 0 ? (size_t)n : 1);
	if (msg == NULL)
		abort();
	memcpy(msg, e->answer, (size_t)n);
	if (ldpc_bob_take(e->bob, msg, (size_t)n) < 0) {
		e->bob_end = -EPROTO;
		if (!e->damaged)
			abort();
	}
	free(msg);
}

/* Bob's next message; false: he has none. */
static bool ask(struct ends *e)
{
	int n = -EAGAIN;

	for (int i = 0; i < STEPS && n == -EAGAIN; i++)
		n = ldpc_bob_ask(e->bob, e->question, e->cap);
	if (n == -EAGAIN || n > (int)e->cap || (e->bob_end != 0 && n != e->bob_end))
		abort();
	if (n < 0)
		e->bob_end = n;
	if (n < 0 && n != -EOVERFLOW && !e->damaged)
		abort();
	e->question_len = n < 0 ? 0 : n;
	return n > 0;
}

static void exchange(struct ends *e, struct input *in, const uint64_t *alice, const uint64_t *bob)
{
	for (int i = 0;; i++) {
		if (!ask(e)) {
			if (ldpc_bob_done(e->bob) && !e->damaged &&
			    memcmp(alice, bob, BITS_WORDS(e->params.bits) * 8) != 0)
				abort();
			if (in->left == 0)
				break;
			e->damaged = true; /* by a message that Bob did not send */
		}
		if (i == ROUNDS && !e->damaged)
			abort();
		if (i == 2 * ROUNDS)
			break;
		answer(e, in);
		within_budget(e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t key[2][BITS_WORDS(BITS_MOST) + 1];
	struct input in = {data, size};
	uint64_t state = 7;
	struct ends e = {0};
	struct workspace w[2];
	unsigned int rate;

	if (secret_size() == 0 &&
	    (secret_init(16 << 20, NULL) < 0 || gcm_provider_init(NULL, NULL) < 0))
		abort();
	memset(key, 0, sizeof(key));
	e.params = (struct ldpc_params){
	        .bits = LDPC_BITS_MIN + (size_t)take(&in) * 256,
	        .frame_bits = (size_t)1 << 14,
	        .qber = take(&in) / 2048.0,
	        .seed = take(&in),
	};
	rate = take(&in); /* of errors, in 2048 */
	for (size_t i = 0; i < e.params.bits; i++) {
		bool error;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		error = (state >> 33) % 2048 < rate;
		key[0][i / 64] |= (state >> 62 & 1) << (i % 64);
		key[1][i / 64] |= ((state >> 62 & 1) ^ error) << (i % 64);
	}
	e.alice = ldpc_alice_own(&w[0], &e.params, key[0]);
	if (e.alice == NULL && errno == ERANGE)
		return 0; /* no code for so many errors */
	e.bob = ldpc_bob_own(&w[1], &e.params, key[1]);
	e.cap = ldpc_message_max(&e.params);
	e.question = malloc(e.cap);
	e.answer = malloc(e.cap);
	if (e.question == NULL || e.answer == NULL || e.alice == NULL || e.bob == NULL)
		abort();
	exchange(&e, &in, key[0], key[1]);
	workspace_fini(&w[0]);
	workspace_fini(&w[1]);
	free(e.question);
	free(e.answer);
	if (secret_used() != 0)
		abort();
	return 0;
}
