/* SPDX-License-Identifier: BSD-3-Clause */

/* Faults of a card's random source, as they reach the host of a card whose own tests are blind. */

#include <errno.h>
#include <math.h>

#include "tests/unit/drivers/model_host.h"

#define BYTES BUFFER

/* One buffer of the stream of END under FAULT. */
static struct host *drawn(const char *fault, int end, uint32_t ctrl, uint64_t seed)
{
	struct host *h = host_open(&optics_link_default, seed);
	struct attack a;
	struct err err;

	qrng_card_build(&h->link.alice.card, QRNG_CARD_LANES, QRNG_CARD_BLIND);
	qrng_card_build(&h->link.bob.card, QRNG_CARD_LANES, QRNG_CARD_BLIND);
	CU_ASSERT_EQUAL_FATAL(attack_parse(fault, &a, &err), 0);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &a), 0);
	host_write(h, end, CARD_QRNG_CTRL, ctrl);
	host_write(h, end, CARD_CTRL, CARD_CTRL_ENABLE);
	ring_run(h, end, CARD_RING_QRNG, 1);
	post(h, end, CARD_RING_QRNG, 1);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(desc(h, end, CARD_RING_QRNG, 0)->used, BYTES);
	return h;
}

/* Standard deviations that the number of ones is off from P. */
static double ones_off(const struct host *h, int end, double p)
{
	const uint8_t *bytes = buffer(h, end, CARD_RING_QRNG, 0);
	double ones = 0, n = 8.0 * BYTES;

	for (unsigned int i = 0; i < BYTES; i++)
		ones += __builtin_popcount(bytes[i]);
	return (ones - n * p) / sqrt(n * p * (1 - p));
}

static void test_stuck(void)
{
	struct host *h = drawn("qrng-stuck 1 1", A, 0, 1);
	const uint8_t *bytes = buffer(h, A, CARD_RING_QRNG, 0);
	unsigned int other = 0;

	for (unsigned int i = 0; i < BYTES; i++)
		other += bytes[i] != 0xff;
	CU_ASSERT_EQUAL(other, 0);
	host_close(h);
}

/* Five standard deviations: a right model fails for 5.7e-7 of the seeds, or of the kernel's bytes.
 */
static void test_biased(void)
{
	struct host *h = drawn("qrng-biased 2 0.6", B, 0, 2);

	CU_ASSERT(fabs(ones_off(h, B, 0.6)) < 5 && ones_off(h, B, 0.5) > 20);
	host_close(h);
}

static void test_periodic(void)
{
	struct host *h = drawn("qrng-periodic 1 100", A, 0, 3);
	const uint8_t *bytes = buffer(h, A, CARD_RING_QRNG, 0);
	const unsigned int period = 100 * QRNG_CARD_LANES;
	unsigned int again = 0, half = 0, beside = 0;

	for (unsigned int i = period; i < BYTES; i++) {
		again += bytes[i] == bytes[i - period];
		half += bytes[i] == bytes[i - period / 2];
		beside += bytes[i] == bytes[i - 1];
	}
	CU_ASSERT_EQUAL(again, BYTES - period);
	CU_ASSERT(half < BYTES / 10);
	CU_ASSERT(beside < BYTES / 10);            /* each lane its own */
	CU_ASSERT(fabs(ones_off(h, A, 0.5)) < 40); /* of 400 bytes, repeated */
	host_close(h);
}

/* One lane of four. */
static void test_lane(void)
{
	struct host *h = drawn("qrng-stuck 1 1 2", A, 0, 6);
	const uint8_t *bytes = buffer(h, A, CARD_RING_QRNG, 0);
	unsigned int stuck[QRNG_CARD_LANES] = {0};
	struct attack a;
	struct err err;

	for (unsigned int i = 0; i < BYTES; i++)
		stuck[i % QRNG_CARD_LANES] += bytes[i] == 0xff;
	CU_ASSERT_EQUAL(stuck[2], BYTES / QRNG_CARD_LANES);
	CU_ASSERT(stuck[0] < 30 && stuck[1] < 30 && stuck[3] < 30);
	CU_ASSERT_EQUAL(attack_parse("qrng-stuck 1 1 4", &a, &err), 0);
	CU_ASSERT_EQUAL(sim_link_attack(&h->link, &a), -EINVAL);
	CU_ASSERT_EQUAL(attack_parse("qrng-stuck 1 1 16", &a, &err), -EINVAL);
	CU_ASSERT_EQUAL(attack_parse("qrng-stuck 1 1", &a, &err), 0);
	CU_ASSERT_EQUAL(a.lane, -1);
	host_close(h);
}

static void test_nothing_else_shows_it(void)
{
	struct host *h = drawn("qrng-stuck 1 0", A, 1, 4);

	CU_ASSERT(fabs(ones_off(h, A, 0.5)) < 6); /* conditioned */
	host_close(h);
	h = drawn("qrng-stuck 1 0", B, 0, 5);
	CU_ASSERT(fabs(ones_off(h, B, 0.5)) < 6); /* the other card */
	CU_ASSERT_EQUAL(reg(h, A, CARD_QRNG_STATE), CARD_QRNG_OK);
	host_close(h);
}

UNIT_MAIN(UNIT(test_stuck), UNIT(test_biased), UNIT(test_periodic), UNIT(test_lane),
          UNIT(test_nothing_else_shows_it))
