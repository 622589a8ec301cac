/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/secret.h"
#include "dataplane/esp_job.h"
#include "dataplane/mbuf_chain.h"
#include "dataplane/probe.h"
#include "dataplane/wire.h"

COUNTER_DEFINE(drop_no_key, "drop.no_key", "packets to a tunnel without a transmit key");
COUNTER_DEFINE(drop_seal_malformed, "drop.seal_malformed",
               "packets to a tunnel that are not IPv4 or IPv6");
COUNTER_DEFINE(drop_seal_too_long, "drop.seal_too_long",
               "packets to a tunnel that exceed 65535 bytes with ESP around them");
COUNTER_DEFINE(drop_seal_no_room, "drop.seal_no_room",
               "packets to a tunnel without room for ESP in their buffer");
COUNTER_DEFINE(drop_sequence_exhausted, "drop.sequence_exhausted",
               "packets to a tunnel whose key has used all sequence numbers");
COUNTER_DEFINE(esp_sealed, "esp.sealed", "packets sealed");

/* A probe; or a pseudowire's frame: its priority becomes the class selector of the same number (RFC
 * 2474). */
static __rte_noinline bool other_fields(const uint8_t *h, uint32_t n, uint8_t *traffic_class,
                                        uint8_t *next)
{
	const uint8_t *frame = h + WIRE_HEADER;

	if (probe_is(h, n)) {
		*traffic_class = 0;
		*next = ESP_NEXT_NONE;
		return true;
	}
	if (n < WIRE_HEADER + WIRE_FRAME_MIN || !wire_is_header(h, n))
		return false;
	*traffic_class = 0;
	if (n >= WIRE_HEADER + 18 &&
	    (get_be16(frame + 12) == 0x8100 || get_be16(frame + 12) == 0x88a8))
		*traffic_class = frame[14] & 0xe0;
	*next = ESP_NEXT_GRE;
	return true;
}

/* Traffic class, ECN with it, and next header of the inner packet; false: neither IP nor wire. */
static inline bool inner_fields(const struct rte_mbuf *m, uint8_t *traffic_class, uint8_t *next)
{
	const uint8_t *h = rte_pktmbuf_mtod(m, const uint8_t *);

	if (likely(m->data_len >= 20 && h[0] >> 4 == 4)) {
		*traffic_class = h[1];
		*next = ESP_NEXT_IPV4;
		return true;
	}
	if (m->data_len >= 40 && h[0] >> 4 == 6) {
		*traffic_class = (uint8_t)(h[0] << 4 | h[1] >> 4);
		*next = ESP_NEXT_IPV6;
		return true;
	}
	return other_fields(h, m->data_len, traffic_class, next);
}

/* BYTES: of the template, a constant, so that the copy is a few moves. */
static inline void outer_ipv4(uint8_t *h, const struct sa *sa, size_t bytes, uint32_t total,
                              uint8_t traffic_class)
{
	uint32_t sum = sa->outer_sum + traffic_class + total;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	memcpy(h, sa->outer, bytes);
	h[1] = traffic_class;
	put_be16(h + 2, (uint16_t)total);
	put_be16(h + 10, (uint16_t)~sum);
}

static inline void outer_ipv6(uint8_t *h, const struct sa *sa, size_t bytes, uint32_t total,
                              uint8_t traffic_class)
{
	memcpy(h, sa->outer, bytes);
	h[0] |= traffic_class >> 4;
	h[1] |= (uint8_t)(traffic_class << 4);
	put_be16(h + 4, (uint16_t)(total - 40));
}

/* To where the peer is now, which is not where the template says. */
static void outer_moved(uint8_t *h, const struct sa *sa, uint32_t total, uint8_t traffic_class)
{
	const struct peer_at *at = peer_at(sa->peer);
	uint32_t sum;

	if (sa->ipv6) {
		memcpy(h + 24, at->place.addr, 16);
		put_be16(h + 40 + 2, at->place.port);
		return;
	}
	sum = sa->outer_sum + at->delta + traffic_class + total;
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	put_be16(h + 10, (uint16_t)~sum);
	memcpy(h + 16, at->place.addr, 4);
	put_be16(h + 20 + 2, at->place.port);
}

static __rte_noinline void outer_other(uint8_t *h, const struct sa *sa, uint32_t total,
                                       uint8_t traffic_class)
{
	unsigned int ip = sa->ipv6 ? 40 : 20;

	traffic_class = sa->dscp[traffic_class >> 2] | (traffic_class & sa->ecn_mask);
	if (sa->ipv6)
		outer_ipv6(h, sa, 40 + 8 + 4, total, traffic_class);
	else
		outer_ipv4(h, sa, 20 + 8 + 4, total, traffic_class);
	if (sa->udp)
		put_be16(h + ip + 4, (uint16_t)(total - ip));
	if (sa->follows)
		outer_moved(h, sa, total, traffic_class);
}

/* Outer header and SPI. No card's offload of the IPv4 checksum: the sum is three additions. */
static inline void outer_header(uint8_t *h, const struct sa *sa, uint32_t total,
                                uint8_t traffic_class)
{
	if (likely(sa->form == SA_FORM_IPV4))
		outer_ipv4(h, sa, 20 + 4, total, traffic_class);
	else if (sa->form == SA_FORM_IPV6)
		outer_ipv6(h, sa, 40 + 4, total, traffic_class);
	else
		outer_other(h, sa, total, traffic_class);
}

