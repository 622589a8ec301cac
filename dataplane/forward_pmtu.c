/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Path MTU of tunnels (RFC 1191, RFC 8201) from what routers on the WAN say of outer packets.
 * Nobody authenticates that (RFC 4301 section 8.2): it counts when it quotes a packet that we may
 * have sent a moment ago, lowers the MTU to no less than the tunnel's floor, and is forgotten in
 * time.
 *
 * A core notes what it believes in its own array; the control thread sets the tunnel's MTU, by
 * which all cores fragment, refuse and clamp.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/forward_in.h"
#include "dataplane/icmp.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(pmtu_accepted, "pmtu.accepted",
               "messages of routers that lower the path MTU of a tunnel")
COUNTER_DEFINE(drop_pmtu_limited, "drop.pmtu_limited",
               "messages about the path MTU beyond the rate that is looked at")
COUNTER_DEFINE(drop_pmtu_malformed, "drop.pmtu_malformed",
               "messages about the path MTU with a wrong checksum, no MTU or too short a quote")
COUNTER_DEFINE(drop_pmtu_no_sa, "drop.pmtu_no_sa",
               "messages about the path MTU that quote no SA in use to that peer")
COUNTER_DEFINE(drop_pmtu_sequence, "drop.pmtu_sequence",
               "messages about the path MTU that quote a packet not sent lately")
COUNTER_DEFINE(
        drop_pmtu_size, "drop.pmtu_size",
        "messages about the path MTU with an MTU not below the quoted packet or the MTU known")

#define ICMP_HEADER 8
#define UDP_HEADER  8
/* SPI and the low half of the sequence number: what even RFC 792 quotes of ESP. */
#define ESP_QUOTE 8
/* Packets of an SA that may be under way, with their errors: a tenth of a second of 10 Mpps. */
#define RECENT (UINT32_C(1) << 20)

/* A quoted outer packet. */
struct quote {
	const uint8_t *ip, *esp;
	uint16_t total, udp_port; /* destination; 0: not in UDP */
	bool ipv6;
};

/* A "fragmentation needed" or "packet too big"? Its MTU and what it quotes, from IP on. */
static bool is_too_big(const struct rte_mbuf *m, bool ipv6, uint32_t header)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, header);

	if (rte_pktmbuf_data_len(m) < header + ICMP_HEADER)
		return false;
	return ipv6 ? p[0] == ICMP6_TOO_BIG : p[0] == ICMP_UNREACHABLE && p[1] == ICMP_FRAG_NEEDED;
}

/* N bytes at IP. False: too short to tell whose it is. *OURS: it may be ESP, in UDP or not. */
static bool read_quote(const struct forward_core *c, const uint8_t *ip, uint32_t n, bool ipv6,
                       struct quote *q, bool *ours)
{
	uint32_t header = ipv6 ? IPV6_HEADER : IPV4_HEADER;
	uint8_t proto;

	*ours = true;
	*q = (struct quote){.ip = ip, .ipv6 = ipv6};
	if (n < header || ip[0] >> 4 != (ipv6 ? 6 : 4))
		return false;
	/* Ours have no options, and are whole. */
	if (!ipv6 && ((ip[0] & 15U) * 4 != header ||
	              (get_be16(ip + IPV4_FRAGMENT) & (IPV4_MF | IPV4_OFFSET)) != 0)) {
		*ours = false;
		return true;
	}
	proto = ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL];
	q->total = ipv6 ? (uint16_t)(IPV6_HEADER + get_be16(ip + IPV6_LENGTH))
	                : get_be16(ip + IPV4_LENGTH);
	if (proto == IP_PROTO_UDP && c->nat != NULL) {
		if (n < header + UDP_HEADER)
			return false;
		q->udp_port = get_be16(ip + header + 2);
		header += UDP_HEADER;
	} else if (proto != IP_PROTO_ESP) {
		*ours = false;
		return true;
	}
	if (n < header + ESP_QUOTE)
		return false;
	q->esp = ip + header;
	return true;
}

