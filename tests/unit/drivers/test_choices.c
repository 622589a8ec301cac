/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/choices.h"

#include <math.h>

#include "drivers/model/outcomes.h"
#include <stdlib.h>

#include "tests/unit/unit.h"

static struct rng rng;

static void open_choices(struct choices *c, uint64_t retention)
{
	rng_init_seed(&rng, 21);
	CU_ASSERT_EQUAL_FATAL(choices_init(c, retention, &rng), 0);
}

static void change(struct choices *c, uint64_t from, bool random, uint32_t p_mu1, uint32_t p_z)
{
	struct choices_period next = {.from = from, .random = random, .p_mu1 = p_mu1, .p_z = p_z};

	choices_change(c, &next);
}

/* Three intensities, and three states: what was not seen is drawn as it was set. */
static void test_more_intensities_and_fewer_states(void)
{
	struct choices_period next = {
	        .random = true, .p_mu1 = 32768, .p_mu2 = 16384, .p_z = 32768, .three_states = true};
	unsigned int of[4] = {0}, x = 0, minus = 0, one = 0, none = 0;
	const unsigned int n = 100000;
	struct choices c;

	rng_init_seed(&rng, 3);
	CU_ASSERT_EQUAL_FATAL(choices_init(&c, n, &rng), 0);
	choices_change(&c, &next);
	for (unsigned int i = 0; i < n; i++) {
		int got = choices_get(&c, i, n);

		none += got < 0;
		of[CHOICE_INTENSITY((unsigned int)got)]++;
		x += (got & CHOICE_BASIS_X) != 0;
		minus += (got & CHOICE_BASIS_X) && (got & CHOICE_BIT);
		one += !(got & CHOICE_BASIS_X) && (got & CHOICE_BIT);
	}
	CU_ASSERT_EQUAL(none, 0);
	/* Five standard deviations. */
	CU_ASSERT(abs((int)of[0] - 50000) < 800 && abs((int)of[1] - 25000) < 700);
	CU_ASSERT_EQUAL(of[2], n - of[0] - of[1]);
	CU_ASSERT(abs((int)x - 50000) < 800 && minus == 0 && abs((int)one - 25000) < 700);
	choices_seen(&c, n + 5, CHOICE_MU3 | CHOICE_BIT);
	CU_ASSERT_EQUAL(choices_get(&c, n + 5, n + 6), CHOICE_MU3 | CHOICE_BIT);
	choices_free(&c);
}

static void test_unseen_slots_are_uniform_and_repeatable(void)
{
	unsigned int n = 1000000, x = 0, bit = 0, mu2 = 0, bit_of_x = 0, changed = 0, same = 0;
	struct choices c, other;

	open_choices(&c, 1ULL << 40);
	change(&c, 0, true, 19661, 52429); /* .3, .8 */
	CU_ASSERT_EQUAL_FATAL(choices_init(&other, 1ULL << 40, &rng), 0);
	change(&other, 0, true, 19661, 52429);
	for (unsigned int i = 0; i < n; i++) {
		int got = choices_get(&c, i, n);

		CU_ASSERT_FATAL(got >= 0);
		x += (got & CHOICE_BASIS_X) != 0;
		bit += (got & CHOICE_BIT) != 0;
		mu2 += (got & CHOICE_MU2) != 0;
		bit_of_x += (got & CHOICE_BASIS_X) != 0 && (got & CHOICE_BIT) != 0;
		changed += choices_get(&c, i, n + 1000) != got;
		same += choices_get(&other, i, n) == got;
	}
	/* Four standard deviations of 10^6 trials. */
	CU_ASSERT(fabs(x - 0.2 * n) < 4 * 400);
	CU_ASSERT(fabs(bit - 0.5 * n) < 4 * 500);
	CU_ASSERT(fabs(mu2 - 0.7 * n) < 4 * 459);
	CU_ASSERT(fabs(bit_of_x - 0.1 * n) < 4 * 300);
	CU_ASSERT_EQUAL(changed, 0);
	/* Another key, other choices: they meet as often as chance has it, .5 .68 .58. */
	CU_ASSERT(fabs(same - 0.1972 * n) < 4 * 398 + 0.001 * n);
	choices_free(&c);
	choices_free(&other);
}

