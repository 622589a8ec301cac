/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blocks that take turns, a round each, as they do while many are on their way: what one needs has
 * left the caches when it is its turn again.
 */

#include "bench_engine_cascade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/workspace_pool.h"

struct turn {
	struct cascade_params params;
	struct workspace *space[2];
	struct cascade_alice *alice;
	struct cascade_bob *bob;
	uint64_t *alice_key, *bob_key;
	uint8_t *question, *answer;
	int len; /* of the question */
	bool done;
};

static void question(struct turn *t, size_t cap)
{
	while ((t->len = cascade_bob_ask(t->bob, t->question, cap)) == -EAGAIN)
		;
	if (t->len < 0)
		bench_fail("cascade: a block was given up");
	t->done = t->len == 0;
}

static void answer(struct turn *t, size_t cap)
{
	int n;

	while ((n = cascade_alice_answer(t->alice, t->question, (size_t)t->len, t->answer, cap)) ==
	       -EAGAIN)
		;
	t->len = n;
	if (n <= 0)
		bench_fail("cascade: a block was given up");
}

struct cascade_figures bench_cascade_turns(const struct cascade_params *p, size_t count,
                                           uint64_t *state)
{
	size_t cap = cascade_message_max(p), words = BITS_WORDS(p->bits), left = count;
	struct turn *turns = calloc(count, sizeof(*turns));
	uint64_t *keys = malloc(2 * count * words * sizeof(*keys));
	uint8_t *messages = malloc(2 * count * cap);
	struct cascade_figures s = {0};
	struct workspace_pool pool;
	struct workspace_size size;
	double since;

	if (cascade_size(p, &size) < 0 ||
	    workspace_pool_init(&pool, (unsigned int)(2 * count), (unsigned int)(2 * count), &size,
	                        0) < 0)
		bench_fail("cascade: no memory for %zu blocks", count);
	if (turns == NULL || keys == NULL || messages == NULL)
		bench_fail("cascade: no memory for blocks that take turns");
	for (size_t i = 0; i < count; i++) {
		turns[i] = (struct turn){.params = *p,
		                         .alice_key = keys + 2 * i * words,
		                         .bob_key = keys + (2 * i + 1) * words,
		                         .question = messages + 2 * i * cap,
		                         .answer = messages + (2 * i + 1) * cap};
		bench_keys(state, p->bits, p->qber, turns[i].alice_key, turns[i].bob_key);
		turns[i].params.seed = bench_random(state);
		for (unsigned int end = 0; end < 2; end++)
			turns[i].space[end] = workspace_pool_take(&pool);
	}
	since = bench_cpu_s();
	for (size_t i = 0; i < count; i++)
		turns[i].alice = cascade_alice_create_in(turns[i].space[0], &turns[i].params,
		                                         turns[i].alice_key);
	s.alice_s = bench_cpu_s() - since;
	since = bench_cpu_s();
	for (size_t i = 0; i < count; i++)
		turns[i].bob = cascade_bob_create_in(turns[i].space[1], &turns[i].params,
		                                     turns[i].bob_key);
	for (size_t i = 0; i < count; i++)
		if (turns[i].alice == NULL || turns[i].bob == NULL)
			bench_fail("cascade: %s", strerror(errno));
	/* Each end does the round of all blocks, then the other. */
	while (left > 0) {
		for (size_t i = 0; i < count; i++) {
			struct turn *t = &turns[i];

			if (t->done)
				continue;
			if (t->len > 0 && cascade_bob_take(t->bob, t->answer, (size_t)t->len) < 0)
				bench_fail("cascade: a block was given up");
			question(t, cap);
			left -= t->done;
		}
		s.bob_s += bench_cpu_s() - since;
		since = bench_cpu_s();
		for (size_t i = 0; i < count; i++)
			if (!turns[i].done)
				answer(&turns[i], cap);
		s.alice_s += bench_cpu_s() - since;
		since = bench_cpu_s();
	}
	for (size_t i = 0; i < count; i++) {
		bench_cascade_wipe(turns[i].space[0], &s.alice_s);
		bench_cascade_wipe(turns[i].space[1], &s.bob_s);
	}
	s.alice_s /= (double)count;
	s.bob_s /= (double)count;
	workspace_pool_fini(&pool);
	free(turns);
	free(keys);
	free(messages);
	return s;
}
