/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cascade's questions and answers: one honest end, and an input that says what its peer does:
 * messages of its own making, or those of an honest peer, damaged or not.
 *
 * Checked beside what the sanitizers see: no message is longer than cascade_message_max(); who has
 * said -EPROTO once says so for ever; the counts of disclosed parities only grow and the two are
 * alike at both ends as long as nothing was damaged.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/cascade.h"
#include "tests/fuzz/input.h"
#include "tests/unit/qkd-engine/own_space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BITS_MOST 4096
#define STEPS     4000 /* of a call that works on */

struct ends {
	struct cascade_params params;
	struct cascade_alice *alice;
	struct cascade_bob *bob;
	uint8_t *question, *answer;
	size_t cap;
	int question_len; /* -1: none is under way */
	bool damaged, alice_ended, bob_ended;
};

static void answer(struct ends *e, struct input *in)
{
	int len = distort(in, e->question, e->question_len, e->cap, &e->damaged), n = -EAGAIN;
	/* Of exactly its length, so that a read beyond is seen. */
	uint8_t *msg = malloc(len > 0 ? (size_t)len : 1);

	if (msg == NULL)
		abort();
	memcpy(msg, e->question, (size_t)len);
	for (int i = 0; i < STEPS && n == -EAGAIN; i++)
		n = cascade_alice_answer(e->alice, msg, (size_t)len, e->answer, e->cap);
	free(msg);
	if (n == -EAGAIN || n > (int)e->cap || (e->alice_ended && n >= 0))
		abort();
	e->question_len = -1;
	if (n < 0) {
		e->alice_ended = true;
		if (!e->damaged)
			abort();
		return;
	}
	n = distort(in, e->answer, n, e->cap, &e->damaged);
	msg = malloc(n > 0 ? (size_t)n : 1);
	if (msg == NULL)
		abort();
	memcpy(msg, e->answer, (size_t)n);
	if (cascade_bob_take(e->bob, msg, (size_t)n) < 0) {
		e->bob_ended = true;
		if (!e->damaged)
			abort();
	}
	free(msg);
}

static bool ask(struct ends *e)
{
	int n = -EAGAIN;

	for (int i = 0; i < STEPS && n == -EAGAIN; i++)
		n = cascade_bob_ask(e->bob, e->question, e->cap);
	if (n == -EAGAIN || n > (int)e->cap || (e->bob_ended && n > 0))
		abort();
	if (n < 0) {
		e->bob_ended = true;
		if (!e->damaged)
			abort();
	}
	e->question_len = n;
	return n > 0;
}

static void exchange(struct ends *e, struct input *in)
{
	struct cascade_stats a, b, before = {0};

	for (int i = 0; i < 3000 && !e->alice_ended && !e->bob_ended; i++) {
		if (!ask(e)) {
			if (in->left == 0 || e->bob_ended)
				break;
			/* Nothing is to be asked: what comes all the same is made up. */
			e->question_len = 0;
			e->damaged = true;
		}
		answer(e, in);
		cascade_alice_stats(e->alice, &a);
		cascade_bob_stats(e->bob, &b);
		if (a.alice_parities < before.alice_parities)
			abort();
		if (!e->damaged && a.alice_parities != b.alice_parities)
			abort();
		before = a;
	}
	/* Once ended it stays so, whatever comes. */
	if (e->alice_ended &&
	    cascade_alice_answer(e->alice, e->question, 0, e->answer, e->cap) >= 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint64_t key[2][BITS_WORDS(BITS_MOST)] = {{0}}, state = 7;
	struct ends e = {.question_len = -1};
	struct workspace w[2];

	if (secret_size() == 0 && secret_init(32 << 20, NULL) < 0)
		abort();
	e.params = (struct cascade_params){
	        .bits = CASCADE_BITS_MIN + (size_t)take(&in) * 15,
	        .frame_bits = CASCADE_FRAME_MIN << (take(&in) % 3),
	        .qber = (1 + take(&in)) / 1024.0,
	        .seed = take(&in),
	};
	for (size_t i = 0; i < e.params.bits; i++) {
		bool error;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		error = (state >> 33) % 1024 < take(&in) % 64u;
		key[0][i / 64] |= (state >> 62 & 1) << (i % 64);
		key[1][i / 64] |= ((state >> 62 & 1) ^ error) << (i % 64);
		if (in.left < size / 2)
			in = (struct input){data + size / 2, size - size / 2};
	}
	e.cap = cascade_message_max(&e.params);
	e.question = malloc(e.cap);
	e.answer = malloc(e.cap);
	e.alice = cascade_alice_own(&w[0], &e.params, key[0]);
	e.bob = cascade_bob_own(&w[1], &e.params, key[1]);
	if (e.question == NULL || e.answer == NULL || e.alice == NULL || e.bob == NULL)
		abort();
	exchange(&e, &in);
	workspace_fini(&w[0]);
	workspace_fini(&w[1]);
	free(e.question);
	free(e.answer);
	if (secret_used() != 0)
		abort();
	return 0;
}
