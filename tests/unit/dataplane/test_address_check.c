/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/address_check.h"

#include "tests/unit/unit.h"

#define SECOND 1000000000ULL
#define START  (5 * SECOND)

/* Polls every 10 ms until UNTIL; how often each action came, and when the last of it. */
struct log {
	unsigned int count[3];
	uint64_t at[3];
};

static struct log run(struct address_check *a, uint64_t from, uint64_t until, uint32_t random)
{
	struct log log = {0};

	for (uint64_t now = from; now < until; now += SECOND / 100) {
		enum address_action action = address_check_poll(a, now, random);

		log.count[action]++;
		log.at[action] = now;
	}
	return log;
}

/* RFC 4862 section 5.4.2: one probe, then RETRANS_TIMER of silence. */
static void test_ipv6_waits_for_its_probe(void)
{
	struct address_check a;
	struct log log;

	address_check_start(&a, true, START, 0xffff);
	CU_ASSERT_FALSE(address_check_usable(&a));
	CU_ASSERT_EQUAL(address_check_poll(&a, START, 0), ADDRESS_PROBE);
	log = run(&a, START, START + SECOND, 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE] + log.count[ADDRESS_ANNOUNCE], 0);
	CU_ASSERT_FALSE(address_check_usable(&a));
	CU_ASSERT_EQUAL(address_check_poll(&a, START + SECOND, 0), ADDRESS_ANNOUNCE);
	CU_ASSERT_TRUE(address_check_usable(&a));
	log = run(&a, START + SECOND, START + 100 * SECOND, 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE], 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_ANNOUNCE], 1);
	CU_ASSERT_EQUAL(a.state, ADDRESS_SETTLED);
}

/* RFC 5227 section 2.1.1: three probes 1 to 2 s apart, 2 s, two announcements 2 s apart. */
static void test_ipv4_is_used_while_it_is_probed(void)
{
	static const uint32_t randoms[] = {0, 0x8000, 0xffff};

	for (unsigned int i = 0; i < 3; i++) {
		struct address_check a;
		struct log log;

		address_check_start(&a, false, START, randoms[i]);
		CU_ASSERT_TRUE(address_check_usable(&a));
		log = run(&a, START, START + 4 * SECOND - 1, randoms[i]);
		CU_ASSERT_EQUAL(log.count[ADDRESS_ANNOUNCE], 0);
		log = run(&a, START + 4 * SECOND, START + 7 * SECOND + SECOND / 10, randoms[i]);
		CU_ASSERT_TRUE(log.count[ADDRESS_ANNOUNCE] >= 1);
		CU_ASSERT_TRUE(address_check_usable(&a));
		run(&a, START + 8 * SECOND, START + 12 * SECOND, randoms[i]);
		CU_ASSERT_EQUAL(a.state, ADDRESS_SETTLED);
	}
}

static void test_counts_of_ipv4(void)
{
	struct address_check a;
	struct log log;

	address_check_start(&a, false, START, 0x8000);
	log = run(&a, START, START + 20 * SECOND, 0x8000);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE], 3);
	CU_ASSERT_EQUAL(log.count[ADDRESS_ANNOUNCE], 2);
	/* Half a second, two gaps of 1.5 s, 2 s of silence, 2 s to the second announcement. */
	CU_ASSERT_TRUE(log.at[ADDRESS_PROBE] >= START + 35 * SECOND / 10);
	CU_ASSERT_TRUE(log.at[ADDRESS_ANNOUNCE] >= START + 75 * SECOND / 10);
	CU_ASSERT_TRUE(log.at[ADDRESS_ANNOUNCE] <= START + 77 * SECOND / 10);
}

