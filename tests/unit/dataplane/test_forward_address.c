/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's own addresses on the wire: probes, conflicts, what a link that comes up does. */

#include "tests/unit/dataplane/gateway_rig.h"

#include <unistd.h>

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"

static const uint8_t stranger[6] = {2, 0, 0, 0, 0xee, 0xee};

static void test_start(void)
{
	rig_detect = true;
	rig_start(1);
}

static uint8_t state_of(unsigned int site, const char *addr)
{
	struct config_prefix p = test_prefix(addr, 0);
	struct forward_address list[FORWARD_ADDRESSES_MAX];
	unsigned int n = forward_addresses(gw[site].forward, list, FORWARD_ADDRESSES_MAX);

	for (unsigned int i = 0; i < n; i++)
		if (config_addr_equal(&list[i].addr, &p.addr))
			return list[i].state;
	CU_FAIL("there is no such address");
	return UINT8_MAX;
}

/* Frames that wait on the LAN of SITE, all taken, of which those that PICK accepts are counted. */
static unsigned int lan_frames(unsigned int site, bool (*pick)(const uint8_t *frame))
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = rig_pop(gw[site].lan_out)) != NULL) {
		n += pick(rte_pktmbuf_mtod(m, const uint8_t *));
		rte_pktmbuf_free(m);
	}
	return n;
}

/* From ::, to the solicited-node address, no option (RFC 4862 section 5.4.2). */
static bool is_dad(const uint8_t *p)
{
	static const uint8_t none[16];

	return get_be16(p + 12) == 0x86dd && p[20] == 58 && p[54] == 135 &&
	       memcmp(p + 22, none, 16) == 0 && p[38] == 0xff && get_be16(p + 18) == 24 &&
	       test_icmp6_sum(p + 14) == 0;
}

static bool is_announcement4(const uint8_t *p)
{
	return get_be16(p + 12) == 0x0806 && p[21] == 1 && memcmp(p + 28, p + 38, 4) == 0;
}

static bool is_announcement6(const uint8_t *p)
{
	return get_be16(p + 12) == 0x86dd && p[20] == 58 && p[54] == 136 && p[0] == 0x33 &&
	       (p[58] & 0x40) == 0;
}

static bool is_echo_reply6(const uint8_t *p)
{
	return get_be16(p + 12) == 0x86dd && p[20] == 58 && p[54] == 129;
}

static bool is_any_request4(const uint8_t *p)
{
	return get_be16(p + 12) == 0x0806 && p[21] == 1;
}

/* IPv4 does not wait: the first packet after the start crosses. */
static void test_ipv4_forwards_at_once(void)
{
	struct rte_mbuf *m;

	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
	CU_ASSERT_EQUAL(state_of(0, "192.0.2.1"), ADDRESS_PROBING);
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turns(2);
	m = rig_receive(1);
	CU_ASSERT_PTR_NOT_NULL(m);
	rte_pktmbuf_free(m);
}

static void claim6(unsigned int site, const char *addr, bool solicit)
{
	struct config_prefix p = test_prefix(addr, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	struct iface other = {.mac = {{2, 0, 0, 0, 0xee, 0xee}}};

	if (solicit)
		nd_make_probe(m, &other, p.addr.bytes);
	else
		nd_make_announcement(m, &other, p.addr.bytes);
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[site].lan_in, m), 0);
	rig_turn(site);
}

static void echo6(unsigned int site, const char *from, const char *to)
{
	rig_send(site, test_echo6(rig_pool, from, to, 16));
	rig_turn(site);
}

