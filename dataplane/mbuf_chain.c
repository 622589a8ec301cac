/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/mbuf_chain.h"

#include <string.h>

bool chain_pull(struct rte_mbuf *m, unsigned int n)
{
	uint8_t *end;

	if (m->data_len >= n)
		return true;
	if (m->pkt_len < n || rte_pktmbuf_tailroom(m) < n - m->data_len)
		return false;
	end = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len);
	while (m->data_len < n) {
		struct rte_mbuf *next = m->next;
		unsigned int take = RTE_MIN(n - m->data_len, (unsigned int)next->data_len);

		memcpy(end, rte_pktmbuf_mtod(next, uint8_t *), take);
		end += take;
		m->data_len += take;
		next->data_off += take;
		next->data_len -= take;
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}

void chain_trim(struct rte_mbuf *m, unsigned int n)
{
	unsigned int keep = m->pkt_len - n;
	struct rte_mbuf *last = m;
	uint16_t segments = 1;

	m->pkt_len = keep;
	while (keep > last->data_len) {
		keep -= last->data_len;
		last = last->next;
		segments++;
	}
	last->data_len = keep;
	if (last->next != NULL) {
		rte_pktmbuf_free(last->next);
		last->next = NULL;
		m->nb_segs = segments;
	}
}

bool chain_make_tailroom(struct rte_mbuf *m, unsigned int n, unsigned int headroom)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
	unsigned int room = rte_pktmbuf_tailroom(last), free = rte_pktmbuf_headroom(last);
	uint8_t *data = rte_pktmbuf_mtod(last, uint8_t *);

	if (room >= n)
		return true;
	if (free < n - room + (last == m ? headroom : 0))
		return false;
	memmove(data - (n - room), data, last->data_len);
	last->data_off -= n - room;
	return true;
}

bool chain_add_segment(struct rte_mbuf *m, unsigned int n)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m), *more;

	if (m->nb_segs == RTE_MBUF_MAX_NB_SEGS)
		return false;
	more = rte_pktmbuf_alloc(m->pool);
	if (more == NULL)
		return false;
	if (rte_pktmbuf_tailroom(more) < n) {
		rte_pktmbuf_free(more);
		return false;
	}
	last->next = more;
	m->nb_segs++;
	return true;
}

void chain_read(const struct rte_mbuf *m, unsigned int offset, unsigned int n, void *out)
{
	const void *p = rte_pktmbuf_read(m, offset, n, out);

	if (p != out && p != NULL)
		memcpy(out, p, n);
}
