/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/qkd-engine/ldpc_pair.h"

static const double rates[] = {0.003, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.08, 0.11};
#define RATES (sizeof(rates) / sizeof(rates[0]))

static void expect_equal_stats(const struct pair *t, struct ldpc_stats *b)
{
	struct ldpc_stats a;

	ldpc_alice_stats(t->alice, &a);
	ldpc_bob_stats(t->bob, b);
	CU_ASSERT_EQUAL(a.syndrome, b->syndrome);
	CU_ASSERT_EQUAL(a.revealed, b->revealed);
	CU_ASSERT_EQUAL(a.checks, b->checks);
	CU_ASSERT_EQUAL(a.disclosed, b->disclosed);
	CU_ASSERT_EQUAL(a.alice_leak, b->alice_leak);
	CU_ASSERT_EQUAL(a.bob_leak, b->bob_leak);
	CU_ASSERT_EQUAL(a.rounds, b->rounds);
	CU_ASSERT_EQUAL(a.frames, b->frames);
	CU_ASSERT_EQUAL(a.blind, b->blind);
	CU_ASSERT_EQUAL(a.failed, b->failed);
	CU_ASSERT_EQUAL(a.alice_leak, a.syndrome + a.revealed + a.checks + a.disclosed);
}

/* Run to the end that is wanted: equal keys, equal accounts, within the budget. */
static struct ldpc_stats run(struct pair *t)
{
	struct ldpc_stats s;
	uint64_t padding, last;

	CU_ASSERT_EQUAL(run_to_end(t), 0);
	CU_ASSERT_TRUE(ldpc_bob_done(t->bob));
	CU_ASSERT_EQUAL(ask(t), 0);
	CU_ASSERT_TRUE(pair_equal(t));
	expect_equal_stats(t, &s);
	CU_ASSERT_EQUAL(s.corrected, t->errors);
	CU_ASSERT_TRUE(s.iterations >= s.frames);
	CU_ASSERT_TRUE(s.alice_leak + s.bob_leak <= ldpc_budget(&t->params));
	/* What was sent is what is charged, but for less than a byte for each frame in full. */
	padding = t->alice_bits - s.alice_leak;
	CU_ASSERT_TRUE(padding < 8 * s.failed || (padding == 0 && s.failed == 0));
	/* The last verdict, that all is well, is not sent, and whole bytes are. */
	last = s.failed > 0 ? 0 : s.rounds > 1 && s.blind > 0 ? s.bob_leak - s.frames : s.frames;
	CU_ASSERT_TRUE(t->bob_bits + last >= s.bob_leak);
	CU_ASSERT_TRUE(t->bob_bits < s.bob_leak + 8 * s.rounds);
	return s;
}

static void test_corrects_at_all_rates(void)
{
	size_t tried = 0;

	for (size_t i = 0; i < RATES; i++) {
		struct ldpc_params p = {4 << 16, 1 << 16, rates[i], 7 + i};
		struct ldpc_stats s;
		struct pair t;
		double f, most = rates[i] < 0.005 ? 1.75 : rates[i] < 0.01 ? 1.4 : 1.3;

		if (!has_code(rates[i]))
			continue;
		tried++;
		pair_init_rate(&t, p, rates[i]);
		s = run(&t);
		CU_ASSERT_EQUAL(s.frames, 4);
		CU_ASSERT_EQUAL(s.failed, 0);
		f = (double)(s.alice_leak + s.bob_leak) / ((double)p.bits * entropy(rates[i]));
		CU_ASSERT_TRUE(f > 1.05 && f < most);
		pair_fini(&t);
	}
	CU_ASSERT_TRUE(tried >= 4);
}

/* Lengths that fill neither words nor frames nor circulants. */
static void test_odd_lengths(void)
{
	static const size_t lengths[] = {1024,  1025,  4099,   16383,  16384,  16385, 40000,
	                                 65537, 99999, 131071, 262143, 262145, 300001};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ldpc_params p = {lengths[i], i % 2 ? 1 << 18 : 1 << 14, 0.02, i};
		struct pair t;

		pair_init_rate(&t, p, 0.016);
		run(&t);
		pair_fini(&t);
	}
}

static void test_no_errors_take_one_round(void)
{
	struct ldpc_params p = {200000, 1 << 16, 0.02, 3};
	struct ldpc_stats s;
	struct pair t;

	pair_init(&t, p, 0);
	s = run(&t);
	CU_ASSERT_EQUAL(s.rounds, 1);
	CU_ASSERT_EQUAL(s.bob_leak, s.frames);
	CU_ASSERT_EQUAL(s.revealed + s.disclosed, 0);
	CU_ASSERT_EQUAL(s.checks, 32 * s.frames);
	pair_fini(&t);
}

