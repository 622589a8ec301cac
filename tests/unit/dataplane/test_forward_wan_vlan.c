/* SPDX-License-Identifier: BSD-3-Clause */

/* A WAN port in a VLAN: every frame has its tag (forward_sub.c). */

#include "dataplane/forward_core.h"
#include "tests/unit/dataplane/policy_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"
#define VLAN   300

static void tagged(struct config *c, unsigned int site)
{
	(void)site;
	c->wan.vlan = VLAN;
}

static void drain(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(r)) != NULL)
		rte_pktmbuf_free(m);
}

static void test_start(void)
{
	rig_configure = tagged;
	rig_start(2);
	/* ARP crosses with its tags, else nothing would go on. */
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
	CU_ASSERT_EQUAL(rig_count(0, "drop.wan_vlan"), 0);
	CU_ASSERT_EQUAL(rig_count(1, "drop.wan_vlan"), 0);
	CU_ASSERT_TRUE(rig_count(0, "neighbour.replies") + rig_count(1, "neighbour.replies") > 0);
}

/* The next frame that A sends to the WAN. */
static struct rte_mbuf *sealed(void)
{
	struct rte_mbuf *m;

	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

/* M to B; what its host gets. */
static unsigned int delivered(struct rte_mbuf *m)
{
	unsigned int n = 0;

	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	for (unsigned int i = 0; i < 4; i++)
		rig_turn(1);
	while ((m = rig_receive(1)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

static void test_esp_is_tagged(void)
{
	struct rte_mbuf *m = sealed();
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	CU_ASSERT_EQUAL(memcmp(p, gw[1].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(p + 6, gw[0].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(get_be16(p + 12), 0x8100);
	CU_ASSERT_EQUAL(get_be16(p + 14), VLAN);
	CU_ASSERT_EQUAL(get_be16(p + 16), 0x0800);
	CU_ASSERT_EQUAL(p[18], 0x45);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 18U + get_be16(p + 20));
	(void)delivered(m); /* B's host is asked for first */
	CU_ASSERT_EQUAL(delivered(sealed()), 1);
	/* A priority is not for us to judge. */
	m = sealed();
	rte_pktmbuf_mtod(m, uint8_t *)[14] |= 0xe0;
	CU_ASSERT_EQUAL(delivered(m), 1);
	CU_ASSERT_EQUAL(rig_count(1, "drop.wan_vlan"), 0);
}

static void test_the_channel_is_tagged(void)
{
	static const uint8_t hello[40] = {1, 2, 3};
	uint8_t got[64];
	struct rte_mbuf *m;
	const uint8_t *p;

	drain(gw[0].wan_out);
	CU_ASSERT_EQUAL(channel_mux_send(gw[0].mux, hello, sizeof(hello), NULL), 0);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(get_be16(p + 14), VLAN);
	CU_ASSERT_EQUAL(p[18 + 9], 17);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	rig_turn(1);
	CU_ASSERT_EQUAL(channel_mux_receive(gw[1].mux, got, sizeof(got), NULL), sizeof(hello));
	CU_ASSERT_EQUAL(memcmp(got, hello, sizeof(hello)), 0);
}

static void test_other_frames_are_dropped(void)
{
	uint64_t before = rig_count(1, "drop.wan_vlan");
	struct rte_mbuf *m = sealed();
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	/* Another VLAN, the priority alone, another kind of tag. */
	put_be16(p + 14, VLAN + 1);
	CU_ASSERT_EQUAL(delivered(m), 0);
	m = sealed();
	put_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 14), 0);
	CU_ASSERT_EQUAL(delivered(m), 0);
	m = sealed();
	put_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), 0x88a8);
	CU_ASSERT_EQUAL(delivered(m), 0);
	/* None. */
	m = sealed();
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memmove(p + 4, p, 12);
	rte_pktmbuf_adj(m, 4);
	CU_ASSERT_EQUAL(delivered(m), 0);
	/* Cut in the middle of the tag, before it, and to nothing. */
	for (unsigned int n = 0; n < 18; n++) {
		m = sealed();
		rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - n));
		CU_ASSERT_EQUAL(delivered(m), 0);
	}
	CU_ASSERT_EQUAL(rig_count(1, "drop.wan_vlan"), before + 4 + 18);
	/* Two tags: behind ours is no IP. */
	before = rig_count(1, "drop.ethertype");
	m = sealed();
	p = (uint8_t *)rte_pktmbuf_prepend(m, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	if (p == NULL)
		return;
	memmove(p, p + 4, 12);
	put_be16(p + 12, 0x8100);
	put_be16(p + 14, VLAN);
	CU_ASSERT_EQUAL(delivered(m), 0);
	CU_ASSERT_EQUAL(rig_count(1, "drop.ethertype"), before + 1);
	CU_ASSERT_EQUAL(delivered(sealed()), 1);
}

/* A request without a tag gets no answer, one with it gets one with it. */
static void test_arp(void)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	uint8_t request[46] = {0};
	struct rte_mbuf *m;
	uint8_t *p;

	for (unsigned int with = 0; with < 2; with++) {
		bool answered = false;

		m = test_mbuf(rig_pool, 46);
		memcpy(request, all, 6);
		memcpy(request + 6, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
		put_be16(request + 12, 0x8100);
		put_be16(request + 14, VLAN);
		memcpy(request + 16, (const uint8_t[]){8, 6, 0, 1, 8, 0, 6, 4, 0, 1}, 10);
		memcpy(request + 26, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
		memcpy(request + 32, (const uint8_t[]){192, 0, 2, 1}, 4);
		memcpy(request + 42, (const uint8_t[]){192, 0, 2, 2}, 4);
		memcpy(rte_pktmbuf_mtod(m, void *), request, 46);
		if (with == 0) {
			p = rte_pktmbuf_mtod(m, uint8_t *);
			memmove(p + 4, p, 12);
			rte_pktmbuf_adj(m, 4);
		}
		drain(gw[1].wan_out);
		(void)delivered(m);
		while ((m = rig_pop(gw[1].wan_out)) != NULL) {
			p = rte_pktmbuf_mtod(m, uint8_t *);
			CU_ASSERT_EQUAL(get_be16(p + 12), 0x8100);
			CU_ASSERT_EQUAL(get_be16(p + 14), VLAN);
			answered |= get_be16(p + 16) == 0x0806 && p[18 + 7] == 2;
			rte_pktmbuf_free(m);
		}
		CU_ASSERT_EQUAL(answered, with == 1);
	}
}

/* Rules name VLANs of the LAN: one for untagged frames is for A's address on the WAN, too. */
static void test_rules_are_about_the_lan(void)
{
	uint64_t before = rig_count(0, "icmp.echoes");
	struct config_rule *r;

	begin(0);
	r = rule("untagged", CONFIG_RULE_PROTECT);
	r->has_vlan = true;
	apply(0);
	begin(1);
	snprintf(rule("all", CONFIG_RULE_PROTECT)->tunnel, 32, "t0");
	apply(1);
	rig_send(1, test_echo4(rig_pool, B_HOST, "192.0.2.1", 32));
	rig_turns(4);
	CU_ASSERT_EQUAL(rig_count(0, "icmp.echoes"), before + 1);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_esp_is_tagged), UNIT(test_the_channel_is_tagged),
          UNIT(test_other_frames_are_dropped), UNIT(test_arp), UNIT(test_rules_are_about_the_lan),
          UNIT(test_stop))
