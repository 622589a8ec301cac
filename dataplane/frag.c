/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/frag.h"

#include <errno.h>

#include "dataplane/ip.h"

#define OPTION_END      0
#define OPTION_NOP      1
#define OPTION_COPY     0x80
#define IPV4_HEADER_MAX 60
#define FRAGMENT_HEADER 8

/* N bytes at P more behind M, in a new segment where the last one is full. */
static bool append(struct rte_mbuf *m, const uint8_t *p, uint32_t n)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

	while (n > 0) {
		uint32_t take = RTE_MIN(n, rte_pktmbuf_tailroom(last));

		if (take == 0) {
			if (!chain_add_segment(m, 1))
				return false;
			last = last->next;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), p, take);
		last->data_len += (uint16_t)take;
		m->pkt_len += take;
		p += take;
		n -= take;
	}
	return true;
}

/* HEADER and then N bytes from OFFSET of M; NULL: POOL is exhausted. */
static struct rte_mbuf *piece(const struct rte_mbuf *m, uint32_t offset, uint32_t n,
                              const uint8_t *header, uint32_t header_bytes,
                              struct rte_mempool *pool)
{
	struct rte_mbuf *out = rte_pktmbuf_alloc(pool);
	const struct rte_mbuf *s = m;

	if (out == NULL)
		return NULL;
	if (!append(out, header, header_bytes)) {
		rte_pktmbuf_free(out);
		return NULL;
	}
	for (; s != NULL && offset >= s->data_len; s = s->next)
		offset -= s->data_len;
	while (n > 0 && s != NULL) {
		uint32_t take = RTE_MIN(n, s->data_len - offset);

		if (!append(out, rte_pktmbuf_mtod_offset(s, const uint8_t *, offset), take))
			break;
		n -= take;
		offset = 0;
		s = s->next;
	}
	if (n == 0)
		return out;
	rte_pktmbuf_free(out);
	return NULL;
}

/* The header of all fragments but the first: options without the copy flag left out. */
static uint32_t later_header(const uint8_t *ip, uint32_t header, uint8_t out[IPV4_HEADER_MAX])
{
	uint32_t at = IPV4_HEADER, to = IPV4_HEADER;

	memcpy(out, ip, IPV4_HEADER);
	while (at < header && ip[at] != OPTION_END) {
		uint32_t length = ip[at] == OPTION_NOP ? 1 : at + 1 < header ? ip[at + 1] : 0;

		/* What is not an option ends them. */
		if (length == 0 || (length == 1 && ip[at] != OPTION_NOP) || at + length > header)
			break;
		if ((ip[at] & OPTION_COPY) != 0) {
			memcpy(out + to, ip + at, length);
			to += length;
		}
		at += length;
	}
	while (to % 4 != 0)
		out[to++] = OPTION_END;
	out[0] = (uint8_t)(0x40 | to / 4);
	return to;
}

static int give_up(struct rte_mbuf **out, unsigned int n)
{
	rte_pktmbuf_free_bulk(out, n);
	return -ENOMEM;
}

int frag_ipv4(const struct rte_mbuf *m, uint16_t mtu, struct rte_mempool *pool,
              struct rte_mbuf *out[FRAG_MAX])
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t first = (ip[0] & 15U) * 4, later, at = first, end = m->pkt_len;
	uint16_t place = get_be16(ip + IPV4_FRAGMENT);
	uint8_t header[2][IPV4_HEADER_MAX];
	unsigned int n = 0;

	memcpy(header[0], ip, first);
	/* A fragment that is fragmented again has lost them already if it is not the first. */
	later = later_header(ip, first, header[1]);
	if (mtu < first + 8)
		return -EINVAL;
	if ((end - first + (mtu - first) / 8 * 8 - 1) / ((mtu - first) / 8 * 8) > FRAG_MAX)
		return -EMSGSIZE;
	while (at < end) {
		uint8_t *h = header[n > 0];
		uint32_t bytes = n > 0 ? later : first;
		uint32_t take = RTE_MIN(end - at, (mtu - bytes) / 8U * 8U);
		uint16_t offset = (uint16_t)((place & IPV4_OFFSET) + (at - first) / 8);
		bool more = (place & IPV4_MF) != 0 || at + take < end;

		put_be16(h + IPV4_LENGTH, (uint16_t)(bytes + take));
		put_be16(h + IPV4_FRAGMENT, (uint16_t)(offset | (more ? IPV4_MF : 0)));
		ipv4_checksum_set(h);
		out[n] = piece(m, at, take, h, bytes, pool);
		if (out[n] == NULL)
			return give_up(out, n);
		n++;
		at += take;
	}
	return (int)n;
}

int frag_ipv6(const struct rte_mbuf *m, uint16_t mtu, uint32_t identification,
              struct rte_mempool *pool, struct rte_mbuf *out[FRAG_MAX])
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = IPV6_HEADER, end = m->pkt_len, room;
	uint8_t header[IPV6_HEADER + FRAGMENT_HEADER];
	unsigned int n = 0;

	if (mtu < sizeof(header) + 8)
		return -EINVAL;
	room = (mtu - (uint32_t)sizeof(header)) / 8 * 8;
	if ((end - at + room - 1) / room > FRAG_MAX)
		return -EMSGSIZE;
	memcpy(header, ip, IPV6_HEADER);
	header[IPV6_NEXT] = IPV6_FRAGMENT;
	header[IPV6_HEADER] = ip[IPV6_NEXT];
	header[IPV6_HEADER + 1] = 0;
	put_be32(header + IPV6_HEADER + 4, identification);
	while (at < end) {
		uint32_t take = RTE_MIN(end - at, room);

		put_be16(header + IPV6_LENGTH, (uint16_t)(FRAGMENT_HEADER + take));
		put_be16(header + IPV6_HEADER + 2,
		         (uint16_t)((at - IPV6_HEADER) | (at + take < end ? 1 : 0)));
		out[n] = piece(m, at, take, header, sizeof(header), pool);
		if (out[n] == NULL)
			return give_up(out, n);
		n++;
		at += take;
	}
	return (int)n;
}