/* More errors than were estimated: frames need one blind round, then two, then all. */
static void test_blind_rounds(void)
{
	unsigned int seen = 0; /* a bit for each number of rounds */

	for (double excess = 1; excess < 1.4 && (seen & 0xe) != 0xe; excess += 0.02) {
		struct ldpc_params p = {1 << 18, 1 << 16, usual_rate(), 5};
		struct ldpc_stats s;
		struct pair t;

		pair_init_rate(&t, p, p.qber * excess);
		if (run_to_end(&t) == 0) {
			expect_equal_stats(&t, &s);
			CU_ASSERT_EQUAL(s.corrected, t.errors);
			CU_ASSERT_EQUAL(s.revealed > 0, s.blind > 0);
			CU_ASSERT_EQUAL(t.alice_bits, s.alice_leak);
			CU_ASSERT_EQUAL(s.failed, 0);
			seen |= 1u << (s.rounds - 1);
			CU_ASSERT_EQUAL(memcmp(t.alice_key, t.bob_key, p.bits / 8), 0);
		}
		pair_fini(&t);
	}
	CU_ASSERT_TRUE(seen & 0xe);
}

/* One frame is noise: it stays in the block and is disclosed, at the price of all its bits. */
static void test_failed_frame_is_disclosed(void)
{
	struct ldpc_params p = many_frames();
	size_t each = p.bits / 256, start = 37 * each;
	struct ldpc_stats s;
	struct pair t;

	pair_init_rate(&t, p, p.qber * 0.5);
	for (size_t i = start; i < start + each; i++) {
		bool wrong = bits_get(t.alice_key, i) != bits_get(t.bob_key, i), flip = dice(2);

		bits_put(t.bob_key, i, bits_get(t.bob_key, i) ^ flip);
		t.errors += flip ? (wrong ? (size_t)-1 : 1) : 0;
	}
	s = run(&t);
	CU_ASSERT_EQUAL(s.failed, 1);
	CU_ASSERT_EQUAL(s.disclosed, each);
	pair_fini(&t);
}

/* A frame that came out wrong is known by its hash, and treated as one that did not come out. */
static void test_wrong_hash_is_a_failure(void)
{
	struct ldpc_params p = many_frames();
	struct ldpc_stats s;
	struct pair t;
	int n, m;

	pair_init_rate(&t, p, p.qber * 0.5);
	n = ask(&t);
	m = answer(&t, t.question, (size_t)n);
	t.answer[m - 1] ^= 1; /* the last one's */
	t.alice_bits = 8 * ((uint64_t)m - 4);
	CU_ASSERT_EQUAL_FATAL(ldpc_bob_take(t.bob, t.answer, (size_t)m), 0);
	s = run(&t);
	CU_ASSERT_EQUAL(s.failed, 1);
	CU_ASSERT_TRUE(s.blind >= 1);
	pair_fini(&t);
}

/* All frames are noise: neither end goes beyond the budget. */
static void test_budget_ends_it(void)
{
	struct ldpc_params p = {1 << 17, 1 << 14, usual_rate(), 9};
	static const uint8_t all[] = {0, 0, 0, 0, 0xff};
	struct ldpc_stats s;
	struct pair t;
	uint8_t msg[5];
	int m = 0;

	pair_init_rate(&t, p, 0.4);
	CU_ASSERT_EQUAL(run_to_end(&t), -EOVERFLOW);
	CU_ASSERT_EQUAL(ask(&t), -EOVERFLOW);
	CU_ASSERT_FALSE(ldpc_bob_done(t.bob));
	expect_equal_stats(&t, &s);
	CU_ASSERT_TRUE(s.alice_leak + s.bob_leak <= ldpc_budget(&p));
	/* A Bob who wants them all the same. */
	memcpy(msg, all, sizeof(msg));
	for (uint32_t round = (uint32_t)s.rounds + 1; round < 10; round++) {
		put_be32(msg, round);
		m = answer(&t, msg, sizeof(msg));
		if (m < 0)
			break;
	}
	CU_ASSERT_EQUAL(m, -EOVERFLOW);
	CU_ASSERT_EQUAL(answer(&t, msg, sizeof(msg)), -EOVERFLOW);
	ldpc_alice_stats(t.alice, &s);
	CU_ASSERT_TRUE(s.alice_leak + s.bob_leak <= ldpc_budget(&p));
	pair_fini(&t);
}

static void test_budget(void)
{
	struct ldpc_params p = {1000000, 1 << 18, usual_rate(), 0};
	uint64_t budget = ldpc_budget(&p), other;
	double ideal = (double)p.bits * entropy(p.qber);

	CU_ASSERT_TRUE((double)budget > ideal);
	CU_ASSERT_TRUE((double)budget < 1.6 * ideal);
	p.seed = 99; /* fixed by public figures alone */
	CU_ASSERT_EQUAL(ldpc_budget(&p), budget);
	p.bits *= 2;
	other = ldpc_budget(&p);
	CU_ASSERT_TRUE(other > budget * 3 / 2 && other < budget * 5 / 2);
}

