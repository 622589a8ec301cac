/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/mss.h"

#include <stdlib.h>

#include "tests/unit/dataplane/packets.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#define SYN 0x02
#define ACK 0x10

/* A segment with OPTIONS in a buffer of just its size; its checksum over itself is right. */
static uint8_t *segment(const uint8_t *options, unsigned int n, uint8_t flags, unsigned int *length)
{
	unsigned int padded = (n + 3) / 4 * 4;
	uint8_t *p = calloc(1, 20 + padded);

	if (p == NULL)
		abort();
	put_be16(p, 4711);
	put_be16(p + 2, 80);
	put_be32(p + 4, 0x12345678);
	p[12] = (uint8_t)((20 + padded) / 4 << 4);
	p[13] = flags;
	put_be16(p + 14, 65535);
	memcpy(p + 20, options, n);
	put_be16(p + 16, test_checksum(p, 20 + padded, 0));
	*length = 20 + padded;
	return p;
}

static void check(const uint8_t *options, unsigned int n, uint8_t flags, uint16_t mss,
                  unsigned int at, uint16_t want)
{
	unsigned int length;
	uint8_t *p = segment(options, n, flags, &length), before[60];

	memcpy(before, p, length);
	CU_ASSERT_EQUAL(mss_clamp(p, length, mss), want != 0);
	if (want == 0) {
		CU_ASSERT_EQUAL(memcmp(p, before, length), 0);
	} else {
		CU_ASSERT_EQUAL(get_be16(p + at), want);
		CU_ASSERT_EQUAL(test_checksum(p, length, 0), 0);
	}
	free(p);
}

static void test_lowers_only(void)
{
	static const uint8_t plain[] = {2, 4, 0x05, 0xb4};

	check(plain, 4, SYN, 1398, 22, 1398);
	check(plain, 4, SYN | ACK, 1398, 22, 1398);
	check(plain, 4, SYN, 1459, 22, 1459);
	check(plain, 4, SYN, 1460, 22, 0);
	check(plain, 4, SYN, 1500, 22, 0);
	check(plain, 4, ACK, 1398, 22, 0);
	check(plain, 0, SYN, 1398, 22, 0);
}

/* As kernels send it, behind others, and at an odd place. */
static void test_among_options(void)
{
	static const uint8_t linux_syn[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0,
	                                    0, 1, 0,    0,    0, 0, 1, 3,  3, 7};
	static const uint8_t last[] = {4, 2, 3, 3, 7, 1, 1, 1, 2, 4, 0x23, 0x28};
	static const uint8_t odd[] = {1, 2, 4, 0x05, 0xb4, 1, 1, 1};
	static const uint8_t ended[] = {1, 0, 2, 4, 0x05, 0xb4, 0, 0};

	check(linux_syn, sizeof(linux_syn), SYN, 1398, 22, 1398);
	check(last, sizeof(last), SYN, 1378, 30, 1378);
	for (uint16_t mss = 500; mss < 1460; mss += 7)
		check(odd, sizeof(odd), SYN, mss, 23, mss);
	check(ended, sizeof(ended), SYN, 1398, 24, 0);
}

static void test_malformed_is_left_alone(void)
{
	static const uint8_t zero_length[] = {8, 0, 2, 4, 0x05, 0xb4, 0, 0};
	static const uint8_t one_length[] = {8, 1, 2, 4, 0x05, 0xb4, 0, 0};
	static const uint8_t beyond[] = {1, 1, 2, 5};
	static const uint8_t cut[] = {1, 1, 1, 2};
	static const uint8_t wrong_size[] = {2, 3, 0x05, 0};
	unsigned int length;
	uint8_t *p;

	check(zero_length, sizeof(zero_length), SYN, 1398, 24, 0);
	check(one_length, sizeof(one_length), SYN, 1398, 24, 0);
	check(beyond, sizeof(beyond), SYN, 1398, 22, 0);
	check(cut, sizeof(cut), SYN, 1398, 22, 0);
	check(wrong_size, sizeof(wrong_size), SYN, 1398, 22, 0);
	/* Data offset below 5 or beyond the bytes that there are; short headers. */
	for (unsigned int offset = 0; offset < 16; offset++) {
		if (offset == 6)
			continue;
		p = segment((const uint8_t[]){2, 4, 0x05, 0xb4}, 4, SYN, &length);
		p[12] = (uint8_t)(offset << 4);
		CU_ASSERT_FALSE(mss_clamp(p, length, 1398));
		free(p);
	}
	for (unsigned int n = 0; n < 20; n++) {
		p = malloc(n + 1);
		memset(p, 0xff, n + 1);
		CU_ASSERT_FALSE(mss_clamp(p, n, 1398));
		free(p);
	}
}

/* Any bytes in a buffer of just their size: nothing outside is touched (ASan), no more than MSS and
 * checksum inside. */
static void test_random_bytes(void)
{
	uint8_t before[60];

	dice_state = 7;
	for (unsigned int round = 0; round < 200000; round++) {
		unsigned int n = dice(61), changed = 0;
		uint8_t *p = malloc(n + (n == 0));

		for (unsigned int i = 0; i < n; i++)
			p[i] = (uint8_t)dice(256);
		if (n > 13) {
			p[13] |= SYN;
			p[12] = (uint8_t)(n / 4 << 4);
		}
		for (unsigned int i = 20; i < n; i++)
			p[i] &= 7;
		memcpy(before, p, n);
		mss_clamp(p, n, 256);
		for (unsigned int i = 0; i < n; i++)
			changed += p[i] != before[i];
		CU_ASSERT_TRUE(changed <= 4);
		free(p);
	}
}

static void test_mss_of_mtu(void)
{
	CU_ASSERT_EQUAL(mss_of_mtu(1500, false), 1460);
	CU_ASSERT_EQUAL(mss_of_mtu(1500, true), 1440);
	CU_ASSERT_EQUAL(mss_of_mtu(40, false), 0);
	CU_ASSERT_EQUAL(mss_of_mtu(60, true), 0);
}

UNIT_MAIN(UNIT(test_lowers_only), UNIT(test_among_options), UNIT(test_malformed_is_left_alone),
          UNIT(test_random_bytes), UNIT(test_mss_of_mtu))
