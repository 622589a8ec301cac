/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A gateway for fuzzers of its packet paths: the two of the unit tests' rig, of which the first
 * is the victim, and packets in buffers of exactly their size.
 *
 * ASan does not see beyond the end of a packet inside an mbuf of a pool. Here an "exact" packet
 * lies in a heap block of its own without a byte of head or tail room, so that any access
 * outside it is found; and what needs room must say that there is none.
 */

#ifndef TESTS_FUZZ_FUZZ_RIG_H
#define TESTS_FUZZ_FUZZ_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rig's checks are CUnit's; a fuzzer has no test to fail but the run. */
#define TESTS_UNIT_H
static inline void fuzz_must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}
#define CU_ASSERT_TRUE(a)               fuzz_must((a), #a)
#define CU_ASSERT_EQUAL(a, b)           fuzz_must((a) == (b), #a " == " #b)
#define CU_ASSERT_NOT_EQUAL(a, b)       fuzz_must((a) != (b), #a " != " #b)
#define CU_ASSERT_TRUE_FATAL(a)         fuzz_must((a), #a)
#define CU_ASSERT_EQUAL_FATAL(a, b)     fuzz_must((a) == (b), #a " == " #b)
#define CU_ASSERT_PTR_NOT_NULL_FATAL(a) fuzz_must((a) != NULL, #a)

#include "tests/unit/dataplane/gateway_rig.h"