static void test_parameters_checked(void)
{
	static const struct {
		struct ldpc_params p;
		int error;
	} bad[] = {
	        {{LDPC_BITS_MIN - 1, 65536, 0.02, 0}, EINVAL},
	        {{LDPC_BITS_MAX + 1, 65536, 0.02, 0}, EINVAL},
	        {{100000, (1 << 14) - 1, 0.02, 0}, EINVAL},
	        {{100000, (1 << 18) + 1, 0.02, 0}, EINVAL},
	        {{100000, 65536, -0.01, 0}, EINVAL},
	        {{100000, 65536, 0.51, 0}, EINVAL},
	        {{100000, 65536, NAN, 0}, EINVAL},
	        {{100000, 65536, 0.4, 0}, ERANGE},
	};
	uint64_t key[2] = {0};
	struct workspace w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(ldpc_alice_own(&w, &bad[i].p, key));
		CU_ASSERT_EQUAL(errno, bad[i].error);
		errno = 0;
		CU_ASSERT_PTR_NULL(ldpc_bob_own(&w, &bad[i].p, key));
		CU_ASSERT_EQUAL(errno, bad[i].error);
		CU_ASSERT_EQUAL(ldpc_budget(&bad[i].p), 0);
		CU_ASSERT_EQUAL(ldpc_message_max(&bad[i].p), 0);
	}
}

static void test_small_buffer_refused(void)
{
	struct ldpc_params p = {100000, 1 << 16, 0.02, 1};
	struct pair t;
	int n;

	pair_init(&t, p, 0);
	CU_ASSERT_EQUAL(ldpc_bob_ask(t.bob, t.question, t.cap - 1), -ENOBUFS);
	n = ask(&t);
	CU_ASSERT_EQUAL(n, 4);
	CU_ASSERT_EQUAL(ldpc_alice_answer(t.alice, t.question, (size_t)n, t.answer, 4), -ENOBUFS);
	CU_ASSERT_TRUE(answer(&t, t.question, (size_t)n) > 4); /* nothing is lost by it */
	pair_fini(&t);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* What is asked for the longest block is enough for all others, at any error rate. */
static void test_size_is_enough(void)
{
	static const size_t bits[] = {1024, 16384, 16385, 20000, 262144, 300000, 1000000};
	uint64_t key[1] = {0};

	for (size_t i = 0; i < 14; i++) {
		struct ldpc_params most = {bits[i / 2], (size_t)1 << (i % 2 ? 18 : 16), 0, 0};
		size_t longest = ldpc_message_most(most.bits), made = 0;
		struct workspace_size alice, bob;
		struct workspace a, b;

		CU_ASSERT_EQUAL_FATAL(ldpc_alice_size(most.bits, most.frame_bits, &alice), 0);
		CU_ASSERT_EQUAL_FATAL(ldpc_bob_size(most.bits, most.frame_bits, &bob), 0);
		CU_ASSERT_EQUAL_FATAL(workspace_init(&a, &alice), 0);
		CU_ASSERT_EQUAL_FATAL(workspace_init(&b, &bob), 0);
		for (size_t k = 0; k < 100; k++) {
			struct ldpc_params p = most;

			if (k > 10)
				p.bits -= dice(p.bits - LDPC_BITS_MIN + 1);
			p.qber = (double)dice(1200) / 10000;
			if (ldpc_message_max(&p) == 0)
				continue; /* no code */
			made++;
			CU_ASSERT_TRUE(ldpc_message_max(&p) <= longest);
			CU_ASSERT_PTR_NOT_NULL(ldpc_alice_create_in(&a, &p, key));
			CU_ASSERT_PTR_NOT_NULL(ldpc_bob_create_in(&b, &p, key));
			while (!workspace_wipe(&a))
				;
			while (!workspace_wipe(&b))
				;
		}
		CU_ASSERT_TRUE(made > 50);
		most.qber = 0.02;
		most.bits = most.bits * 15 + 2000000;
		CU_ASSERT_PTR_NULL(ldpc_bob_create_in(&b, &most, key));
		workspace_fini(&a);
		workspace_fini(&b);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_corrects_at_all_rates), UNIT(test_odd_lengths),
          UNIT(test_no_errors_take_one_round), UNIT(test_blind_rounds),
          UNIT(test_failed_frame_is_disclosed), UNIT(test_wrong_hash_is_a_failure),
          UNIT(test_budget_ends_it), UNIT(test_budget), UNIT(test_parameters_checked),
          UNIT(test_small_buffer_refused), UNIT(test_size_is_enough))
