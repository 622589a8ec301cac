/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/qkd-engine/cascade_pair.h"

#include "qkd-engine/cascade_run.h"

static double entropy(double q)
{
	return -q * log2(q) - (1 - q) * log2(1 - q);
}

static void test_corrects_at_all_rates(void)
{
	static const struct {
		double qber, f;
	} rows[] = {{0.003, 1.10}, {0.005, 1.10}, {0.01, 1.06}, {0.015, 1.07}, {0.02, 1.06},
	            {0.03, 1.07},  {0.05, 1.07},  {0.08, 1.08}, {0.11, 1.10}};

	state = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cascade_params p = {4 * 65536, 65536, rows[i].qber, 7 + i};
		struct pair t;
		double f;

		pair_init(&t, p, p.qber);
		f = (double)run(&t) / ((double)p.bits * entropy(p.qber));
		CU_ASSERT_TRUE(f < rows[i].f);
		CU_ASSERT_TRUE(f > 0.95); /* below Shannon's limit by chance of the errors only */
		pair_fini(&t);
	}
}

/*
 * What Alice's parities cost over Shannon's limit for the errors made, in 64 frames. f of one
 * frame has a standard deviation of 0.006 at most, measured over 200 frames, so that of the mean
 * of 64 is 0.0008: each limit is five of them or more above the mean that 3000 frames have (1.035,
 * 1.037, 1.034, 1.034, 1.048); for another seed a false alarm has probability 3e-7.
 */
static void test_efficiency(void)
{
	static const struct {
		double qber, f;
	} rows[] = {{0.01, 1.040}, {0.02, 1.041}, {0.03, 1.039}, {0.05, 1.039}, {0.08, 1.053}};

	state = 11;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cascade_params p = {64 * 65536, 65536, rows[i].qber, 70 + i};
		struct pair t;
		uint64_t n;

		pair_init(&t, p, p.qber);
		n = run(&t);
		CU_ASSERT_TRUE((double)n < rows[i].f * (double)p.bits *
		                                   entropy((double)t.errors / (double)p.bits));
		pair_fini(&t);
	}
}

/* The same on every machine: parities, rounds. */
static void test_exact_counts(void)
{
	static const struct {
		double qber;
		uint64_t parities, rounds;
	} rows[] = {{0.01, 24852, 222}, {0.05, 88916, 367}};

	state = 12;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cascade_params p = {300001, 65536, rows[i].qber, 7};
		struct cascade_stats s;
		struct pair t;

		pair_init(&t, p, p.qber);
		CU_ASSERT_EQUAL(run(&t), rows[i].parities);
		cascade_bob_stats(t.bob, &s);
		CU_ASSERT_EQUAL(s.rounds, rows[i].rounds);
		pair_fini(&t);
	}
}

/* Pairs of errors that share a block in every pass are left to the subsets. */
static void test_pairs_that_passes_miss(void)
{
	struct cascade_params p = {3 * 65536, 65536, 0.02, 21};
	struct cascade_plan plan;
	struct workspace w;
	struct cascade_stats s;
	struct pair t;

	state = 13;
	pair_init(&t, p, 0);
	CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &(struct workspace_size){0, 1 << 20}), 0);
	CU_ASSERT_EQUAL_FATAL(cascade_plan_init(&plan, &p), 0);
	cascade_plan_place(&plan, &w);
	cascade_plan_draw(&plan, p.seed);
	for (size_t i = 0; i < 65536 && t.errors < 6; i++) {
		size_t a = cascade_index(&plan, 0, i), b = cascade_index(&plan, 0, i ^ 1);
		bool together = true;

		for (unsigned int pass = 1; pass < CASCADE_PASSES; pass++)
			together &= cascade_position(&plan, pass, i) >> plan.block_log2[pass] ==
			            cascade_position(&plan, pass, i ^ 1) >> plan.block_log2[pass];
		if (!together || i % 2 != 0)
			continue;
		/* One pair in the first frame, two in the last. */
		a += cascade_frame_start(&plan, t.errors == 0 ? 0 : 2);
		b += cascade_frame_start(&plan, t.errors == 0 ? 0 : 2);
		t.bob_key[a / 64] ^= 1ULL << (a % 64);
		t.bob_key[b / 64] ^= 1ULL << (b % 64);
		t.errors += 2;
	}
	CU_ASSERT_EQUAL_FATAL(t.errors, 6);
	workspace_fini(&w);
	run(&t);
	cascade_bob_stats(t.bob, &s);
	CU_ASSERT_EQUAL(s.corrected, 6);
	CU_ASSERT_TRUE(s.rounds > 2 + 9); /* quarters of 2^18 bits */
	pair_fini(&t);
}

/* Lengths that fill neither words nor frames, down to the smallest block. */
static void test_odd_lengths(void)
{
	static const size_t lengths[] = {64,    65,    127,   1000,  1025,   4095,
	                                 12345, 65537, 98305, 98304, 131071, 200001};

	state = 2;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct cascade_params p = {lengths[i], i % 2 ? 65536 : 1024, 0.03, i};
		struct pair t;

		pair_init(&t, p, 0.03);
		run(&t);
		pair_fini(&t);
	}
}

