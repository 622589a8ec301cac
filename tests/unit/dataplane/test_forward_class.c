/* SPDX-License-Identifier: BSD-3-Clause */

/* What a tunnel does to packets besides sealing them: classes, MSS. */

#include "dataplane/forward_core.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST  "10.1.0.10"
#define B_HOST  "10.2.0.10"
#define A_HOST6 "2001:db8:a::10"
#define B_HOST6 "2001:db8:b::10"

static void adjust(struct tunnel_config *tc)
{
	tc->mss_clamp = true;
	tc->classes = 3;
	/* Expedited forwarding, and class selector 1. */
	tc->class_of[46] = 2;
	tc->class_of[8] = 1;
}

static void test_start(void)
{
	rig_adjust = adjust;
	rig_start(2);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

/* Until the hosts are known at both ends. */
static void test_resolve(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct rte_mbuf *m;

		rig_send(i / 2, i & 1 ? test_ipv6(rig_pool, i / 2 ? B_HOST6 : A_HOST6,
		                                  i / 2 ? A_HOST6 : B_HOST6, 17, NULL, 64)
		                      : test_ipv4(rig_pool, i / 2 ? B_HOST : A_HOST,
		                                  i / 2 ? A_HOST : B_HOST, 17, NULL, 64));
		rig_turns(3);
		m = rig_receive(1 - i / 2);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		rte_pktmbuf_free(m);
	}
}

/* DSCP decides over the SA; each class counts from 1, and order holds within it. */
static void test_classes(void)
{
	static const struct {
		uint8_t dscp, class;
	} sent[] = {{0, 0}, {46, 2}, {8, 1}, {46, 2}, {10, 0}, {46, 2}, {0, 0}, {63, 0}};
	struct sa_info info[8];
	struct rte_mbuf *m;
	uint64_t sequence[3] = {0};

	CU_ASSERT_EQUAL(tunnel_sa_list(gw[0].tunnel, info, 8), 3 + 6);
	for (unsigned int i = 0; i < 3; i++)
		sequence[info[i].sub] = info[i].sequence;
	for (unsigned int k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
			uint8_t *ip;

			m = k == 0 ? test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 64)
			           : test_ipv6(rig_pool, A_HOST6, B_HOST6, 17, NULL, 64);
			ip = rte_pktmbuf_mtod(m, uint8_t *);
			if (k == 0) {
				ip[1] = (uint8_t)(sent[i].dscp << 2);
				put_be16(ip + 10, 0);
				put_be16(ip + 10, test_checksum(ip, 20, 0));
			} else {
				ip[0] = (uint8_t)(0x60 | sent[i].dscp >> 2);
				ip[1] = (uint8_t)(sent[i].dscp << 6);
			}
			rig_send(0, m);
			rig_turn(0);
			m = rig_pop(gw[0].wan_out);
			CU_ASSERT_PTR_NOT_NULL_FATAL(m);
			ip = rte_pktmbuf_mtod(m, uint8_t *) + 14;
			CU_ASSERT_EQUAL(ip[1] >> 2, sent[i].dscp);
			CU_ASSERT_EQUAL(get_be32(ip + 20) % 64, sent[i].class);
			CU_ASSERT_EQUAL(get_be32(ip + 24), ++sequence[sent[i].class]);
			CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
			rig_turn(1);
			rig_turn(1);
			m = rig_receive(1);
			CU_ASSERT_PTR_NOT_NULL_FATAL(m);
			rte_pktmbuf_free(m);
		}
}

/* A SYN that announces 8960 from FROM; what arrives. */
static uint16_t announced(unsigned int from, bool ipv6, uint8_t flags, bool fragment)
{
	uint8_t tcp[24] = {0x12, 0x34,  0,    80,   0, 0, 0, 1, 0, 0, 0,    0,
	                   0x60, flags, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x23, 0x00};
	unsigned int header = ipv6 ? 40 : 20;
	struct rte_mbuf *m;
	uint8_t *ip;
	uint16_t mss;
	uint32_t sum = 6 + 24;

	m = ipv6 ? test_ipv6(rig_pool, from ? B_HOST6 : A_HOST6, from ? A_HOST6 : B_HOST6, 6, tcp,
	                     24)
	         : test_ipv4(rig_pool, from ? B_HOST : A_HOST, from ? A_HOST : B_HOST, 6, tcp, 24);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	for (unsigned int i = ipv6 ? 8 : 12; i < header; i += 2)
		sum += get_be16(ip + i);
	put_be16(ip + header + 16, test_checksum(ip + header, 24, sum));
	if (fragment) {
		put_be16(ip + 6, 100);
		put_be16(ip + 10, 0);
		put_be16(ip + 10, test_checksum(ip, 20, 0));
	}
	rig_send(from, m);
	rig_turns(3);
	m = rig_receive(!from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	CU_ASSERT_EQUAL(test_checksum(ip + header, 24, sum), 0);
	mss = get_be16(ip + header + 22);
	rte_pktmbuf_free(m);
	return mss;
}

static void test_mss(void)
{
	uint16_t inner = (uint16_t)tunnel_inner_mtu(gw[0].tunnel, 1500);

	CU_ASSERT_EQUAL(inner, 1446);
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int from = 0; from < 2; from++)
			for (uint8_t flags = 0x02; flags <= 0x12; flags += 0x10) {
				CU_ASSERT_EQUAL(announced(from, false, flags, false), inner - 40);
				CU_ASSERT_EQUAL(announced(from, true, flags, false), inner - 60);
			}
	CU_ASSERT_EQUAL(announced(0, false, 0x10, false), 0x2300);
	CU_ASSERT_EQUAL(announced(0, true, 0x18, false), 0x2300);
	CU_ASSERT_EQUAL(announced(0, false, 0x02, true), 0x2300);
	/* The sender's gateway lowers it; the receiver's finds nothing to do. */
	CU_ASSERT_EQUAL(rig_count(0, "tcp.mss_clamped"), 8);
	CU_ASSERT_EQUAL(rig_count(1, "tcp.mss_clamped"), 8);
	/* From a peer that does not: the receiver's does. */
	gw[0].forward->tunnel[0].clamp = 0;
	CU_ASSERT_EQUAL(announced(0, false, 0x02, false), inner - 40);
	CU_ASSERT_EQUAL(rig_count(1, "tcp.mss_clamped"), 9);
	gw[1].forward->tunnel[0].clamp = 0;
	CU_ASSERT_EQUAL(announced(0, true, 0x02, false), 0x2300);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_resolve), UNIT(test_classes), UNIT(test_mss), UNIT(test_stop))
