/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* An IPv4 UDP datagram from 10.1.0.10 port 4790 to 10.2.0.10 port 53. */
static const uint8_t udp[] = {2,  0, 0,  0,  0,    1,    2, 0,  0,  0, 0, 2,  8,  0, 0x45,
                              0,  0, 29, 0,  0,    0,    0, 64, 17, 0, 0, 10, 1,  0, 10,
                              10, 2, 0,  10, 0x12, 0xb6, 0, 53, 0,  9, 0, 0,  'x'};

static bool matches(const char *text)
{
	struct bpf_program program;
	struct err err = {0};
	bool match;

	if (capture_filter_compile(text, &program, &err) != 0) {
		printf("%s: %s\n", text, err.text);
		CU_FAIL("the filter was refused");
		return false;
	}
	match = capture_filter_match(&program, udp, sizeof(udp), sizeof(udp));
	pcap_freecode(&program);
	return match;
}

static void test_matches(void)
{
	CU_ASSERT_TRUE(matches(""));
	CU_ASSERT_TRUE(matches("  "));
	CU_ASSERT_TRUE(matches("udp"));
	CU_ASSERT_TRUE(matches("udp port 53 and host 10.1.0.10"));
	CU_ASSERT_TRUE(matches("portrange 50-60"));
	CU_ASSERT_TRUE(matches("ether src 02:00:00:00:00:02"));
	CU_ASSERT_TRUE(matches("net 10.2.0.0/16 or ip6 net 2001:db8::/32"));
	CU_ASSERT_TRUE(matches("ip[9] = 0x11 && ip[2:2]-8 > 20"));
	CU_ASSERT_TRUE(matches("udp[8] = 120"));
	CU_ASSERT_FALSE(matches("tcp[tcpflags] & (tcp-syn|tcp-ack) != 0"));
	CU_ASSERT_FALSE(matches("icmp[icmptype] = icmp-echo"));
	CU_ASSERT_FALSE(matches("esp or arp or not ip"));
	CU_ASSERT_FALSE(matches("greater 100"));
	CU_ASSERT_FALSE(matches("vlan 100 and udp"));
}

static void refused(const char *text, const char *part)
{
	struct bpf_program program;
	struct err err = {0};

	CU_ASSERT_EQUAL(capture_filter_compile(text, &program, &err), -EINVAL);
	CU_ASSERT_EQUAL(strncmp(err.text, "filter: ", 8), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, part));
	CU_ASSERT_EQUAL(program.bf_len, 0);
}

static void test_refusals_name_the_reason(void)
{
	static char longer[CAPTURE_FILTER_MAX + 2];

	refused("udp and and", "syntax error");
	refused("ip proto 1000000000000", "");
	refused("port 99999", "");
	refused("host gateway.example.com", "gateway.example.com");
	refused("port http", "\"http\" is no word");
	refused("host tcp-syn.example", "tcp-syn.example");
	refused("net fe.de", "fe.de");
	refused("udp\n", "0x0a");
	refused("ip6 protochain 6", "protochain is not taken");
	memset(longer, ' ', sizeof(longer) - 1);
	longer[0] = '(';
	refused(longer, "longer than");
}

UNIT_MAIN(UNIT(test_matches), UNIT(test_refusals_name_the_reason))