static void test_no_errors_take_two_rounds(void)
{
	struct cascade_params p = {200000, 65536, 0.02, 3};
	struct cascade_stats s;
	struct pair t;

	state = 3;
	pair_init(&t, p, 0);
	run(&t);
	cascade_bob_stats(t.bob, &s);
	CU_ASSERT_EQUAL(s.rounds, 2); /* blocks, subsets */
	CU_ASSERT_EQUAL(s.corrected, 0);
	pair_fini(&t);
}

/* The estimate only chooses block sizes: a wrong one costs parities, not correctness. */
static void test_wrong_estimate(void)
{
	static const double pairs[][2] = {{0.0, 0.002}, {0.01, 0.05}, {0.08, 0.005}, {0.11, 0.2}};

	state = 4;
	for (size_t i = 0; i < 4; i++) {
		struct cascade_params p = {100000, 32768, pairs[i][0], i};
		struct pair t;

		pair_init(&t, p, pairs[i][1]);
		run(&t);
		pair_fini(&t);
	}
}

static void test_deterministic(void)
{
	struct cascade_params p = {70000, 65536, 0.03, 99};
	uint8_t *first[400];
	size_t rounds = 0;

	for (int again = 0; again < 2; again++) {
		struct pair t;
		size_t i = 0;
		int n, m;

		state = 5;
		pair_init(&t, p, 0.03);
		for (; (n = ask(&t)) > 0; i++) {
			CU_ASSERT_TRUE_FATAL(i < 400);
			if (again == 0) {
				first[i] = malloc((size_t)n);
				memcpy(first[i], t.question, (size_t)n);
			} else {
				CU_ASSERT_EQUAL(memcmp(first[i], t.question, (size_t)n), 0);
				free(first[i]);
			}
			m = answer(&t, t.question, (size_t)n);
			CU_ASSERT_EQUAL(cascade_bob_take(t.bob, t.answer, (size_t)m), 0);
		}
		if (again == 0)
			rounds = i;
		CU_ASSERT_EQUAL(i, rounds);
		pair_fini(&t);
	}
}

/*
 * Alice's parities of all rounds, one after the other, when her calls and Bob's do at most so much;
 * RECORD has room for them and a message more. Their number in bytes.
 */
static size_t parities_of(const struct cascade_params *p, double qber, const size_t work_most[2],
                          uint8_t *record)
{
	size_t cap = cascade_message_max(p), words = BITS_WORDS(p->bits), n = 0;
	uint8_t *bob_parities = malloc(cap), *differences = calloc(1, cap);
	uint64_t *keys = malloc(2 * words * 8);
	struct cascade_run alice, bob;
	struct workspace_size size;
	struct workspace w[2];

	state = 14;
	for (size_t i = 0; i < words; i++)
		keys[i] = keys[words + i] = next();
	for (size_t i = 0; i < p->bits; i++)
		if ((double)(next() >> 11) * 0x1p-53 < qber)
			keys[words + i / 64] ^= 1ULL << (i % 64);
	CU_ASSERT_EQUAL_FATAL(cascade_size(p, &size), 0);
	CU_ASSERT_EQUAL_FATAL(workspace_init(&w[0], &size), 0);
	CU_ASSERT_EQUAL_FATAL(workspace_init(&w[1], &size), 0);
	CU_ASSERT_EQUAL_FATAL(cascade_run_init(&alice, p, keys, false, &w[0]), 0);
	CU_ASSERT_EQUAL_FATAL(cascade_run_init(&bob, p, keys + words, true, &w[1]), 0);
	alice.work_most = work_most[0];
	bob.work_most = work_most[1];
	while (!cascade_run_prepare(&alice))
		;
	while (!cascade_run_prepare(&bob))
		;
	for (;;) {
		uint8_t *out = record + n;
		int a, b;

		cascade_run_begin(&alice, differences, out);
		while ((a = cascade_run_sweep(&alice)) == -EAGAIN)
			;
		cascade_run_begin(&bob, differences, bob_parities);
		while ((b = cascade_run_sweep(&bob)) == -EAGAIN)
			;
		CU_ASSERT_EQUAL_FATAL(a, 0);
		CU_ASSERT_EQUAL_FATAL(b, 0);
		CU_ASSERT_EQUAL_FATAL(alice.asked, bob.asked);
		if (alice.asked == 0)
			break;
		n += (alice.asked + 7) / 8;
		for (size_t i = 0; i < (alice.asked + 7) / 8; i++)
			differences[i] = out[i] ^ bob_parities[i];
	}
	CU_ASSERT_EQUAL(memcmp(keys, keys + words, p->bits / 8), 0);
	workspace_fini(&w[0]);
	workspace_fini(&w[1]);
	free(keys);
	free(bob_parities);
	free(differences);
	return n;
}

