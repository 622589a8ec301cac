/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/gcm.h"
#include "common/secret.h"
#include "tests/unit/qkd-engine/ldpc_frames.h"

struct pair {
	struct ldpc_params params;
	uint64_t *alice_key, *bob_key;
	struct ldpc_alice *alice;
	struct ldpc_bob *bob;
	uint8_t *question, *answer;
	size_t cap, errors;
	uint64_t alice_bits, bob_bits; /* seen on the wire, without rounds */
};

static const double rates[] = {0.003, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.08, 0.11};
#define RATES (sizeof(rates) / sizeof(rates[0]))

static bool has_code(double qber)
{
	struct ldpc_params p = {1 << 16, 1 << 16, qber, 0};

	return ldpc_budget(&p) != 0;
}

/* An error rate in the middle of the family's range. */
static double usual_rate(void)
{
	return has_code(0.03) ? 0.03 : 0.02;
}

static void pair_init(struct pair *t, struct ldpc_params params, size_t errors)
{
	size_t words = BITS_WORDS(params.bits);

	memset(t, 0, sizeof(*t));
	t->params = params;
	t->alice_key = random_bits(params.bits);
	t->bob_key = malloc(words * 8 + 8);
	memcpy(t->bob_key, t->alice_key, words * 8);
	flip_bits(t->bob_key, params.bits, errors);
	t->errors = errors;
	t->alice = ldpc_alice_create(&params, t->alice_key);
	t->bob = ldpc_bob_create(&params, t->bob_key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->alice);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->bob);
	t->cap = ldpc_message_max(&params);
	CU_ASSERT_TRUE_FATAL(t->cap > 4 && t->cap <= LDPC_MESSAGE_MAX);
	t->question = malloc(t->cap);
	t->answer = malloc(t->cap);
}

static void pair_init_rate(struct pair *t, struct ldpc_params params, double qber)
{
	pair_init(t, params, (size_t)(qber * (double)params.bits));
}

static void pair_fini(struct pair *t)
{
	ldpc_alice_destroy(t->alice);
	ldpc_bob_destroy(t->bob);
	free(t->alice_key);
	free(t->bob_key);
	free(t->question);
	free(t->answer);
}

static int ask(struct pair *t)
{
	int n;

	while ((n = ldpc_bob_ask(t->bob, t->question, t->cap)) == -EAGAIN)
		;
	return n;
}

static int answer(struct pair *t, const uint8_t *msg, size_t len)
{
	int n;

	while ((n = ldpc_alice_answer(t->alice, msg, len, t->answer, t->cap)) == -EAGAIN)
		;
	return n;
}

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

/* Run until Bob stops, and say why: 0 or an error. */
static int run_to_end(struct pair *t)
{
	int n, m;

	while ((n = ask(t)) > 0) {
		CU_ASSERT_EQUAL(ask(t), 0); /* waits */
		CU_ASSERT_FALSE(ldpc_bob_done(t->bob));
		m = answer(t, t->question, (size_t)n);
		CU_ASSERT_TRUE_FATAL(m > 4);
		t->bob_bits += 8 * ((uint64_t)n - 4);
		t->alice_bits += 8 * ((uint64_t)m - 4);
		CU_ASSERT_EQUAL_FATAL(ldpc_bob_take(t->bob, t->answer, (size_t)m), 0);
	}
	return n;
}

/* Run to the end that is wanted: equal keys, equal accounts, within the budget. */
static struct ldpc_stats run(struct pair *t)
{
	struct ldpc_stats s;
	uint64_t padding, last;

	CU_ASSERT_EQUAL(run_to_end(t), 0);
	CU_ASSERT_TRUE(ldpc_bob_done(t->bob));
	CU_ASSERT_EQUAL(ask(t), 0);
	CU_ASSERT_EQUAL(memcmp(t->alice_key, t->bob_key, BITS_WORDS(t->params.bits) * 8), 0);
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

static void test_setup(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(32 << 20, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
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

/* A block that provides for a frame in full; its frames have 2^14 - 3 bits. */
static struct ldpc_params many_frames(void)
{
	return (struct ldpc_params){256 * ((1 << 14) - 3), 1 << 14, usual_rate(), 9};
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

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(ldpc_alice_create(&bad[i].p, key));
		CU_ASSERT_EQUAL(errno, bad[i].error);
		errno = 0;
		CU_ASSERT_PTR_NULL(ldpc_bob_create(&bad[i].p, key));
		CU_ASSERT_EQUAL(errno, bad[i].error);
		CU_ASSERT_EQUAL(ldpc_budget(&bad[i].p), 0);
		CU_ASSERT_EQUAL(ldpc_message_max(&bad[i].p), 0);
	}
}

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
          UNIT(test_alice_refuses), UNIT(test_no_round_after_the_last), UNIT(test_bob_refuses),
          UNIT(test_bob_refuses_padding), UNIT(test_mutations_end), UNIT(test_small_buffer_refused),
          UNIT(test_size_is_enough))