/* Does tunnel T send such packets? */
static bool sends(const struct forward_core *c, unsigned int t, const struct quote *q)
{
	const struct tunnel_config *tc = tunnel_config(c->f->config.tunnel[t]);
	const struct peer_place *peer = tunnel_peer(c->f->config.tunnel[t]);
	const uint8_t *to = peer == NULL ? tc->remote : peer->addr;
	uint16_t port = peer != NULL        ? peer->port
	                : tc->udp_port == 0 ? TUNNEL_UDP_PORT
	                                    : tc->udp_port;
	unsigned int src = q->ipv6 ? IPV6_SRC : IPV4_SRC, dst = q->ipv6 ? IPV6_DST : IPV4_DST;
	size_t size = q->ipv6 ? 16 : 4;

	return tc->ipv6 == q->ipv6 && tc->udp == (q->udp_port != 0) &&
	       (!tc->udp || port == q->udp_port) && memcmp(q->ip + src, tc->local, size) == 0 &&
	       memcmp(q->ip + dst, to, size) == 0;
}

/* The transmit SA of SPI: its low bits tell core and class (tunnel.h). */
static const struct sa *find_sa(const struct forward_core *c, unsigned int t, uint32_t spi)
{
	unsigned int cores = c->f->config.cores, sub = spi % TUNNEL_SUBS_MAX;
	const struct sad_core *sad = &c->f->config.sad->core[sub % cores];
	unsigned int class = sub / cores;
	const struct sa *sa;

	if (class >= tunnel_config(c->f->config.tunnel[t])->classes)
		return NULL;
	sa = sad_transmit(sad, t, class);
	return sa != NULL && sa->spi == spi ? sa : NULL;
}

/* Of what a core writes and the control thread takes, the least since it looked. */
static void note(struct forward_core *c, unsigned int t, uint16_t mtu)
{
	uint16_t have = __atomic_load_n(&c->path_mtu[t], __ATOMIC_RELAXED);

	if (have == 0 || mtu < have)
		__atomic_store_n(&c->path_mtu[t], mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&c->path_mtu_any, true, __ATOMIC_RELEASE);
}

static const struct counter *judge(struct forward_core *c, const struct quote *q, uint32_t mtu)
{
	const struct forward *f = c->f;
	const struct sa *sa = NULL;
	unsigned int t;
	uint64_t top;
	uint32_t ago;

	for (t = 0; t < f->config.sad->tunnels; t++)
		if (__atomic_load_n(&f->path[t].on, __ATOMIC_ACQUIRE) && sends(c, t, q) &&
		    (sa = find_sa(c, t, get_be32(q->esp))) != NULL)
			break;
	if (sa == NULL)
		return &drop_pmtu_no_sa;
	top = __atomic_load_n(&sa->replay.top, __ATOMIC_RELAXED);
	ago = (uint32_t)top - get_be32(q->esp + 4);
	if (ago >= RECENT || ago >= top)
		return &drop_pmtu_sequence;
	mtu = RTE_MAX(mtu, f->path[t].floor);
	if (mtu >= q->total || mtu >= __atomic_load_n(&f->path[t].mtu, __ATOMIC_RELAXED))
		return &drop_pmtu_size;
	note(c, t, (uint16_t)mtu);
	return &pmtu_accepted;
}

bool forward_pmtu_input(struct forward_core *c, struct rte_mbuf *m, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t header = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4, mtu, len;
	const struct counter *what = &drop_pmtu_malformed;
	struct quote q;
	uint16_t sum;
	bool ours;

	if (!c->f->path_any ||
	    ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL] != (ipv6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP) ||
	    !is_too_big(m, ipv6, header))
		return false;
	if (!icmp_limit_take(&c->pmtu_limit, c->now_ns)) {
		forward_drop(c, m, &drop_pmtu_limited);
		return true;
	}
	len = rte_pktmbuf_pkt_len(m) - header;
	if (rte_pktmbuf_linearize(m) == 0) {
		uint32_t pseudo;

		ip = rte_pktmbuf_mtod(m, const uint8_t *);
		pseudo = ipv6 ? ipv6_pseudo_sum(ip + IPV6_SRC, len, IP_PROTO_ICMPV6) : 0;
		/* A wider field for IPv6, of which no more than 16 bits make sense here. */
		mtu = ipv6 ? get_be32(ip + header + 4) : get_be16(ip + header + 6);
		if (!read_quote(c, ip + header + ICMP_HEADER, len - ICMP_HEADER, ipv6, &q, &ours))
			ours = true;
		else if (!ours)
			return false;
		else if (ip_checksum_mbuf(m, header, len, pseudo, &sum) && sum == 0 && mtu != 0)
			what = judge(c, &q, mtu);
	}
	forward_drop(c, m, what);
	return true;
}

