/* SPDX-License-Identifier: BSD-3-Clause */

/* Peers behind address translation that are mapped anew (peer.c, tunnel_peer.c). */

#include "dataplane/forward_core.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"
#define CORES  2
#define ROUNDS 4

/* Where A is seen by B. */
struct seen {
	uint8_t last; /* 192.0.2.LAST */
	uint16_t port;
};

static uint64_t clock_ns = NS_PER_S;

static void in_udp(struct tunnel_config *tc)
{
	tc->udp = true;
	tc->nat_keepalive = tc->local[3] == 2 ? 20 : 0;
	tc->nat_dynamic = tc->local[3] == 2; /* B's */
}

static void wide(struct config *c, unsigned int site)
{
	(void)site;
	c->wan.addresses[0].len = 24;
}

static void test_start(void)
{
	rig_adjust = in_udp;
	rig_configure = wide;
	rig_start(CORES);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

/* A sealed packet of A as the wire has it, from Ethernet on; its bytes. */
static unsigned int sealed(uint8_t *out)
{
	struct rte_mbuf *m;
	unsigned int n;

	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	n = rte_pktmbuf_data_len(m);
	memcpy(out, rte_pktmbuf_mtod(m, void *), n);
	rte_pktmbuf_free(m);
	return n;
}

/* What address translation does to it. */
static void translate(uint8_t *p, struct seen s)
{
	p[14 + 15] = s.last;
	put_be16(p + 14 + 20, s.port);
	put_be16(p + 14 + 10, 0);
	put_be16(p + 14 + 10, test_checksum(p + 14, 20, 0));
}

static void deliver_to(unsigned int queue, const uint8_t *p, unsigned int n)
{
	struct rte_mbuf *m = test_mbuf(rig_pool, (uint16_t)n);

	memcpy(rte_pktmbuf_mtod(m, void *), p, n);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[queue], m), 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		rig_turn(1);
	while ((m = rig_receive(1)) != NULL)
		rte_pktmbuf_free(m);
}

static void deliver(const uint8_t *p, unsigned int n)
{
	deliver_to(0, p, n);
}

/* What the control thread does a few times a second; true: the peer moved. */
static bool control(void)
{
	struct peer_place to;
	bool heard = tunnel_peer_heard(gw[1].tunnel, clock_ns, &to);

	if (heard)
		CU_ASSERT_EQUAL(tunnel_peer_move(gw[1].tunnel, &to, clock_ns), 0);
	tunnel_reclaim(gw[1].tunnel);
	return heard;
}

static struct seen known(void)
{
	struct tunnel_peer_info info;

	tunnel_peer_read(gw[1].tunnel, &info);
	CU_ASSERT_TRUE(info.dynamic);
	CU_ASSERT_EQUAL(memcmp(info.place.addr, (const uint8_t[]){192, 0, 2}, 3), 0);
	return (struct seen){info.place.addr[3], info.place.port};
}

static void is_at(uint8_t last, uint16_t port)
{
	struct seen s = known();

	CU_ASSERT_EQUAL(s.last, last);
	CU_ASSERT_EQUAL(s.port, port);
}

static void from(struct seen s)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);

	translate(p, s);
	deliver(p, n);
}

static void later(void)
{
	clock_ns += PEER_MOVE_NS;
}