/* Everything around the text; NULL, or the counter of the drop, the packet unchanged. */
static inline const struct counter *prepare(struct sa *sa, struct rte_mbuf *m, struct esp_job *job)
{
	const unsigned int outer = sa->outer_bytes, front = outer + ESP_HEADER_BYTES;
	uint32_t inner = m->pkt_len, pad = -(inner + 2) & 3;
	uint32_t back = pad + 2 + ESP_ICV_BYTES, total = front + inner + back;
	uint64_t sequence = sa->replay.top + 1;
	struct rte_mbuf *last = m;
	uint8_t traffic_class, next, *h, *tail;

	if (unlikely(sequence == 0))
		return &drop_sequence_exhausted;
	if (unlikely(!inner_fields(m, &traffic_class, &next)))
		return &drop_seal_malformed;
	if (unlikely(total - (sa->ipv6 ? 40 : 0) > UINT16_MAX))
		return &drop_seal_too_long;
	if (unlikely(m->nb_segs != 1))
		last = rte_pktmbuf_lastseg(m);
	if (unlikely(rte_pktmbuf_headroom(m) < front))
		return &drop_seal_no_room;
	if (unlikely(rte_pktmbuf_tailroom(last) < back)) {
		if (!chain_make_tailroom(m, back, front) && !chain_add_segment(m, back))
			return &drop_seal_no_room;
		last = rte_pktmbuf_lastseg(m);
	}

	tail = rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len);
	memcpy(tail, (const uint8_t[4]){1, 2, 3}, 4);
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = next;
	last->data_len += back;
	m->data_off -= front;
	m->data_len += front;
	m->pkt_len = total;

	h = rte_pktmbuf_mtod(m, uint8_t *);
	outer_header(h, sa, total, traffic_class);
	put_be32(h + outer + 4, (uint32_t)sequence);
	put_be64(h + outer + 8, sequence);
	esp_job_nonce(job, sa, sequence, h + outer + 8);
	job->m = m;
	job->sa = sa;
	job->offset = front;
	job->length = inner + pad + 2;
	/* The number is used up before the cipher runs under it. */
	__atomic_store_n(&sa->replay.top, sequence, __ATOMIC_RELAXED);
	sa_add(&sa->packets, 1);
	sa_add(&sa->bytes, inner);
	return NULL;
}

static inline void run(const struct gcm_provider *gcm, const struct esp_job *job,
                       struct gcm_context *ctx)
{
	const struct gcm_key *schedule = job->sa->schedule;
	struct rte_mbuf *m = job->m;

	if (likely(m->nb_segs == 1)) {
		uint8_t *text = rte_pktmbuf_mtod_offset(m, uint8_t *, job->offset);

		gcm->seal(schedule, ctx, text, text, job->length, job->iv, job->aad, ESP_AAD_BYTES,
		          text + job->length, GCM_TAG_BYTES);
	} else {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
		uint8_t *tag =
		        rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len - ESP_ICV_BYTES);

		esp_job_chain(job, schedule, ctx, gcm->init, gcm->seal_update, gcm->seal_final,
		              tag);
	}
}

/* The same by the crypto device, which has counted what it did not do. */
static unsigned int run_device(const struct esp_core *e, struct esp_job *jobs, unsigned int n,
                               struct rte_mbuf **out, struct sa **out_sas)
{
	unsigned int count = 0;

	esp_cipher_seal(e->cipher, e->index, e->cs, jobs, n);
	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(jobs[i].result != ESP_JOB_DONE)) {
			rte_pktmbuf_free(jobs[i].m);
			continue;
		}
		out[count] = jobs[i].m;
		out_sas[count++] = jobs[i].sa;
	}
	return count;
}

/* Up to ESP_BURST packets; OUT and OUT_SAS may be where they were. */
static unsigned int seal(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                         unsigned int n, struct rte_mbuf **out, struct sa **out_sas,
                         struct gcm_context *ctx)
{
	struct esp_job jobs[ESP_BURST];
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct counter *drop = &drop_no_key;

		if (likely(sas[i] != NULL))
			drop = prepare(sas[i], pkts[i], &jobs[count]);
		if (likely(drop == NULL)) {
			count++;
			continue;
		}
		counter_add(e->cs, drop, 1);
		rte_pktmbuf_free(pkts[i]);
	}
	if (unlikely(e->cipher != NULL))
		return run_device(e, jobs, count, out, out_sas);
	for (unsigned int i = 0; i < count; i++) {
		if (i + 1 < count && jobs[i + 1].sa != jobs[i].sa)
			esp_prefetch_schedule(jobs[i + 1].sa, jobs[i + 1].length);
		run(e->gcm, &jobs[i], ctx);
		out[i] = jobs[i].m;
		out_sas[i] = jobs[i].sa;
	}
	return count;
}

unsigned int esp_seal_burst(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                            unsigned int n)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	unsigned int count = 0;

	for (unsigned int at = 0; at < n; at += ESP_BURST)
		count += seal(e, pkts + at, sas + at, RTE_MIN(n - at, ESP_BURST), pkts + count,
		              sas + count, (struct gcm_context *)context);
	/* It holds what the cipher kept of its last block. */
	secret_wipe(context, sizeof(context));
	counter_add(e->cs, &esp_sealed, count);
	return count;
}