/* Ends of different speed put their calls' ends elsewhere, and must ask the same all the same. */
static void test_order_does_not_depend_on_work(void)
{
	static const size_t most[][2] = {{1, 1}, {1, 100000}, {7, 3}, {100000, 33}};
	static const double qbers[] = {0.004, 0.02, 0.08};

	for (size_t q = 0; q < 3; q++) {
		struct cascade_params p = {3 * 16384, 16384, qbers[q], 5};
		uint8_t *first = malloc(p.bits + cascade_message_max(&p));
		uint8_t *again = malloc(p.bits + cascade_message_max(&p));
		size_t n = parities_of(&p, p.qber, (const size_t[2]){CASCADE_WORK, CASCADE_WORK},
		                       first);

		CU_ASSERT_TRUE(n > 100);
		for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
			CU_ASSERT_EQUAL_FATAL(parities_of(&p, p.qber, most[i], again), n);
			CU_ASSERT_EQUAL(memcmp(first, again, n), 0);
		}
		free(first);
		free(again);
	}
}

static void test_parameters_checked(void)
{
	static const struct cascade_params bad[] = {
	        {63, 65536, 0.02, 0},      {CASCADE_BITS_MAX + 1, 65536, 0.02, 0},
	        {100000, 1023, 0.02, 0},   {100000, CASCADE_FRAME_MAX + 1, 0.02, 0},
	        {100000, 65536, -0.01, 0}, {100000, 65536, 0.51, 0},
	        {100000, 65536, NAN, 0},
	};
	uint64_t key[2] = {0};
	struct workspace w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(cascade_alice_own(&w, &bad[i], key));
		CU_ASSERT_EQUAL(errno, EINVAL);
		CU_ASSERT_PTR_NULL(cascade_bob_own(&w, &bad[i], key));
	}
}

static void test_small_buffer_refused(void)
{
	struct cascade_params p = {100000, 65536, 0.02, 1};
	struct pair t;
	int n;

	pair_init(&t, p, 0.02);
	while ((n = cascade_bob_ask(t.bob, t.question, t.cap - 1)) == -EAGAIN)
		;
	CU_ASSERT_EQUAL(n, -ENOBUFS);
	n = ask(&t);
	CU_ASSERT_TRUE(n > 0);
	do
		n = cascade_alice_answer(t.alice, t.question, (size_t)n, t.answer, 4);
	while (n == -EAGAIN);
	CU_ASSERT_EQUAL(n, -ENOBUFS);
	pair_fini(&t);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* A row more in each of fewer frames. */
static void test_shorter_block_has_no_longer_message(void)
{
	struct cascade_params longer = {65536, 1024, 0.08, 0}, shorter = {64741, 1024, 0.08, 0};

	CU_ASSERT_TRUE(cascade_message_max(&shorter) <= cascade_message_max(&longer));
}

/* What is asked for the longest block with most errors is enough for all others. */
static void test_size_is_enough(void)
{
	static const size_t bits[] = {64, 5000, 65536, 98303, 100000, 333333, 1000000, 1234567};
	static const size_t frame_bits[] = {1024, 16384, 65536, 65000, 1 << 20};
	uint64_t key[1] = {0};

	for (size_t i = 0; i < 40; i++) {
		struct cascade_params most = {bits[i / 5], frame_bits[i % 5], 0.08, 0};
		size_t longest = cascade_message_max(&most);
		struct workspace_size size;
		struct workspace w;

		CU_ASSERT_EQUAL_FATAL(cascade_size(&most, &size), 0);
		CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &size), 0);
		for (size_t k = 0; k < 200; k++) {
			struct cascade_params p = most;

			if (k > 0) {
				p.bits -= next() % (p.bits - CASCADE_BITS_MIN + 1);
				p.qber *= (double)(next() % 1001) / 1000;
			}
			CU_ASSERT_PTR_NOT_NULL(cascade_bob_create_in(&w, &p, key));
			while (!workspace_wipe(&w))
				;
			CU_ASSERT_PTR_NOT_NULL(cascade_alice_create_in(&w, &p, key));
			while (!workspace_wipe(&w))
				;
			CU_ASSERT_TRUE(cascade_message_max(&p) <= longest);
		}
		most.bits = most.bits * 2 + 4096;
		CU_ASSERT_PTR_NULL(cascade_bob_create_in(&w, &most, key));
		workspace_fini(&w);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
}

UNIT_MAIN(UNIT(test_corrects_at_all_rates), UNIT(test_efficiency), UNIT(test_exact_counts),
          UNIT(test_pairs_that_passes_miss), UNIT(test_odd_lengths),
          UNIT(test_no_errors_take_two_rounds), UNIT(test_wrong_estimate), UNIT(test_deterministic),
          UNIT(test_order_does_not_depend_on_work), UNIT(test_parameters_checked),
          UNIT(test_small_buffer_refused), UNIT(test_size_is_enough),
          UNIT(test_shorter_block_has_no_longer_message))