static void test_a_duplicate_is_not_used(void)
{
	/* A probes its own; B's is probed for by another at the same time. */
	CU_ASSERT_EQUAL(lan_frames(0, is_dad), 2);
	CU_ASSERT_EQUAL(state_of(0, "2001:db8:a::1"), ADDRESS_PROBING);
	CU_ASSERT_EQUAL(state_of(1, "2001:db8:b::1"), ADDRESS_PROBING);
	claim6(1, "2001:db8:b::1", true);
	CU_ASSERT_EQUAL(state_of(1, "2001:db8:b::1"), ADDRESS_DUPLICATE);
	CU_ASSERT_EQUAL(rig_count(1, "address.duplicates"), 1);
	/* Tentative: no answer to a neighbour (RFC 4862 section 5.4.3). */
	lan_frames(0, is_dad);
	echo6(0, "2001:db8:a::10", "2001:db8:a::1");
	CU_ASSERT_EQUAL(lan_frames(0, is_echo_reply6), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.address"), 1);
	usleep(1100000);
	rig_turns(4);
	CU_ASSERT_TRUE(lan_frames(0, is_announcement6) >= 2);
	CU_ASSERT_NOT_EQUAL(state_of(0, "2001:db8:a::1"), ADDRESS_PROBING);
	echo6(0, "2001:db8:a::10", "2001:db8:a::1");
	CU_ASSERT_EQUAL(lan_frames(0, is_echo_reply6), 1);
	echo6(1, "2001:db8:b::10", "2001:db8:b::1");
	CU_ASSERT_EQUAL(lan_frames(1, is_echo_reply6), 0);
	CU_ASSERT_EQUAL(state_of(1, "2001:db8:b::1"), ADDRESS_DUPLICATE);
}

static void claim4(unsigned int site, const char *addr)
{
	struct config_prefix p = test_prefix(addr, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	struct iface other = {.mac = {{2, 0, 0, 0, 0xee, 0xee}}};

	memcpy(other.mac.addr_bytes, stranger, 6);
	arp_make_announcement(m, &other, p.addr.bytes);
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[site].lan_in, m), 0);
	rig_turn(site);
}

static void test_ipv4_conflict_at_the_start(void)
{
	CU_ASSERT_EQUAL(state_of(0, "10.1.0.1"), ADDRESS_PROBING);
	claim4(0, "10.1.0.1");
	CU_ASSERT_EQUAL(state_of(0, "10.1.0.1"), ADDRESS_DUPLICATE);
	CU_ASSERT_EQUAL(rig_count(0, "neighbour.conflicts"), 1);
	lan_frames(0, is_dad);
	rig_send(0, test_echo4(rig_pool, A_HOST, "10.1.0.1", 16));
	rig_turn(0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].lan_out), 0);
}

/* Addresses that are ours without a question, claimed later. */
static void test_a_settled_address_is_defended(void)
{
	static const struct rig_shape shapes[2] = {{.cores = 1}, {.cores = 1}};

	rig_start_shapes(shapes, false, 1024);
	rig_turns(2);
	CU_ASSERT_EQUAL(state_of(0, "10.1.0.1"), ADDRESS_SETTLED);
	lan_frames(0, is_dad);
	claim4(0, "10.1.0.1");
	claim4(0, "10.1.0.1");
	CU_ASSERT_EQUAL(lan_frames(0, is_announcement4), 1);
	CU_ASSERT_EQUAL(rig_count(0, "neighbour.conflicts"), 2);
	claim6(0, "2001:db8:a::1", false);
	CU_ASSERT_EQUAL(lan_frames(0, is_announcement6), 1);
	CU_ASSERT_EQUAL(state_of(0, "10.1.0.1"), ADDRESS_SETTLED);
	rig_send(0, test_echo4(rig_pool, A_HOST, "10.1.0.1", 16));
	rig_turn(0);
	CU_ASSERT_PTR_NOT_NULL(rig_receive(0));
}

static void test_link_up_announces_and_asks(void)
{
	struct rte_mbuf *m;

	rig_key(1, 1);
	rig_turns(4);
	rig_send(1, test_ipv4(rig_pool, B_HOST, A_HOST, 17, NULL, 100));
	rig_turns(2);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL(m);
	rte_pktmbuf_free(m);
	lan_frames(0, is_dad);
	usleep(15000);
	forward_link_up(gw[0].forward, PORT_LAN);
	rig_turn(0);
	CU_ASSERT_EQUAL(lan_frames(0, is_announcement4), 1);
	/* The host, which is known, is asked again by unicast within the timers' turns. */
	for (unsigned int i = 0; i < 400 && rte_ring_count(gw[0].lan_out) == 0; i++) {
		usleep(1000);
		rig_turn(0);
	}
	CU_ASSERT_EQUAL(lan_frames(0, is_any_request4), 1);
}

static void test_stop(void)
{
	struct rte_mbuf *m;

	for (unsigned int site = 0; site < 2; site++)
		while ((m = rig_pop(gw[site].lan_out)) != NULL)
			rte_pktmbuf_free(m);
	rig_stop();
}

static void test_restart_without_detection(void)
{
	test_stop();
	rig_detect = false;
}

UNIT_MAIN(UNIT(test_start), UNIT(test_ipv4_forwards_at_once), UNIT(test_a_duplicate_is_not_used),
          UNIT(test_ipv4_conflict_at_the_start), UNIT(test_restart_without_detection),
          UNIT(test_a_settled_address_is_defended), UNIT(test_link_up_announces_and_asks),
          UNIT(test_stop))