/*
 * Packets wait for neighbours from one input to the next, which is no leak. One that is lost
 * shows when the pool is empty.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

#define FRAME_MAX 1800

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* Up to MAX bytes as two bytes of the input say; what it does not have is left out. */
static inline size_t take_bytes(struct input *in, uint8_t *out, size_t max)
{
	size_t n = (size_t)(take(in) << 8 | take(in)) % (max + 1);

	if (n > in->left)
		n = in->left;
	memcpy(out, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

static inline void free_exact(void *addr, void *opaque)
{
	free(opaque);
	free(addr);
}

/* FRAME in a block of its size. */
static inline struct rte_mbuf *exact_mbuf(const uint8_t *frame, size_t n)
{
	struct rte_mbuf_ext_shared_info *info = malloc(sizeof(*info));
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	uint8_t *block = malloc(n == 0 ? 1 : n);

	fuzz_must(m != NULL && info != NULL && block != NULL, "memory for a packet");
	memcpy(block, frame, n);
	info->free_cb = free_exact;
	info->fcb_opaque = info;
	rte_mbuf_ext_refcnt_set(info, 1);
	/* No device reads it; an address of 0 would be a wrong one. */
	rte_pktmbuf_attach_extbuf(m, block, RTE_BAD_IOVA, (uint16_t)(n == 0 ? 1 : n), info);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return m;
}

/* With head and tail room, as a port delivers it. */
static inline struct rte_mbuf *roomy_mbuf(const uint8_t *frame, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);

	fuzz_must(m != NULL, "memory for a packet");
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
	return m;
}

enum { SHAPE_EXACT = 1, SHAPE_CHAIN = 2 };

/* SHAPE: exact or with room; in one piece, or in two that meet at CUT. */
static inline struct rte_mbuf *shaped_mbuf(const uint8_t *frame, size_t n, unsigned int shape,
                                           size_t cut)
{
	struct rte_mbuf *(*make)(const uint8_t *, size_t) =
	        shape & SHAPE_EXACT ? exact_mbuf : roomy_mbuf;
	struct rte_mbuf *m;

	if (!(shape & SHAPE_CHAIN) || cut >= n)
		return make(frame, n);
	m = make(frame, cut);
	fuzz_must(rte_pktmbuf_chain(m, make(frame + cut, n - cut)) == 0, "a chain of two");
	return m;
}

/* Make lengths and checksums of the IP packet right, so that what lies behind is reached. */
static inline void mend_ip(uint8_t *ip, size_t n)
{
	if (n >= 20 && ip[0] >> 4 == 4) {
		size_t header = (ip[0] & 15U) * 4;

		put_be16(ip + 2, (uint16_t)n);
		if (header < 20 || header > n)
			return;
		put_be16(ip + 10, 0);
		put_be16(ip + 10, test_checksum(ip, header, 0));
		if (ip[9] == 1 && n >= header + 4) {
			put_be16(ip + header + 2, 0);
			put_be16(ip + header + 2, test_checksum(ip + header, n - header, 0));
		}
	} else if (n >= 40 && ip[0] >> 4 == 6) {
		put_be16(ip + 4, (uint16_t)(n - 40));
		if (ip[6] == 58 && n >= 44) {
			put_be16(ip + 42, 0);
			put_be16(ip + 42, test_icmp6_sum(ip));
		}
	}
}

static uint64_t fuzz_frames, fuzz_sealed;

static inline void fuzz_report(void)
{
	fprintf(stderr, "%llu frames, %llu sealed\n", (unsigned long long)fuzz_frames,
	        (unsigned long long)fuzz_sealed);
}

/* With a path MTU that the WAN may lower, and an eye on TCP's MSS. */
static inline void fuzz_adjust(struct tunnel_config *tc)
{
	tc->mtu_floor = 1280;
	tc->mss_clamp = true;
}

/*
 * With an address in a VLAN of the victim's LAN; or without, for then most packets of the LAN go
 * another way.
 */
#define FUZZ_VLAN 100
static inline void fuzz_configure(struct config *c, unsigned int site)
{
	struct config_sub *s = &c->lan_subs[0];

	if (site != 0)
		return;
	c->lan_sub_count = 1;
	s->vlan = FUZZ_VLAN;
	s->port.mtu = 1400;
	s->port.addresses[s->port.address_count++] = test_prefix("10.1.100.1", 24);
	s->port.addresses[s->port.address_count++] = test_prefix("2001:db8:a:100::1", 64);
}

/* The first gateway with keys in both directions, once a process. */
static inline void fuzz_start(bool vlan)
{
	static bool started;

	if (started)
		return;
	started = true;
	atexit(fuzz_report);
	rig_adjust = fuzz_adjust;
	rig_configure = vlan ? fuzz_configure : NULL;
	rig_start(1);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
}

/* ARP and ND of the victim's to its peer, which answers: ESP goes on. */
static inline void fuzz_peer(struct rte_mbuf **m, unsigned int n)
{
	struct rte_mbuf *lan;

	if (n == 0)
		return;
	fuzz_must(rte_ring_enqueue_bulk(gw[0].wan_out, (void **)m, n, NULL) == n,
	          "room in the peer's ring");
	rig_turn(1);
	while ((lan = rig_pop(gw[1].lan_out)) != NULL)
		rte_pktmbuf_free(lan);
}

/* A turn of the victim, and what came of it: by the WAN nothing in the clear. */
static inline void fuzz_turn(bool from_lan)
{
	uint8_t buf[2048];
	const char *why;
	struct rte_mbuf *m, *link[32];
	unsigned int links = 0;

	rig_turn(0);
	while ((m = rig_pop(gw[0].wan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		uint16_t type = get_be16(p + 12);

		fuzz_must(rte_mbuf_check(m, 1, &why) == 0, "a sane mbuf on the WAN");
		if (type == 0x0800)
			fuzz_must(memcmp(p + 26, gw[0].config.tunnels[0].local.bytes, 4) == 0 &&
			                  (p[23] == 50 || (!from_lan && p[23] == 1)),
			          "IPv4 on the WAN is ESP of ours or an answer to the WAN");
		else
			fuzz_must(type == 0x0806 || (type == 0x86dd && p[20] == 58),
			          "else the WAN sees ARP and ND");
		fuzz_sealed += type == 0x0800 && p[23] == 50;
		if (type != 0x0800 && links < RTE_DIM(link))
			link[links++] = m;
		else
			rte_pktmbuf_free(m);
	}
	fuzz_peer(link, links);
	while ((m = rig_pop(gw[0].lan_out)) != NULL) {
		fuzz_must(rte_mbuf_check(m, 1, &why) == 0, "a sane mbuf on the LAN");
		rte_pktmbuf_free(m);
	}
	while (channel_mux_receive(gw[0].mux, buf, sizeof(buf), NULL) > 0)
		;
}

/* A frame into the port, to come in one burst with those that follow until the next turn. */
static inline void fuzz_put(enum port_role role, struct rte_mbuf *m)
{
	fuzz_frames++;
	fuzz_must(rte_ring_enqueue(role == PORT_LAN ? gw[0].lan_in : gw[1].wan_out, m) == 0,
	          "room in the ring");
}

/* An input is a byte, how many frames to a burst, and then frames. */
static inline void fuzz_input(enum port_role role, struct input *in, void (*frame)(struct input *))
{
	unsigned int burst = take(in) % 32 + 1, n = 0;

	while (in->left > 0 && n < 64) {
		frame(in);
		if (++n % burst == 0)
			fuzz_turn(role == PORT_LAN);
	}
	if (n % burst != 0)
		fuzz_turn(role == PORT_LAN);
}

#endif
