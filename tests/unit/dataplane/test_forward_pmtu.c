/* SPDX-License-Identifier: BSD-3-Clause */

/* What routers say of the path's MTU (forward_pmtu.c), true and false. */

#include "dataplane/forward_core.h"
#include "dataplane/forward_in.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"
#define FLOOR  1280

static bool in_udp;
static uint64_t clock_ns = NS_PER_S;

static void listens(struct tunnel_config *tc)
{
	tc->udp = in_udp;
	tc->mtu_floor = FLOOR;
	tc->mss_clamp = true;
}

static void start(void (*adjust)(struct tunnel_config *tc))
{
	static const struct rig_shape shape[2] = {{.cores = 1}, {.cores = 2}};

	rig_adjust = adjust;
	if (rig_run == 0)
		dpdk_start(1, 512, NULL, NULL);
	rig_start_shapes(shape, false, 1024);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

static void drain(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(r)) != NULL)
		rte_pktmbuf_free(m);
}

/* A sealed packet of A, from the outer IP header on: what a router quotes. */
static unsigned int sealed(uint8_t *out, uint16_t payload)
{
	struct rte_mbuf *m;
	unsigned int n;

	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, payload));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	n = rte_pktmbuf_data_len(m) - 14;
	memcpy(out, rte_pktmbuf_mtod_offset(m, void *, 14), n);
	rte_pktmbuf_free(m);
	return n;
}

/* A router's message with N bytes of QUOTE. */
static struct rte_mbuf *message(const uint8_t *quote, unsigned int n, uint16_t mtu)
{
	uint8_t icmp[8 + 1500] = {3, 4};
	struct rte_mbuf *m;

	put_be16(icmp + 6, mtu);
	memcpy(icmp + 8, quote, n);
	put_be16(icmp + 2, test_checksum(icmp, 8 + n, 0));
	m = test_ipv4(rig_pool, "198.51.100.1", "192.0.2.1", 1, icmp, (uint16_t)(8 + n));
	return m;
}

static void hear(struct rte_mbuf *m)
{
	test_ether(m, gw[0].iface[PORT_WAN].mac.addr_bytes, gw[1].iface[PORT_WAN].mac.addr_bytes,
	           0x0800);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_in[0], m), 0);
	/* The rate at which such messages are looked at is another test's. */
	((struct forward_core *)forward_role(gw[0].forward, 0).ctx)->pmtu_limit.filled_ns = 0;
	rig_turn(0);
}

static struct forward_path_info path(void)
{
	struct forward_path_info p;

	forward_path_read(gw[0].forward, 0, clock_ns, &p);
	return p;
}

static bool control(void)
{
	return forward_path_poll(gw[0].forward, clock_ns);
}

/* N bytes of QUOTE and MTU are refused, and counted as COUNTER. */
static void refused(const uint8_t *quote, unsigned int n, uint16_t mtu, const char *counter)
{
	uint64_t before = rig_count(0, counter);

	hear(message(quote, n, mtu));
	CU_ASSERT_EQUAL(rig_count(0, counter), before + 1);
	CU_ASSERT_FALSE(control());
	CU_ASSERT_EQUAL(path().mtu, 1500);
}

static void forget(void)
{
	clock_ns += FORWARD_PATH_MTU_NS;
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1500);
	CU_ASSERT_EQUAL(path().left_ns, 0);
}

static void test_start(void)
{
	start(listens);
	CU_ASSERT_TRUE(path().on);
	CU_ASSERT_EQUAL(path().mtu, 1500);
	CU_ASSERT_EQUAL(path().floor, FLOOR);
}