static void test_validity(void)
{
	struct choices c;

	open_choices(&c, 1000);
	change(&c, 100, true, 65536, 65536);
	change(&c, 500, false, 0, 0);
	change(&c, 700, true, 0, 0);
	CU_ASSERT_EQUAL(choices_get(&c, 99, 800), -1);
	CU_ASSERT(choices_get(&c, 100, 800) >= 0);
	CU_ASSERT_EQUAL(choices_get(&c, 499, 800) & ~CHOICE_BIT, 0); /* certain: Z, mu1 */
	CU_ASSERT_EQUAL(choices_get(&c, 500, 800), -1);
	CU_ASSERT_EQUAL(choices_get(&c, 699, 800), -1);
	CU_ASSERT_EQUAL(choices_get(&c, 700, 800) & ~CHOICE_BIT, CHOICE_BASIS_X | CHOICE_MU2);
	CU_ASSERT_EQUAL(choices_get(&c, 800, 800), -1);  /* to come */
	CU_ASSERT_EQUAL(choices_get(&c, 799, 1800), -1); /* forgotten */
	CU_ASSERT(choices_get(&c, 800, 1800) >= 0);
	choices_reset(&c, 2000, &rng);
	change(&c, 2000, true, 1, 1);
	CU_ASSERT_EQUAL(choices_get(&c, 1999, 2010), -1);
	CU_ASSERT(choices_get(&c, 2000, 2010) >= 0);
	choices_free(&c);
}

static void test_seen_slots_keep_their_choice(void)
{
	struct choices c;
	uint64_t n = 0, count = 300000; /* beyond the first size of the ring */

	open_choices(&c, 1ULL << 40);
	change(&c, 0, true, 19661, 52429);
	for (uint64_t i = 0; i < count; i++)
		choices_seen(&c, n += 1 + i % 13, (unsigned int)(i * 5 % 8));
	n = 0;
	for (uint64_t i = 0; i < count; i++) /* in order */
		CU_ASSERT_EQUAL(choices_get(&c, n += 1 + i % 13, 1ULL << 40), (int)(i * 5 % 8));
	for (uint64_t i = count; i-- > count - 1000; n -= 1 + i % 13) /* and back */
		CU_ASSERT_EQUAL(choices_get(&c, n, 1ULL << 40), (int)(i * 5 % 8));
	CU_ASSERT_EQUAL(choices_get(&c, 1, 1ULL << 40), 0);
	choices_free(&c);
}

static void test_memory_is_bounded_by_retention(void)
{
	struct choices c;

	open_choices(&c, 100000);
	change(&c, 0, true, 19661, 52429);
	for (uint64_t n = 0; n < 10000000; n += 10)
		choices_seen(&c, n, n / 10 % 8);
	CU_ASSERT_EQUAL(c.size, 65536);
	for (uint64_t n = 9900010; n < 10000000; n += 10)
		CU_ASSERT_EQUAL(choices_get(&c, n, 10000000), (int)(n / 10 % 8));
	CU_ASSERT_EQUAL(choices_get(&c, 9890000, 10000000), -1);
	/* Many changes push out the oldest: what came before is not valid any more. */
	for (uint64_t i = 0; i < 300; i++)
		change(&c, 10000000 + i, i % 2, 1, 1);
	CU_ASSERT_EQUAL(choices_get(&c, 9999990, 10001000), -1);
	choices_free(&c);
}

UNIT_MAIN(UNIT(test_more_intensities_and_fewer_states),
          UNIT(test_unseen_slots_are_uniform_and_repeatable), UNIT(test_validity),
          UNIT(test_seen_slots_keep_their_choice), UNIT(test_memory_is_bounded_by_retention))