static void duplicate(bool ipv6, enum address_evidence evidence)
{
	struct address_check a;
	struct log log;
	uint64_t now = START;

	address_check_start(&a, ipv6, now, 0);
	address_check_poll(&a, now, 0);
	CU_ASSERT_EQUAL(address_check_heard(&a, evidence, now), ADDRESS_NOTHING);
	CU_ASSERT_EQUAL(a.state, ADDRESS_DUPLICATE);
	CU_ASSERT_FALSE(address_check_usable(&a));
	log = run(&a, now, now + ADDRESS_RETRY_NS, 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE] + log.count[ADDRESS_ANNOUNCE], 0);
	/* A minute later it is asked again, and the other one still answers. */
	now += ADDRESS_RETRY_NS;
	CU_ASSERT_EQUAL(address_check_poll(&a, now, 0), ADDRESS_PROBE);
	CU_ASSERT_FALSE(address_check_usable(&a));
	address_check_heard(&a, ADDRESS_CLAIM, now + 1);
	CU_ASSERT_FALSE(address_check_usable(&a));
	/* And then it does not. */
	log = run(&a, now + 1, now + 2 * ADDRESS_RETRY_NS, 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE], 1);
	CU_ASSERT_EQUAL(log.count[ADDRESS_ANNOUNCE], 2);
	CU_ASSERT_TRUE(address_check_usable(&a));
}

static void test_duplicates_are_not_used(void)
{
	duplicate(true, ADDRESS_CLAIM);
	duplicate(true, ADDRESS_PROBED); /* both probe at once: neither gets it */
	duplicate(false, ADDRESS_CLAIM);
	duplicate(false, ADDRESS_PROBED);
}

static struct address_check settled(void)
{
	struct address_check a;

	address_check_start(&a, false, START, 0);
	run(&a, START, START + 20 * SECOND, 0);
	CU_ASSERT_EQUAL(a.state, ADDRESS_SETTLED);
	return a;
}

/* RFC 5227 section 2.4 (c): kept, and defended no more than once in DEFEND_INTERVAL. */
static void test_a_later_claim_is_answered(void)
{
	struct address_check a = settled();
	uint64_t now = START + 30 * SECOND;
	unsigned int announced = 0;

	CU_ASSERT_EQUAL(address_check_heard(&a, ADDRESS_PROBED, now), ADDRESS_NOTHING);
	CU_ASSERT_FALSE(a.disputed);
	for (unsigned int i = 0; i < 300; i++, now += SECOND / 10)
		announced += address_check_heard(&a, ADDRESS_CLAIM, now) == ADDRESS_ANNOUNCE;
	CU_ASSERT_EQUAL(announced, 3);
	CU_ASSERT_TRUE(a.disputed);
	CU_ASSERT_TRUE(address_check_usable(&a));
	run(&a, now, now + ADDRESS_DISPUTED_NS - SECOND, 0);
	CU_ASSERT_TRUE(a.disputed);
	run(&a, now, now + ADDRESS_DISPUTED_NS + SECOND, 0);
	CU_ASSERT_FALSE(a.disputed);
}

static void test_link_up_announces(void)
{
	struct address_check a = settled();
	uint64_t now = START + 100 * SECOND;
	struct log log;

	address_check_link_up(&a, now, 0);
	CU_ASSERT_TRUE(address_check_usable(&a));
	log = run(&a, now, now + 10 * SECOND, 0);
	CU_ASSERT_EQUAL(log.count[ADDRESS_ANNOUNCE], 2);
	CU_ASSERT_EQUAL(log.count[ADDRESS_PROBE], 0);
	/* What was another's is probed at once. */
	address_check_start(&a, true, now, 0);
	address_check_heard(&a, ADDRESS_CLAIM, now);
	address_check_link_up(&a, now + 1, 0);
	CU_ASSERT_EQUAL(address_check_poll(&a, now + 1, 0), ADDRESS_PROBE);
	CU_ASSERT_FALSE(address_check_usable(&a));
}

UNIT_MAIN(UNIT(test_ipv6_waits_for_its_probe), UNIT(test_ipv4_is_used_while_it_is_probed),
          UNIT(test_counts_of_ipv4), UNIT(test_duplicates_are_not_used),
          UNIT(test_a_later_claim_is_answered), UNIT(test_link_up_announces))