static void test_lowers(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);
	uint64_t accepted = rig_count(0, "pmtu.accepted");

	CU_ASSERT_TRUE(n > 1400);
	/* 28 bytes: all that RFC 792 asks a router to quote. */
	hear(message(p, 28, 1400));
	CU_ASSERT_EQUAL(rig_count(0, "pmtu.accepted"), accepted + 1);
	CU_ASSERT_EQUAL(path().mtu, 1500);
	CU_ASSERT_TRUE(control());
	CU_ASSERT_FALSE(control());
	CU_ASSERT_EQUAL(path().mtu, 1400);
	CU_ASSERT_EQUAL(path().inner_mtu, tunnel_inner_mtu(gw[0].tunnel, 1400));
	CU_ASSERT_EQUAL(path().lowered, 1);
}

/* Inner packets feel it: too big with DF, fragments without, and TCP's MSS. */
static void test_takes_effect(void)
{
	uint64_t too_big = rig_count(0, "drop.too_big"), fragmented = rig_count(0, "ip.fragmented");
	uint64_t clamped = rig_count(0, "tcp.mss_clamped");
	uint8_t syn[24] = {[12] = 6 << 4, [13] = 2, [20] = 2, [21] = 4, [22] = 5, [23] = 0xb4};
	uint16_t inner = path().inner_mtu;
	struct rte_mbuf *m;

	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, (uint16_t)(inner - 20)));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_TRUE(rte_pktmbuf_pkt_len(m) - 14 <= 1400 && rte_pktmbuf_pkt_len(m) - 14 > 1396);
	rte_pktmbuf_free(m);
	m = test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, (uint16_t)(inner - 19));
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 6, 0x4000);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 10, 0);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 10,
	         test_checksum(rte_pktmbuf_mtod(m, uint8_t *), 20, 0));
	rig_send(0, m);
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.too_big"), too_big + 1);
	m = test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, (uint16_t)(inner - 19));
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 6, 0);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 10, 0);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 10,
	         test_checksum(rte_pktmbuf_mtod(m, uint8_t *), 20, 0));
	rig_send(0, m);
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, "ip.fragmented"), fragmented + 1);
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 6, syn, sizeof(syn)));
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, "tcp.mss_clamped"), clamped + 1);
	drain(gw[0].wan_out);
	drain(gw[0].lan_out);
}

static void test_is_forgotten(void)
{
	CU_ASSERT_EQUAL(path().left_ns, FORWARD_PATH_MTU_NS);
	clock_ns += FORWARD_PATH_MTU_NS - 1;
	CU_ASSERT_FALSE(control());
	CU_ASSERT_EQUAL(path().mtu, 1400);
	clock_ns++;
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1500);
	CU_ASSERT_EQUAL(path().inner_mtu, tunnel_inner_mtu(gw[0].tunnel, 1500));
}

static void test_not_below_the_floor(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);

	hear(message(p, n, 68));
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, FLOOR);
	forget();
	/* Of two the lower counts, and what is no lower than known is refused. */
	n = sealed(p, 1400);
	hear(message(p, n, 1350));
	hear(message(p, n, 1300));
	hear(message(p, n, 1400));
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1300);
	{
		uint64_t before = rig_count(0, "drop.pmtu_size");

		hear(message(p, n, 1300));
		CU_ASSERT_EQUAL(rig_count(0, "drop.pmtu_size"), before + 1);
	}
	forget();
}