/* B's next packet to A: its outer header, down to UDP. */
static void sent_by_b(uint8_t *out)
{
	struct rte_mbuf *m;
	bool found = false;

	rig_send(1, test_ipv4(rig_pool, B_HOST, A_HOST, 17, NULL, 100));
	for (unsigned int i = 0; i < ROUNDS; i++)
		rig_turn(1);
	while ((m = rig_pop(gw[1].wan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		if (get_be16(p + 12) == 0x0800 && p[14 + 9] == 17 && rte_pktmbuf_data_len(m) > 60) {
			memcpy(out, p + 14, 28);
			found = true;
		}
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_TRUE(found);
}

static void goes_to(uint8_t last, uint16_t port)
{
	uint8_t h[28];

	sent_by_b(h);
	CU_ASSERT_EQUAL(test_checksum(h, 20, 0), 0);
	CU_ASSERT_EQUAL(memcmp(h + 16, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	CU_ASSERT_EQUAL(get_be16(h + 20), 4500);
	CU_ASSERT_EQUAL(get_be16(h + 22), port);
}

static void test_stays_where_it_is(void)
{
	from((struct seen){1, 4500});
	CU_ASSERT_FALSE(control());
	is_at(1, 4500);
	goes_to(1, 4500);
}

/* The port alone, so that the next hop is the same and known to the rig. */
static void test_moves_with_the_newest(void)
{
	from((struct seen){1, 61234});
	is_at(1, 4500);
	CU_ASSERT_TRUE(control());
	is_at(1, 61234);
	goes_to(1, 61234);
	CU_ASSERT_FALSE(control());
	/* An SA that comes later knows it, too. */
	rig_key(1, 2);
	goes_to(1, 61234);
}

static void test_not_twice_a_second(void)
{
	struct tunnel_peer_info info;

	from((struct seen){1, 61235});
	CU_ASSERT_FALSE(control());
	is_at(1, 61234);
	tunnel_peer_read(gw[1].tunnel, &info);
	CU_ASSERT_EQUAL(info.held, 1);
	CU_ASSERT_EQUAL(info.moves, 1);
	/* Back before the second is over: it did not move. */
	from((struct seen){1, 61234});
	later();
	CU_ASSERT_FALSE(control());
	from((struct seen){1, 61235});
	CU_ASSERT_TRUE(control());
	is_at(1, 61235);
	later();
}

static void test_forged_does_not_move(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);
	uint64_t before = rig_count(1, "drop.auth");

	translate(p, (struct seen){66, 666});
	p[n - 1] ^= 1;
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "drop.auth"), before + 1);
	CU_ASSERT_FALSE(control());
	/* With another number, so that it would be the newest. */
	p[n - 1] ^= 1;
	put_be32(p + 14 + 28 + 4, get_be32(p + 14 + 28 + 4) + 100);
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "drop.auth"), before + 2);
	CU_ASSERT_FALSE(control());
	is_at(1, 61235);
}

static void test_replayed_does_not_move(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);
	uint64_t before = rig_count(1, "drop.replay");

	translate(p, (struct seen){1, 61235});
	deliver(p, n);
	translate(p, (struct seen){66, 666});
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "drop.replay"), before + 1);
	CU_ASSERT_FALSE(control());
	is_at(1, 61235);
}

/* Never seen, but overtaken: who held it back has no say. */
static void test_older_does_not_move(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);
	uint64_t opened = rig_count(1, "esp.opened");

	from((struct seen){1, 61235});
	translate(p, (struct seen){66, 666});
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "esp.opened"), opened + 2);
	CU_ASSERT_FALSE(control());
	is_at(1, 61235);
}

/* Held back over a rekeying: the highest of its SA, but that SA is not the newest. */
static void test_older_generation_does_not_move(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);
	uint64_t opened = rig_count(1, "esp.opened");

	rig_key(0, 2);
	from((struct seen){1, 61235});
	translate(p, (struct seen){66, 666});
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "esp.opened"), opened + 2);
	CU_ASSERT_FALSE(control());
	is_at(1, 61235);
}

/* Without UDP there is no port, and a tunnel takes such packets. */
static void test_plain_esp_does_not_move(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);
	uint64_t opened = rig_count(1, "esp.opened");

	memmove(p + 14 + 20, p + 14 + 28, n - 14 - 28);
	n -= 8;
	p[14 + 9] = 50;
	p[14 + 15] = 66;
	put_be16(p + 14 + 2, (uint16_t)(n - 14));
	put_be16(p + 14 + 10, 0);
	put_be16(p + 14 + 10, test_checksum(p + 14, 20, 0));
	deliver(p, n);
	CU_ASSERT_EQUAL(rig_count(1, "esp.opened"), opened + 1);
	CU_ASSERT_FALSE(control());
	is_at(1, 61235);
}

