/* SPDX-License-Identifier: BSD-3-Clause */

/* What an honest peer never sends. */

#include "tests/unit/qkd-engine/ldpc_pair.h"

/* What an honest Bob never sends; each case meets a fresh Alice. */
static void test_alice_refuses(void)
{
	static const struct {
		uint8_t msg[8];
		size_t len;
	} bad[] = {
	        {{0}, 0},
	        {{0, 0, 0}, 3},             /* no round */
	        {{0, 0, 0, 1}, 4},          /* round 1 again */
	        {{0, 0, 0, 3, 1, 0}, 6},    /* a round ahead */
	        {{0, 0, 0, 2}, 4},          /* no verdict */
	        {{0, 0, 0, 2, 1}, 5},       /* on too few frames */
	        {{0, 0, 0, 2, 1, 0, 0}, 7}, /* on too many */
	        {{0, 0, 0, 2, 0, 0}, 6},    /* all is well: not sent */
	        {{0, 0, 0, 2, 1, 4}, 6},    /* on a frame that is not there */
	};
	static const uint8_t good[] = {0, 0, 0, 2, 1, 0};
	static const uint8_t first[] = {0, 0, 0, 1, 0};
	struct ldpc_params p = {10 << 14, 1 << 14, usual_rate(), 1};
	struct pair t;

	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		pair_init(&t, p, 0);
		CU_ASSERT_TRUE(answer(&t, first, 4) > 4);
		if (i < sizeof(bad) / sizeof(bad[0])) {
			CU_ASSERT_EQUAL(answer(&t, bad[i].msg, bad[i].len), -EPROTO);
			CU_ASSERT_EQUAL(answer(&t, good, sizeof(good)), -EPROTO); /* for good */
		} else {
			CU_ASSERT_TRUE(answer(&t, good, sizeof(good)) > 4);
		}
		pair_fini(&t);
	}
	pair_init(&t, p, 0);
	CU_ASSERT_EQUAL(answer(&t, first, 5), -EPROTO); /* a verdict on nothing */
	pair_fini(&t);
}

static void test_no_round_after_the_last(void)
{
	static const uint8_t first[] = {0, 0, 0, 1};
	struct ldpc_params p = many_frames();
	uint8_t msg[4 + 32] = {0};
	struct pair t;
	uint32_t round;
	int n = 1;

	pair_init(&t, p, 0);
	CU_ASSERT_TRUE(answer(&t, first, 4) > 4);
	msg[4] = 1;
	for (round = 2; n > 0 && round < 10; round++) {
		put_be32(msg, round);
		n = answer(&t, msg, round == 2 ? 4 + 32 : 5);
	}
	CU_ASSERT_EQUAL(n, -EPROTO);
	CU_ASSERT_TRUE(round <= 2 + 3 + 1 + 1);
	pair_fini(&t);
}

static void test_bob_refuses(void)
{
	for (int kind = 0; kind < 6; kind++) {
		struct ldpc_params p = {100001, 1 << 14, usual_rate(), 1};
		struct pair t;
		size_t len;
		int n;

		pair_init_rate(&t, p, 0.02);
		if (kind == 0) { /* nothing was asked */
			CU_ASSERT_EQUAL(ldpc_bob_take(t.bob, t.answer, 4), -EPROTO);
			pair_fini(&t);
			continue;
		}
		n = ask(&t);
		len = (size_t)answer(&t, t.question, (size_t)n);
		if (kind == 1)
			len--;
		if (kind == 2)
			t.answer[len++ % t.cap] = 0;
		if (kind == 3)
			t.answer[3]++; /* round */
		if (kind == 4)
			len = 0;
		if (kind == 5) { /* the same twice */
			CU_ASSERT_EQUAL(ldpc_bob_take(t.bob, t.answer, len), 0);
		}
		CU_ASSERT_EQUAL(ldpc_bob_take(t.bob, t.answer, len), -EPROTO);
		CU_ASSERT_EQUAL(ask(&t), -EPROTO);
		CU_ASSERT_FALSE(ldpc_bob_done(t.bob));
		pair_fini(&t);
	}
}

/* A frame in full has zeros behind its end. */
static void test_bob_refuses_padding(void)
{
	struct ldpc_params p = many_frames();
	struct pair t;
	int n, m;

	pair_init_rate(&t, p, p.qber * 0.5);
	for (uint32_t round = 1;; round++) {
		n = ask(&t);
		CU_ASSERT_TRUE_FATAL(n > 0);
		m = answer(&t, t.question, (size_t)n);
		CU_ASSERT_TRUE_FATAL(m > 0);
		if (round == 1)
			t.answer[m - 1] ^= 1; /* the check hash of the last frame */
		if (m == 4 + (1 << 14) / 8)
			break;
		CU_ASSERT_EQUAL_FATAL(ldpc_bob_take(t.bob, t.answer, (size_t)m), 0);
	}
	CU_ASSERT_EQUAL(t.answer[m - 1] >> 5, 0);
	t.answer[m - 1] |= 0x80;
	CU_ASSERT_EQUAL(ldpc_bob_take(t.bob, t.answer, (size_t)m), -EPROTO);
	pair_fini(&t);
}

/* Bytes changed on the way in either direction: it ends, within the budget and memory. */
static void test_mutations_end(void)
{
	int ends[3] = {0}; /* done, refused, over the budget */

	for (int i = 0; i < 150; i++) {
		struct ldpc_params p = {(2 << 14) - 7 + (size_t)i, 1 << 14, usual_rate(), 1};
		struct ldpc_stats s;
		struct pair t;
		int n, m, rounds = 0;

		pair_init_rate(&t, p, p.qber * (0.6 + 0.005 * i));
		while ((n = ask(&t)) > 0) {
			CU_ASSERT_TRUE_FATAL(++rounds < 10);
			if (dice(8) == 0)
				t.question[dice((uint32_t)n)] ^= (uint8_t)(1 << dice(8));
			if (dice(16) == 0)
				n = (int)dice((uint32_t)n + 1);
			m = answer(&t, t.question, (size_t)n);
			if ((n = m) <= 0)
				break;
			if (dice(2) == 0)
				t.answer[dice(16) ? dice((uint32_t)m) : dice(4)] ^=
				        (uint8_t)dice(256);
			if (dice(16) == 0)
				m = (int)dice((uint32_t)m + 1);
			if ((n = ldpc_bob_take(t.bob, t.answer, (size_t)m)) < 0)
				break;
		}
		CU_ASSERT_TRUE(n == 0 || n == -EPROTO || n == -EOVERFLOW);
		ends[n == 0 ? 0 : n == -EPROTO ? 1 : 2]++;
		CU_ASSERT_EQUAL(ldpc_bob_done(t.bob), n == 0);
		ldpc_alice_stats(t.alice, &s);
		CU_ASSERT_TRUE(s.alice_leak + s.bob_leak <= ldpc_budget(&p));
		ldpc_bob_stats(t.bob, &s);
		CU_ASSERT_TRUE(s.alice_leak + s.bob_leak <= ldpc_budget(&p));
		pair_fini(&t);
	}
	CU_ASSERT_TRUE(ends[0] > 0 && ends[1] > 0 && ends[2] > 0);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_alice_refuses), UNIT(test_no_round_after_the_last),
          UNIT(test_bob_refuses), UNIT(test_bob_refuses_padding), UNIT(test_mutations_end))
