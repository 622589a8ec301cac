/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Most packets, in few steps: whole IPv4 packets from the LAN, without options and in one buffer,
 * of flows that are known, into a tunnel that has a key. What the stages classify, inner and seal
 * do for all kinds of packets, one after the other, is done here for this one at once:
 *
 *   frame checked, key of the flow -> decision and SA -> TTL, outer header and trailer -> cipher
 *
 * What is not of this kind goes the general way. Order within a flow holds: a burst goes there as
 * a whole when one of its IPv4 packets is out of the common before any of them was changed, and
 * later on a packet goes there in its turn.
 */

#include "dataplane/forward_core.h"

#include <limits.h>

#include "dataplane/forward_key.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

struct fast {
	unsigned int n;
	struct rte_mbuf *m[FORWARD_BURST];
	union flow4_words key[FORWARD_BURST];
	uint32_t hash[FORWARD_BURST];
	struct flow_value value[FORWARD_BURST];
	struct sa *sa[FORWARD_BURST]; /* NULL: no key, or no tunnel */
};

/* To us, without a tag, with a whole IPv4 packet that has no options, in one buffer? */
static inline bool is_plain(uint64_t mac, const struct rte_mbuf *m, const uint8_t *p)
{
	const uint8_t *ip = p + RTE_ETHER_HDR_LEN;
	uint64_t to;
	uint16_t length;
	uint32_t head;

	if (unlikely(m->nb_segs != 1 || m->data_len < RTE_ETHER_HDR_LEN + IPV4_HEADER))
		return false;
	memcpy(&to, p, 8);
	memcpy(&head, p + 12, 4);
	length = get_be16(ip + IPV4_LENGTH);
	/* Ethertype, version and header length. */
	return likely((to ^ mac) << 16 == 0) &&
	       likely((head & RTE_BE32(0xffffff00)) == RTE_BE32(0x08004500)) &&
	       likely(length >= IPV4_HEADER && length + RTE_ETHER_HDR_LEN <= m->data_len) &&
	       ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD ||
	        likely(ipv4_checksum_right(ip)));
}

static inline bool is_ipv4(const struct rte_mbuf *m, const uint8_t *p)
{
	return m->data_len >= RTE_ETHER_HDR_LEN && get_be16(p + 12) == RTE_ETHER_TYPE_IPV4;
}

/*
 * Check the frames and make keys. False: one of IPv4 is out of the common. What is no IPv4 is no
 * part of a flow with what is: it is moved to the front of PKTS, *REST packets.
 */
static inline bool collect(const struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                           struct fast *f, struct rte_mbuf **rest, unsigned int *rests)
{
	uint64_t mac = 0;

	memcpy(&mac, &c->f->config.iface[PORT_LAN].mac, RTE_ETHER_ADDR_LEN);
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		unsigned int k = f->n;

		if (unlikely(!is_plain(mac, m, p))) {
			if (is_ipv4(m, p))
				return false;
			rest[(*rests)++] = m;
			continue;
		}
		p += RTE_ETHER_HDR_LEN;
		forward_key4(p, IPV4_HEADER, get_be16(p + IPV4_LENGTH), ORIGIN_LAN, &f->key[k]);
		f->hash[k] = flow4_hash(&c->flows, &f->key[k].key);
		flow4_prefetch(&c->flows, f->hash[k]);
		f->m[k] = m;
		f->n++;
	}
	return true;
}

/* False: a flow is not known. */
static inline bool recall(const struct forward_core *c, struct fast *f)
{
	for (unsigned int k = 0; k < f->n; k++) {
		const struct flow_value *v =
		        flow4_find(&c->flows, f->hash[k], &f->key[k].key, c->generation);

		if (unlikely(v == NULL))
			return false;
		f->value[k] = *v;
		f->sa[k] = NULL;
		if (likely(v->action == FLOW_SEAL)) {
			unsigned int class = 0;

			if (unlikely(c->f->tunnel[v->tunnel].classes > 1)) {
				const uint8_t *p = rte_pktmbuf_mtod(f->m[k], const uint8_t *);

				class = forward_class_of(c, v->tunnel, p[RTE_ETHER_HDR_LEN + 1]);
			}
			f->sa[k] = sad_transmit(c->esp.sad, v->tunnel, class);
			if (likely(f->sa[k] != NULL)) {
				rte_prefetch0(f->sa[k]);
				rte_prefetch0(f->sa[k]->outer);
			}
		}
	}
	return true;
}

/* Does sealing take no more of the flow's packets than of others? Of TCP, a SYN has an MSS. */
static inline bool is_ordinary(uint8_t flags, const uint8_t *ip, uint16_t length)
{
	return likely(flags == 0) || (flags == FLOW_TCP && length > IPV4_HEADER + TCP_FLAGS &&
	                              (ip[IPV4_HEADER + TCP_FLAGS] & TCP_SYN) == 0);
}

static inline void seal(struct forward_core *c, struct rte_mbuf *m, const struct flow_value *v,
                        struct sa *sa, struct forward_frame *frame)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, RTE_ETHER_HDR_LEN);
	uint16_t length = get_be16(ip + IPV4_LENGTH);
	struct seal_vector *s = &c->seal;
	struct esp_job *job = &s->job[s->n];
	uint32_t total;

	if (unlikely(v->tunnel != frame->tunnel) && sa != NULL)
		forward_frame(c, v->tunnel, sa->ipv6, frame);
	m->data_off += RTE_ETHER_HDR_LEN;
	if (unlikely(sa == NULL || !frame->known || !is_ordinary(v->flags, ip, length) ||
	             ip[IPV4_TTL] <= 1 || length > forward_tunnel_mtu(c, v->tunnel)) ||
	    !esp_seal_fits(sa, m)) {
		m->data_len = length;
		m->pkt_len = length;
		forward_go4(c, ORIGIN_LAN, m, v);
		return;
	}
	spd_count(c->hits, v->rule, length);
	ipv4_ttl_decrement(ip);
	/* A constant makes for shorter code. */
	if (likely(sa->form == SA_FORM_IPV4))
		total = esp_seal_frame(sa, sa->replay.top + 1, ip, ip + length, length, IPV4_HEADER,
		                       RTE_ETHER_HDR_LEN, ip[1], ESP_NEXT_IPV4, job);
	else
		total = esp_seal_frame(sa, sa->replay.top + 1, ip, ip + length, length,
		                       sa->outer_bytes, RTE_ETHER_HDR_LEN, ip[1], ESP_NEXT_IPV4,
		                       job);
	job->m = m;
	m->data_off -= job->offset;
	m->data_len = (uint16_t)(total + RTE_ETHER_HDR_LEN);
	m->pkt_len = total + RTE_ETHER_HDR_LEN;
	forward_frame_put(frame, ip - job->offset);
	if (++s->n == FORWARD_BURST)
		forward_seal_flush(c);
}

unsigned int forward_fast(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf *rest[FORWARD_BURST];
	struct forward_frame frame = {.tunnel = UINT_MAX};
	unsigned int rests = 0;
	struct fast f;

	f.n = 0;
	if (!collect(c, pkts, n, &f, rest, &rests) || !recall(c, &f))
		return n;
	for (unsigned int k = 0; k < f.n; k++)
		seal(c, f.m[k], &f.value[k], f.sa[k], &frame);
	memcpy(pkts, rest, rests * sizeof(rest[0]));
	return rests;
}
