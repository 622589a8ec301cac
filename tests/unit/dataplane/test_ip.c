/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/ip.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

/* Headers of 20 bytes with a right checksum, which is among others every value that it takes. */
static void header(uint8_t *ip, unsigned int i)
{
	for (unsigned int k = 0; k < IPV4_HEADER; k++)
		ip[k] = (uint8_t)dice(256);
	ip[0] = 0x45;
	ip[IPV4_TTL] = (uint8_t)(1 + i % 255);
	put_be16(ip + IPV4_CHECKSUM, 0);
	put_be16(ip + IPV4_SRC, 0);
	put_be16(ip + IPV4_SRC, (uint16_t)(test_checksum(ip, IPV4_HEADER, 0) - i));
	put_be16(ip + IPV4_CHECKSUM, test_checksum(ip, IPV4_HEADER, 0));
}

static void test_checksum_right(void)
{
	unsigned int wrong = 0;
	uint8_t ip[IPV4_HEADER];

	for (unsigned int i = 0; i < 70000; i++) {
		header(ip, i);
		wrong += !ipv4_checksum_right(ip);
		/* Another value of one byte shows: sums of 16-bit words differ by less than 0xffff.
		 */
		ip[dice(IPV4_HEADER)] ^= (uint8_t)(1 + dice(255));
		wrong += ipv4_checksum_right(ip) != (test_checksum(ip, IPV4_HEADER, 0) == 0);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_ttl(void)
{
	unsigned int wrong = 0;
	uint8_t ip[IPV4_HEADER], was[IPV4_HEADER];

	for (unsigned int i = 0; i < 200000; i++) {
		header(ip, i);
		/* 0xffff is as right as 0 where a sum is (RFC 1624 section 3). */
		if (get_be16(ip + IPV4_CHECKSUM) == 0 && i % 2)
			put_be16(ip + IPV4_CHECKSUM, 0xffff);
		memcpy(was, ip, sizeof(was));
		ipv4_ttl_decrement(ip);
		wrong += !ipv4_checksum_right(ip) || ip[IPV4_TTL] != was[IPV4_TTL] - 1 ||
		         memcmp(ip, was, IPV4_TTL) != 0 ||
		         ip[IPV4_PROTOCOL] != was[IPV4_PROTOCOL] ||
		         memcmp(ip + IPV4_SRC, was + IPV4_SRC, 8) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

UNIT_MAIN(UNIT(test_checksum_right), UNIT(test_ttl))
