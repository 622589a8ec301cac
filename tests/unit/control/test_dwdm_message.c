/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_message.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct card_ocm_scan in, out;
static uint8_t msg[DWDM_MESSAGE_MAX];

static void test_round_trip(void)
{
	size_t len;

	in = (struct card_ocm_scan){.scan = 0xdeadbeef, .count = 2, .floor_mdbm = -50000};
	in.channel[0] = (struct card_ocm_seen){193700000, -18990, 20000, 30000};
	in.channel[1] = (struct card_ocm_seen){196100000, 3500, 20000, 30000};
	len = dwdm_message_put(&in, msg);
	CU_ASSERT_EQUAL(len, 26);
	CU_ASSERT_TRUE(dwdm_message_get(msg, len, &out));
	CU_ASSERT_EQUAL(out.scan, 0xdeadbeef);
	CU_ASSERT_EQUAL(out.floor_mdbm, -50000);
	CU_ASSERT_EQUAL(out.count, 2);
	CU_ASSERT_EQUAL(out.channel[0].centre_mhz, 193700000);
	CU_ASSERT_EQUAL(out.channel[0].power_mdbm, -18990);
	CU_ASSERT_EQUAL(out.channel[1].power_mdbm, 3500);
	CU_ASSERT_EQUAL(out.channel[1].osnr_mdb, 0);
	/* Empty, and as many as there can be. */
	in.count = 0;
	CU_ASSERT_TRUE(dwdm_message_get(msg, dwdm_message_put(&in, msg), &out));
	CU_ASSERT_EQUAL(out.count, 0);
	in.count = CARD_OCM_CHANNELS;
	len = dwdm_message_put(&in, msg);
	CU_ASSERT_EQUAL(len, DWDM_MESSAGE_MAX);
	CU_ASSERT_TRUE(dwdm_message_get(msg, len, &out));
	CU_ASSERT_EQUAL(out.count, CARD_OCM_CHANNELS);
}

static void test_malformed(void)
{
	static const uint8_t power[4] = {0x7f, 0xff, 0xff, 0xff};
	size_t len;

	in = (struct card_ocm_scan){.scan = 1, .count = 3, .floor_mdbm = -50000};
	len = dwdm_message_put(&in, msg);
	CU_ASSERT_TRUE(dwdm_message_get(msg, len, &out));
	for (size_t n = 0; n < len; n++)
		CU_ASSERT_FALSE(dwdm_message_get(msg, n, &out));
	CU_ASSERT_FALSE(dwdm_message_get(msg, len + 1, &out));
	CU_ASSERT_EQUAL(out.count, 3); /* what is refused changes nothing */
	msg[9] = 255;                  /* more than a scan has */
	CU_ASSERT_FALSE(dwdm_message_get(msg, len, &out));
	CU_ASSERT_FALSE(dwdm_message_get(msg, sizeof(msg), &out));
	dwdm_message_put(&in, msg);
	memcpy(msg + 4, power, 4);
	CU_ASSERT_FALSE(dwdm_message_get(msg, len, &out));
	dwdm_message_put(&in, msg);
	memcpy(msg + DWDM_MESSAGE_HEAD + 2 * DWDM_MESSAGE_CHANNEL + 4, power, 4);
	CU_ASSERT_FALSE(dwdm_message_get(msg, len, &out));
	CU_ASSERT_EQUAL(out.scan, 1);
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_malformed))
