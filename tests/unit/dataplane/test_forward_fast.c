/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The short way of most packets does to a mixture of all kinds just what the stages for all kinds
 * do: a gateway with a VLAN on its LAN port goes the general way with each frame.
 */

#include "dataplane/forward_core.h"
#include "tests/unit/dataplane/gateway_rig.h"
#include "tests/unit/dice.h"

#define ROUNDS  400
#define FRAMES  (ROUNDS * FORWARD_BURST)
#define A_HOST  "10.1.0.10"
#define A_HOST6 "2001:db8:a::10"
#define B_HOST6 "2001:db8:b::10"
#define SAMPLE  64 /* bytes of a frame that are kept */

/* What came out of a gateway, in its order. */
struct outcome {
	unsigned int n, lan_n;
	uint32_t length[FRAMES];
	uint8_t frame[FRAMES][SAMPLE];
	uint64_t sealed, count[8];
};

static const char *const counters[] = {"drop.ip_malformed", "drop.not_our_mac", "drop.ethertype",
                                       "drop.multicast",    "drop.no_route",    "drop.ttl",
                                       "drop.too_big",      "drop.no_key"};

static struct outcome fast, general;

static void with_vlan(struct config *c, unsigned int site)
{
	if (site != 0)
		return;
	c->lan_sub_count = 1;
	c->lan_subs[0].vlan = 10;
	c->lan_subs[0].port.mtu = 1500;
	c->lan_subs[0].port.addresses[c->lan_subs[0].port.address_count++] =
	        test_prefix("10.1.10.1", 24);
}

static void with_clamp(struct tunnel_config *tc)
{
	tc->mss_clamp = true;
	tc->classes = 2;
	tc->class_of[46] = 1;
}

static void set_checksum(uint8_t *ip)
{
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, (ip[0] & 15U) * 4, 0));
}

static struct rte_mbuf *ipv4(uint16_t length)
{
	char to[20];
	struct rte_mbuf *m;
	uint8_t *ip;

	/* Few flows, and now and then a new one. */
	snprintf(to, sizeof(to), "10.2.%u.%u", dice(40) == 0 ? dice(200) : 0, 1 + dice(4));
	m = test_ipv4(rig_pool, A_HOST, to, dice(2) ? 17 : 6, NULL, length);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	memset(ip + 20, 0x5a, length);
	put_be16(ip + 20, (uint16_t)(1000 + dice(4)));
	if (length >= 20)
		ip[33] = dice(3) == 0 ? 0x02 : 0x10;
	ip[1] = dice(4) == 0 ? 46 << 2 : (uint8_t)dice(4);
	set_checksum(ip);
	return m;
}

/* One that differs in a way that the short one is not for, or may take for ordinary. */
static struct rte_mbuf *odd_ipv4(void)
{
	struct rte_mbuf *m = ipv4((uint16_t)(24 + dice(200))), *chain;
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	switch (dice(8)) {
	case 0:
		ip[0] = 0x46; /* options: what the payload says */
		memset(ip + 20, 1, 4);
		break;
	case 1:
		ip[8] = (uint8_t)dice(3);
		break;
	case 2:
		put_be16(ip + 6, (uint16_t)(dice(2) ? 0x2000 : 100));
		break;
	case 3:
		ip[dice(2) ? 12 : 16] ^= 1; /* another network */
		break;
	case 4:
		set_checksum(ip);
		ip[10] ^= 1;
		return m;
	case 5:
		put_be16(ip + 2, (uint16_t)(dice(2) ? dice(20) : 2000));
		break;
	case 6:
		set_checksum(ip);
		chain = test_chain(rig_pool, ip, m->pkt_len, 2);
		rte_pktmbuf_free(m);
		return chain;
	default:
		ip[9] = (uint8_t)(dice(2) ? 1 : 47);
		break;
	}
	set_checksum(ip);
	return m;
}