/* No gateway is there, whatever the packet says: ours, and port 0. */
static void test_impossible_places(void)
{
	struct tunnel_peer_info info;

	from((struct seen){2, 61235});
	CU_ASSERT_FALSE(control());
	from((struct seen){1, 0});
	CU_ASSERT_FALSE(control());
	tunnel_peer_read(gw[1].tunnel, &info);
	CU_ASSERT_EQUAL(info.refused, 2);
	is_at(1, 61235);
	from((struct seen){1, 61235});
	CU_ASSERT_FALSE(control());
	tunnel_peer_read(gw[1].tunnel, &info);
	CU_ASSERT_EQUAL(info.refused, 2);
}

/* It comes in by a core that does not own the SA: the owner's slot has it. */
static void test_by_another_core(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);

	translate(p, (struct seen){1, 50000});
	deliver_to(1, p, n);
	CU_ASSERT_TRUE(control());
	is_at(1, 50000);
	later();
}

static void test_keepalives_follow(void)
{
	struct forward_core *c = forward_role(gw[1].forward, 0).ctx;
	struct rte_mbuf *m;
	const uint8_t *p;

	while ((m = rig_pop(gw[1].wan_out)) != NULL)
		rte_pktmbuf_free(m);
	c->now_ns += 21 * NS_PER_S;
	forward_nat_poll(c);
	forward_tx_flush(c, PORT_WAN);
	m = rig_pop(gw[1].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *) + 14;
	CU_ASSERT_EQUAL(test_checksum(p, 20, 0), 0);
	CU_ASSERT_EQUAL(get_be16(p + 22), 50000);
	rte_pktmbuf_free(m);
}

/* A place is freed when no core reads it any more: many moves keep no memory. */
static void test_many_moves(void)
{
	for (unsigned int i = 0; i < 50; i++) {
		from((struct seen){(uint8_t)(10 + i), (uint16_t)(1000 + i)});
		CU_ASSERT_TRUE(control());
		is_at((uint8_t)(10 + i), (uint16_t)(1000 + i));
		later();
	}
	from((struct seen){1, 4500});
	CU_ASSERT_TRUE(control());
	goes_to(1, 4500);
}

/* The channel's datagrams to a peer that is elsewhere: by the WAN's routes. */
static void test_channel_elsewhere(void)
{
	static const uint8_t hello[10];
	const struct channel_place to = {{192, 0, 2, 9, [17] = 99}};
	uint64_t dropped = rig_count(1, "drop.no_wan_route");
	struct err err = {0};
	struct rte_mbuf *m;
	bool asked = false;

	CU_ASSERT_EQUAL(channel_mux_send(gw[1].mux, hello, sizeof(hello), &to), 0);
	rig_turn(1);
	CU_ASSERT_EQUAL(rig_count(1, "drop.no_wan_route"), dropped + 1);
	CU_ASSERT_EQUAL(spd_update(gw[1].spd, NULL, 0, rig_routes.wan, rig_routes.wan_count, &err),
	                0);
	CU_ASSERT_EQUAL(channel_mux_send(gw[1].mux, hello, sizeof(hello), &to), 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		rig_turn(1);
	while ((m = rig_pop(gw[1].wan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		if (get_be16(p + 12) == 0x0806)
			asked |= memcmp(p + 38, to.bytes, 4) == 0;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_TRUE(asked);
	CU_ASSERT_EQUAL(rig_count(1, "drop.no_wan_route"), dropped + 1);
}

/*
 * A translator between the two: what A sends gets the mapping's source, what comes to the mapping
 * goes to A, all else is dropped, as it keeps nothing for strangers.
 */
static struct seen mapping;
static unsigned int strangers;

static void translator(void)
{
	struct rte_mbuf *out[64], *back[64], *m;
	unsigned int n = 0, k = 0;

	while (n < 64 && (m = rig_pop(gw[0].wan_out)) != NULL)
		out[n++] = m;
	while (k < 64 && (m = rig_pop(gw[1].wan_out)) != NULL)
		back[k++] = m;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(out[i], uint8_t *);

		if (get_be16(p + 12) == 0x0800 && p[14 + 9] == 17)
			translate(p, mapping);
		CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], out[i]), 0);
	}
	for (unsigned int i = 0; i < k; i++) {
		uint8_t *p = rte_pktmbuf_mtod(back[i], uint8_t *);

		if (get_be16(p + 12) == 0x0800 && p[14 + 9] == 17) {
			if (p[14 + 19] != mapping.last || get_be16(p + 14 + 22) != mapping.port) {
				strangers++;
				rte_pktmbuf_free(back[i]);
				continue;
			}
			p[14 + 19] = 1;
			put_be16(p + 14 + 22, 4500);
			put_be16(p + 14 + 10, 0);
			put_be16(p + 14 + 10, test_checksum(p + 14, 20, 0));
		}
		CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_in[0], back[i]), 0);
	}
}

