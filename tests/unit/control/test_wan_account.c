/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wan_account.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/bytes.h"

static uint8_t frame[128];
static struct wan_account account;

static void set_up(uint16_t type)
{
	memset(frame, 0, sizeof(frame));
	put_be16(frame + 12, type);
	account = (struct wan_account){.gateway = {htonl(0xc0000201), htonl(0xc0000202)},
	                               .channel_port = 4790,
	                               .marker = (const uint8_t *)"MARKER",
	                               .marker_len = 6};
}

/* An IPv4 frame from 192.0.2.SRC to 192.0.2.DST. */
static void set_up_ipv4(uint8_t proto, uint8_t src, uint8_t dst)
{
	set_up(0x0800);
	frame[14] = 0x45;
	frame[14 + 9] = proto;
	put_be32(frame + 26, 0xc0000200u + src);
	put_be32(frame + 30, 0xc0000200u + dst);
	put_be32(frame + 34, 0x00010000); /* SPI */
}

static enum wan_class classify(size_t captured)
{
	return wan_account_frame(&account, frame, captured, 1500);
}

static void test_esp_and_channel_between_the_gateways(void)
{
	set_up_ipv4(50, 1, 2);
	CU_ASSERT_EQUAL(classify(128), WAN_ESP);
	CU_ASSERT_EQUAL(account.esp_bytes, 1500);
	put_be32(frame + 34, 255);
	CU_ASSERT_EQUAL(classify(128), WAN_OTHER);
	set_up_ipv4(17, 2, 1);
	put_be16(frame + 34, 4790);
	put_be16(frame + 36, 4790);
	CU_ASSERT_EQUAL(classify(128), WAN_CLASSICAL);
	put_be16(frame + 36, 53);
	CU_ASSERT_EQUAL(classify(128), WAN_OTHER);
}

static void test_what_the_sites_send_is_plaintext(void)
{
	set_up_ipv4(50, 1, 9);
	CU_ASSERT_EQUAL(classify(128), WAN_PLAINTEXT);
	set_up_ipv4(6, 7, 9);
	CU_ASSERT_EQUAL(classify(128), WAN_PLAINTEXT);
	set_up_ipv4(50, 1, 2);
	memcpy(frame + 100, "MARKER", 6);
	CU_ASSERT_EQUAL(classify(128), WAN_PLAINTEXT);
	CU_ASSERT_EQUAL(classify(105), WAN_ESP); /* cut inside the marker */
	set_up(0x86dd);
	frame[20] = 6;
	CU_ASSERT_EQUAL(classify(128), WAN_PLAINTEXT);
}

static void test_neighbours_and_the_rest(void)
{
	set_up(0x0806);
	CU_ASSERT_EQUAL(classify(60), WAN_ARP_ND);
	set_up(0x86dd);
	frame[20] = 58;
	frame[21] = 255;
	frame[54] = 135;
	CU_ASSERT_EQUAL(classify(86), WAN_ARP_ND);
	frame[54] = 128; /* an echo request is not neighbour discovery */
	CU_ASSERT_EQUAL(classify(86), WAN_OTHER);
	set_up(0x88cc);
	CU_ASSERT_EQUAL(classify(60), WAN_OTHER);
	for (size_t n = 0; n < 40; n++) {
		set_up_ipv4(50, 1, 2);
		CU_ASSERT_EQUAL(classify(n), WAN_OTHER);
	}
	CU_ASSERT_EQUAL(account.frames[WAN_OTHER], 1);
}

UNIT_MAIN(UNIT(test_esp_and_channel_between_the_gateways),
          UNIT(test_what_the_sites_send_is_plaintext), UNIT(test_neighbours_and_the_rest))