static void push(struct rte_mbuf *m, uint16_t type)
{
	const uint8_t *mac = gw[0].iface[PORT_LAN].mac.addr_bytes;
	static const uint8_t other[6] = {2, 9, 9, 9, 9, 9}, all[6] = {255, 255, 255, 255, 255, 255};
	uint32_t pad;

	test_ether(m, dice(60) == 0 ? other : dice(60) == 0 ? all : mac, rig_host_mac[0], type);
	/* Padding of a short frame. */
	pad = m->nb_segs == 1 && m->pkt_len < 60 ? 60 - m->pkt_len : 0;
	if (pad > 0)
		memset(rte_pktmbuf_append(m, (uint16_t)pad), 0, pad);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].lan_in, m), 0);
}

static void push_any(unsigned int odds)
{
	switch (dice(odds)) {
	case 0:
		push(odd_ipv4(), 0x0800);
		break;
	case 1:
		push(test_ipv6(rig_pool, A_HOST6, B_HOST6, 17, NULL, (uint16_t)(8 + dice(100))),
		     0x86dd);
		break;
	case 2:
		push(test_mbuf(rig_pool, (uint16_t)(30 + dice(40))), (uint16_t)(0x0900 + dice(4)));
		break;
	case 3: /* beyond the tunnel's MTU, or just not */
		push(ipv4((uint16_t)(1400 + dice(80))), 0x0800);
		break;
	default:
		push(ipv4((uint16_t)(8 + dice(300))), 0x0800);
		break;
	}
}

static void collect(struct outcome *o)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(gw[0].wan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		if (p[12] == 8 && p[13] == 0 && o->n < FRAMES) {
			o->length[o->n] = m->pkt_len;
			memcpy(o->frame[o->n++], p, SAMPLE);
		}
		rte_pktmbuf_free(m);
	}
	while ((m = rig_receive(0)) != NULL) {
		o->lan_n++;
		rte_pktmbuf_free(m);
	}
}

static void run(void (*configure)(struct config *c, unsigned int site), struct outcome *o)
{
	const struct rig_shape shape[2] = {{.cores = 1}, {.cores = 1}};

	memset(o, 0, sizeof(*o));
	dice_state = 1;
	rig_configure = configure;
	rig_adjust = with_clamp;
	rig_start_shapes(shape, false, 1024);
	/* The host and the other gateway are known first. */
	rig_turns(20);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_send(1, test_ipv4(rig_pool, "10.2.0.10", A_HOST, 17, NULL, 64));
	rig_turns(4);
	collect(o);
	o->n = o->lan_n = 0;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int n = 1 + dice(FORWARD_BURST), odds = dice(2) ? 8 : 400;

		/* Keys come, and stop for a while. */
		if (i % 100 == 90)
			tunnel_tx_stop(gw[0].tunnel);
		if (i % 100 == 95) {
			tunnel_rx_retire(gw[1].tunnel, 1 + i / 100);
			rig_turns(1);
			tunnel_reclaim(gw[0].tunnel);
			tunnel_reclaim(gw[1].tunnel);
			rig_key(0, 2 + i / 100);
		}
		for (unsigned int k = 0; k < n; k++)
			push_any(odds);
		rig_turn(0);
		collect(o);
	}
	o->sealed = rig_count(0, "esp.sealed");
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		o->count[i] = rig_count(0, counters[i]);
	rig_stop();
}

static void test_same(void)
{
	dpdk_start(1, 512, NULL, NULL);
	run(NULL, &fast);
	run(with_vlan, &general);
	CU_ASSERT(fast.sealed > FRAMES / 4);
	CU_ASSERT_EQUAL(fast.sealed, general.sealed);
	CU_ASSERT_EQUAL_FATAL(fast.n, general.n);
	/* Errors to their senders, of which there are only so many a second. */
	CU_ASSERT(fast.lan_n > 0 && general.lan_n > 0);
	for (unsigned int i = 0; i < fast.n; i++) {
		CU_ASSERT_EQUAL_FATAL(fast.length[i], general.length[i]);
		CU_ASSERT_EQUAL_FATAL(memcmp(fast.frame[i], general.frame[i], SAMPLE), 0);
	}
	for (size_t i = 0; i < RTE_DIM(counters); i++) {
		CU_ASSERT(fast.count[i] > 0);
		CU_ASSERT_EQUAL(fast.count[i], general.count[i]);
	}
}

UNIT_MAIN(UNIT(test_same))