static void test_false_quotes(void)
{
	uint8_t p[2048], q[2048];
	unsigned int n = sealed(p, 1400);

	/* Cut short: no sequence number, no SPI, no header, nothing. */
	for (unsigned int cut = 0; cut < 28; cut++)
		refused(p, cut, 1400, "drop.pmtu_malformed");
	refused(p, n, 0, "drop.pmtu_malformed");
	/* Not below the packet that was too long. */
	refused(p, n, (uint16_t)n, "drop.pmtu_size");
	refused(p, n, 1500, "drop.pmtu_size");
	/* Another SPI, another peer, another source. */
	for (unsigned int at = 20; at < 24; at++) {
		memcpy(q, p, n);
		q[at] ^= 1;
		refused(q, n, 1400, "drop.pmtu_no_sa");
	}
	for (unsigned int at = 12; at < 20; at++) {
		memcpy(q, p, n);
		q[at] ^= 1;
		refused(q, n, 1400, "drop.pmtu_no_sa");
	}
	/* In UDP, which this tunnel does not use. */
	memcpy(q, p, n);
	q[9] = 17;
	hear(message(q, n, 1400));
	CU_ASSERT_FALSE(control());
	/* A packet that was not sent yet, or never. */
	memcpy(q, p, n);
	put_be32(q + 24, get_be32(p + 24) + 1);
	refused(q, n, 1400, "drop.pmtu_sequence");
	put_be32(q + 24, 0);
	refused(q, n, 1400, "drop.pmtu_sequence");
	put_be32(q + 24, UINT32_MAX);
	refused(q, n, 1400, "drop.pmtu_sequence");
	/* A fragment, options, another version: not what we send. */
	memcpy(q, p, n);
	q[6] = 0x20;
	hear(message(q, n, 1400));
	memcpy(q, p, n);
	q[0] = 0x46;
	hear(message(q, n, 1400));
	CU_ASSERT_FALSE(control());
	q[0] = 0x65;
	refused(q, n, 1400, "drop.pmtu_malformed");
}

static void test_wrong_checksum(void)
{
	uint64_t before = rig_count(0, "drop.pmtu_malformed");
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);
	struct rte_mbuf *m = message(p, n, 1400);

	rte_pktmbuf_mtod(m, uint8_t *)[22] ^= 1;
	hear(m);
	CU_ASSERT_EQUAL(rig_count(0, "drop.pmtu_malformed"), before + 1);
	CU_ASSERT_FALSE(control());
}

/* Sent long ago: as many packets have followed as a second has none of. */
static void test_old_quote(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);
	struct sa *sa = sad_transmit(&gw[0].sad->core[0], 0, 0);
	uint64_t top = sa->replay.top;

	sa->replay.top += 1 << 20;
	refused(p, n, 1400, "drop.pmtu_sequence");
	sa->replay.top--;
	hear(message(p, n, 1400));
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1400);
	sa->replay.top = top;
	forget();
}

/* Of a key that has been replaced. */
static void test_old_key(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);

	rig_key(0, 2);
	refused(p, n, 1400, "drop.pmtu_no_sa");
}

static void test_rate(void)
{
	struct forward_core *c = forward_role(gw[0].forward, 0).ctx;
	uint64_t limited = rig_count(0, "drop.pmtu_limited"), looked;
	uint8_t p[2048];
	unsigned int n = sealed(p, 1400);

	p[20] ^= 1;
	looked = rig_count(0, "drop.pmtu_no_sa");
	for (unsigned int i = 0; i < 500; i++) {
		struct rte_mbuf *m = message(p, n, 1400);

		test_ether(m, gw[0].iface[PORT_WAN].mac.addr_bytes,
		           gw[1].iface[PORT_WAN].mac.addr_bytes, 0x0800);
		rte_pktmbuf_adj(m, 14);
		CU_ASSERT_TRUE(forward_pmtu_input(c, m, false));
	}
	looked = rig_count(0, "drop.pmtu_no_sa") - looked;
	CU_ASSERT_TRUE(looked >= 1 && looked <= ICMP_BURST + 1);
	CU_ASSERT_EQUAL(rig_count(0, "drop.pmtu_limited") - limited, 500 - looked);
}

static void test_stop(void)
{
	rig_stop();
}

/* RFC 3948: the quote must reach behind the UDP header. */
static void test_in_udp(void)
{
	uint8_t p[2048], q[2048];
	unsigned int n;

	in_udp = true;
	start(listens);
	n = sealed(p, 1400);
	for (unsigned int cut = 28; cut < 36; cut++)
		refused(p, cut, 1400, "drop.pmtu_malformed");
	memcpy(q, p, n);
	q[23] ^= 1;
	refused(q, n, 1400, "drop.pmtu_no_sa");
	hear(message(p, 36, 1400));
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1400);
	rig_stop();
}