static void set_mtu(struct forward *f, unsigned int t, uint16_t outer)
{
	uint16_t inner = (uint16_t)tunnel_inner_mtu(f->config.tunnel[t], outer);

	__atomic_store_n(&f->path[t].mtu, outer, __ATOMIC_RELAXED);
	__atomic_store_n(&f->tunnel[t].mtu, inner, __ATOMIC_RELAXED);
	__atomic_store_n(&f->tunnel[t].wire_mtu, inner, __ATOMIC_RELAXED);
}

static void take_notes(struct forward *f, uint64_t now_ns)
{
	for (unsigned int i = 0; i < f->config.cores; i++) {
		struct forward_core *c = f->core[i];

		if (!__atomic_exchange_n(&c->path_mtu_any, false, __ATOMIC_ACQUIRE))
			continue;
		for (unsigned int t = 0; t < f->config.sad->tunnels; t++) {
			uint16_t mtu = __atomic_exchange_n(&c->path_mtu[t], 0, __ATOMIC_RELAXED);

			/* Of one that went meanwhile, too. */
			if (mtu == 0 || !f->path[t].on || mtu >= f->path[t].mtu)
				continue;
			set_mtu(f, t, mtu);
			f->path[t].lowered++;
			f->path[t].until_ns = now_ns + FORWARD_PATH_MTU_NS;
		}
	}
}

bool forward_path_poll(struct forward *f, uint64_t now_ns)
{
	bool changed = false;

	if (!f->path_any)
		return false;
	for (unsigned int t = 0; t < f->config.sad->tunnels; t++)
		f->path[t].before = f->path[t].mtu;
	take_notes(f, now_ns);
	for (unsigned int t = 0; t < f->config.sad->tunnels; t++) {
		struct forward_path *p = &f->path[t];

		if (p->until_ns != 0 && now_ns >= p->until_ns) {
			p->until_ns = 0;
			set_mtu(f, t, f->config.iface[PORT_WAN].mtu);
		}
		changed |= p->mtu != p->before;
	}
	return changed;
}

void forward_path_read(const struct forward *f, unsigned int tunnel, uint64_t now_ns,
                       struct forward_path_info *out)
{
	const struct forward_path *p = &f->path[tunnel];

	*out = (struct forward_path_info){
	        .on = p->on,
	        .mtu = p->mtu,
	        .before = p->before,
	        .inner_mtu = __atomic_load_n(&f->tunnel[tunnel].mtu, __ATOMIC_RELAXED),
	        .floor = p->floor,
	        .lowered = p->lowered,
	        .left_ns = p->until_ns > now_ns ? p->until_ns - now_ns : 0,
	};
}

void forward_path_set(struct forward *f, unsigned int t)
{
	const struct tunnel_config *tc =
	        f->config.tunnel[t] == NULL ? NULL : tunnel_config(f->config.tunnel[t]);
	/* With fragments outside there is nothing to find out. */
	bool on = tc != NULL && tc->mtu_floor != 0 && !tc->outer_fragment;
	uint16_t mtu = f->config.iface[PORT_WAN].mtu;

	f->path[t] =
	        (struct forward_path){.mtu = mtu, .before = mtu, .floor = on ? tc->mtu_floor : 0};
	if (!on)
		return;
	__atomic_store_n(&f->path[t].on, true, __ATOMIC_RELEASE);
	__atomic_store_n(&f->path_any, true, __ATOMIC_RELEASE);
}
