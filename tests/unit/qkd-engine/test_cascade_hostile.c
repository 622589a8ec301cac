/* SPDX-License-Identifier: BSD-3-Clause */

/* What an honest peer never sends. */

#include "tests/unit/qkd-engine/cascade_pair.h"

/* What an honest Bob never sends; each case meets a fresh Alice who gave the first parities. */
static void test_alice_refuses(void)
{
	state = 6;
	for (int kind = 0; kind <= 8; kind++) {
		struct cascade_params p = {100000, 50000, 0.05, 1};
		struct cascade_stats before, after;
		struct pair t;
		int n, m;

		pair_init(&t, p, 0.05);
		n = ask(&t);
		CU_ASSERT_EQUAL(n, 4); /* the first message asks only */
		if (kind == 0) {       /* differences before anything was told */
			t.question[n++] = 0;
			CU_ASSERT_EQUAL(answer(&t, t.question, (size_t)n), -EPROTO);
			pair_fini(&t);
			continue;
		}
		m = answer(&t, t.question, (size_t)n);
		CU_ASSERT_TRUE(m > 4);
		CU_ASSERT_EQUAL(cascade_bob_take(t.bob, t.answer, (size_t)m), 0);
		n = ask(&t);
		CU_ASSERT_EQUAL(n, m); /* a bit for a bit */
		CU_ASSERT_EQUAL(t.question[n - 1] & 0x80, 0);
		if (kind == 1)
			n = 0;
		if (kind == 2)
			n = 4;
		if (kind == 3)
			n--;
		if (kind == 4)
			t.question[n++] = 0;
		if (kind == 5)
			t.question[3]--; /* the round before */
		if (kind == 6)
			t.question[3]++;
		if (kind == 7)
			t.question[n - 1] |= 0x80; /* unused bits */
		cascade_alice_stats(t.alice, &before);
		m = answer(&t, t.question, (size_t)n);
		cascade_alice_stats(t.alice, &after);
		if (kind == 8) {
			CU_ASSERT_TRUE(m > 4);
		} else {
			CU_ASSERT_EQUAL(m, -EPROTO);
			CU_ASSERT_EQUAL(before.alice_parities, after.alice_parities);
			/* for good */
			CU_ASSERT_EQUAL(answer(&t, t.question, 4), -EPROTO);
		}
		pair_fini(&t);
	}
}

/* A Bob who goes on when nothing differs any more gets no parity. */
static void test_nothing_left_to_ask(void)
{
	struct cascade_params p = {100000, 50000, 0.05, 1};
	uint8_t msg[8] = {0, 0, 0, 3};
	struct pair t;
	int n, m;

	state = 10;
	pair_init(&t, p, 0);
	for (int round = 1; round <= 2; round++) {
		n = ask(&t);
		CU_ASSERT_TRUE_FATAL(n > 0);
		m = answer(&t, t.question, (size_t)n);
		CU_ASSERT_EQUAL_FATAL(cascade_bob_take(t.bob, t.answer, (size_t)m), 0);
	}
	CU_ASSERT_EQUAL(m, 8); /* the subsets */
	CU_ASSERT_EQUAL(ask(&t), 0);
	CU_ASSERT_TRUE(cascade_bob_done(t.bob));
	CU_ASSERT_EQUAL(answer(&t, msg, sizeof(msg)), -EPROTO);
	pair_fini(&t);
}

static void test_bob_refuses(void)
{
	state = 7;
	for (int kind = 0; kind < 6; kind++) {
		struct cascade_params p = {100200, 20000, 0.05, 1};
		struct pair t;
		size_t len;
		int n;

		pair_init(&t, p, 0.05);
		if (kind == 0) { /* nothing was asked */
			CU_ASSERT_EQUAL(cascade_bob_take(t.bob, t.answer, 4), -EPROTO);
			pair_fini(&t);
			continue;
		}
		n = ask(&t);
		len = (size_t)answer(&t, t.question, (size_t)n);
		if (kind == 1)
			len--;
		if (kind == 2)
			t.answer[len++] = 0;
		if (kind == 3)
			t.answer[3]++; /* round */
		if (kind == 4)
			len = 0;
		if (kind == 5) {
			CU_ASSERT_EQUAL(t.answer[len - 1] & 0x80, 0);
			t.answer[len - 1] |= 0x80; /* unused bits */
		}
		CU_ASSERT_EQUAL(cascade_bob_take(t.bob, t.answer, len), -EPROTO);
		CU_ASSERT_EQUAL(ask(&t), -EPROTO);
		CU_ASSERT_FALSE(cascade_bob_done(t.bob));
		pair_fini(&t);
	}
}

/* An Alice who answers at random: Bob ends, by contradiction or with a wrong key. */
static void test_random_answers_end(void)
{
	int failed = 0;

	state = 8;
	for (int i = 0; i < 12; i++) {
		struct cascade_params p = {20000 + (size_t)i, 4096, i % 2 ? 0.05 : 0.01,
		                           (uint64_t)i};
		struct cascade_stats s;
		struct pair t;
		int n = 0, m;

		pair_init(&t, p, 0.05);
		while ((n = ask(&t)) > 0) {
			m = answer(&t, t.question, (size_t)n);
			CU_ASSERT_TRUE_FATAL(m > 4);
			for (int k = 4; k < m - 1; k++)
				t.answer[k] = (uint8_t)next();
			CU_ASSERT_EQUAL_FATAL(cascade_bob_take(t.bob, t.answer, (size_t)m), 0);
		}
		CU_ASSERT_TRUE(n == 0 || n == -EPROTO);
		failed += n == -EPROTO;
		cascade_bob_stats(t.bob, &s);
		CU_ASSERT_TRUE(s.alice_parities < 4 * p.bits);
		pair_fini(&t);
	}
	CU_ASSERT_TRUE(failed > 0);
}

/* A Bob who sends noise after honest beginnings never gets more parities than the limit. */
static void test_random_questions_bounded(void)
{
	state = 9;
	for (int i = 0; i < 300; i++) {
		struct cascade_params p = {4096, 2048, 0.05, 1};
		struct cascade_stats s;
		struct pair t;
		int n, m;

		pair_init(&t, p, 0.05);
		for (int k = 0; (n = ask(&t)) > 0; k++) {
			if (k > i % 7 && n > 4)
				t.question[4 + next() % ((size_t)n - 4)] ^=
				        (uint8_t)(1u << next() % 8);
			m = answer(&t, t.question, (size_t)n);
			CU_ASSERT_TRUE(m > 4 || m == -EPROTO);
			if (m < 0 || cascade_bob_take(t.bob, t.answer, (size_t)m) < 0)
				break;
		}
		cascade_alice_stats(t.alice, &s);
		CU_ASSERT_TRUE(s.alice_parities < 4 * p.bits);
		pair_fini(&t);
	}
}

UNIT_MAIN(UNIT(test_alice_refuses), UNIT(test_nothing_left_to_ask), UNIT(test_bob_refuses),
          UNIT(test_random_answers_end), UNIT(test_random_questions_bounded))