static unsigned int host_has(unsigned int site)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = rig_receive(site)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

/* A packet each way, by way of the translator. */
static void exchange(unsigned int *at_a, unsigned int *at_b)
{
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_send(1, test_ipv4(rig_pool, B_HOST, A_HOST, 17, NULL, 100));
	/* The wire of each is a ring that the other reads: nothing gets past the translator. */
	for (unsigned int i = 0; i < ROUNDS; i++) {
		rig_turn(0);
		translator();
		rig_turn(1);
		rig_turn(1);
		translator();
	}
	rig_turn(0);
	translator();
	*at_a += host_has(0);
	*at_b += host_has(1);
}

/* It maps anew under traffic, three times: what is lost was sent before B could know. */
static void test_translator_maps_anew(void)
{
	static const struct seen mappings[] = {{77, 1024}, {77, 50001}, {78, 4500}, {1, 4500}};
	unsigned int at_a = 0, at_b = 0, sent = 0;

	later();
	mapping = (struct seen){1, 4500};
	for (unsigned int i = 0; i < ROUNDS; i++)
		exchange(&at_a, &at_b);
	at_a = at_b = strangers = 0;
	for (unsigned int k = 0; k < sizeof(mappings) / sizeof(mappings[0]); k++) {
		unsigned int lost = strangers;

		mapping = mappings[k];
		exchange(&at_a, &at_b);
		CU_ASSERT_TRUE(control());
		is_at(mapping.last, mapping.port);
		CU_ASSERT_EQUAL(strangers - lost, 1);
		lost = strangers;
		for (unsigned int i = 0; i < 50; i++)
			exchange(&at_a, &at_b);
		CU_ASSERT_EQUAL(strangers, lost);
		sent += 51;
		later();
	}
	/* To B nothing is lost at all: it takes any source. */
	CU_ASSERT_EQUAL(at_b, sent);
	CU_ASSERT_EQUAL(at_a, sent - strangers);
}

static void test_needs_one_port_of_udp(void)
{
	struct tunnel_config tc = *tunnel_config(gw[1].tunnel);
	struct err err = {0};

	tc.udp = false;
	CU_ASSERT_PTR_NULL(tunnel_create(&tc, gw[1].sad, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
	tc.udp = tc.udp_spread = true;
	CU_ASSERT_PTR_NULL(tunnel_create(&tc, gw[1].sad, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_stays_where_it_is), UNIT(test_moves_with_the_newest),
          UNIT(test_not_twice_a_second), UNIT(test_forged_does_not_move),
          UNIT(test_replayed_does_not_move), UNIT(test_older_does_not_move),
          UNIT(test_older_generation_does_not_move), UNIT(test_plain_esp_does_not_move),
          UNIT(test_impossible_places), UNIT(test_by_another_core), UNIT(test_keepalives_follow),
          UNIT(test_many_moves), UNIT(test_channel_elsewhere), UNIT(test_translator_maps_anew),
          UNIT(test_needs_one_port_of_udp), UNIT(test_stop))