static void over_ipv6(struct config *c, unsigned int site)
{
	static const char *const wan[] = {"2001:db8:ff::1", "2001:db8:ff::2"};

	c->wan.addresses[c->wan.address_count++] = test_prefix(wan[site], 64);
	c->tunnels[0].local = test_prefix(wan[site], 0).addr;
	c->tunnels[0].remote = test_prefix(wan[!site], 0).addr;
}

static void listens_ipv6(struct tunnel_config *tc)
{
	listens(tc);
	tc->ipv6 = true;
}

static void hear_ipv6(const uint8_t *quote, unsigned int n, uint32_t mtu, bool right)
{
	uint8_t icmp[8 + 1500] = {2, 0};
	struct rte_mbuf *m;
	uint8_t *ip;

	put_be32(icmp + 4, mtu);
	memcpy(icmp + 8, quote, n);
	m = test_ipv6(rig_pool, "2001:db8:99::1", "2001:db8:ff::1", 58, icmp, (uint16_t)(8 + n));
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	put_be16(ip + 42, (uint16_t)(test_icmp6_sum(ip) ^ !right));
	test_ether(m, gw[0].iface[PORT_WAN].mac.addr_bytes, gw[1].iface[PORT_WAN].mac.addr_bytes,
	           0x86dd);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_in[0], m), 0);
	((struct forward_core *)forward_role(gw[0].forward, 0).ctx)->pmtu_limit.filled_ns = 0;
	rig_turn(0);
}

/* Packet too big (RFC 4443 section 3.2): its MTU has 32 bits. */
static void test_ipv6_outside(void)
{
	uint64_t size, malformed;
	uint8_t p[2048];
	unsigned int n;

	in_udp = false;
	rig_configure = over_ipv6;
	start(listens_ipv6);
	rig_configure = NULL;
	rig_turns(4);
	n = sealed(p, 1400);
	CU_ASSERT_EQUAL(p[0] >> 4, 6);
	size = rig_count(0, "drop.pmtu_size");
	hear_ipv6(p, n, 65536 + 1400, true);
	hear_ipv6(p, n, UINT32_MAX, true);
	CU_ASSERT_EQUAL(rig_count(0, "drop.pmtu_size"), size + 2);
	malformed = rig_count(0, "drop.pmtu_malformed");
	hear_ipv6(p, n, 1400, false);
	hear_ipv6(p, 47, 1400, true);
	hear_ipv6(p, 39, 1400, true);
	hear_ipv6(p, 0, 1400, true);
	CU_ASSERT_EQUAL(rig_count(0, "drop.pmtu_malformed"), malformed + 4);
	CU_ASSERT_FALSE(control());
	hear_ipv6(p, 48, 1400, true);
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, 1400);
	CU_ASSERT_EQUAL(path().inner_mtu, tunnel_inner_mtu(gw[0].tunnel, 1400));
	hear_ipv6(p, n, 600, true);
	CU_ASSERT_TRUE(control());
	CU_ASSERT_EQUAL(path().mtu, FLOOR);
	rig_stop();
}

/* Off unless asked for. */
static void never(struct tunnel_config *tc)
{
	(void)tc;
}

static void test_off(void)
{
	uint64_t other;
	uint8_t p[2048];
	unsigned int n;

	start(never);
	CU_ASSERT_FALSE(path().on);
	n = sealed(p, 1400);
	other = rig_count(0, "drop.wan_other");
	hear(message(p, n, 1400));
	CU_ASSERT_EQUAL(rig_count(0, "drop.wan_other"), other + 1);
	CU_ASSERT_FALSE(control());
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_lowers), UNIT(test_takes_effect), UNIT(test_is_forgotten),
          UNIT(test_not_below_the_floor), UNIT(test_false_quotes), UNIT(test_wrong_checksum),
          UNIT(test_old_quote), UNIT(test_old_key), UNIT(test_rate), UNIT(test_stop),
          UNIT(test_in_udp), UNIT(test_ipv6_outside), UNIT(test_off))
