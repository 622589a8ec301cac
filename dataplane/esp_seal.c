/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp_seal.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/secret.h"
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

void esp_seal_other_header(uint8_t *h, const struct sa *sa, uint32_t total, uint8_t traffic_class)
{
	unsigned int ip = sa->ipv6 ? 40 : 20;

	traffic_class = sa->dscp[traffic_class >> 2] | (traffic_class & sa->ecn_mask);
	if (sa->ipv6)
		esp_seal_ipv6(h, sa, 40 + 8 + 4, total, traffic_class);
	else
		esp_seal_ipv4(h, sa, 20 + 8 + 4, total, traffic_class);
	if (sa->udp)
		put_be16(h + ip + 4, (uint16_t)(total - ip));
	if (sa->follows)
		outer_moved(h, sa, total, traffic_class);
}

const struct counter *esp_seal_prepare(struct sa *sa, struct rte_mbuf *m, struct esp_job *job)
{
	const unsigned int front = sa->outer_bytes + ESP_HEADER_BYTES;
	uint32_t inner = m->pkt_len, back = (-(inner + 2) & 3) + 2 + ESP_ICV_BYTES;
	uint64_t sequence = sa->replay.top + 1;
	struct rte_mbuf *last = m;
	uint8_t traffic_class, next;

	if (unlikely(sequence == 0))
		return &drop_sequence_exhausted;
	if (unlikely(!inner_fields(m, &traffic_class, &next)))
		return &drop_seal_malformed;
	if (unlikely(front + inner + back - (sa->ipv6 ? 40 : 0) > UINT16_MAX))
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
	esp_seal_frame(sa, sequence, rte_pktmbuf_mtod(m, uint8_t *),
	               rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), inner,
	               sa->outer_bytes, 0, traffic_class, next, job);
	last->data_len += back;
	m->data_off -= front;
	m->data_len += front;
	m->pkt_len += front + back;
	job->m = m;
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
static unsigned int run_device(const struct esp_core *e, struct esp_job *jobs, unsigned int n)
{
	unsigned int count = 0;

	esp_cipher_seal(e->cipher, e->index, e->cs, jobs, n);
	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(jobs[i].result != ESP_JOB_DONE))
			rte_pktmbuf_free(jobs[i].m);
		else
			jobs[count++] = jobs[i];
	}
	return count;
}

unsigned int esp_seal_run(const struct esp_core *e, struct esp_job *jobs, unsigned int n)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	const struct gcm_provider *gcm = e->gcm;

	if (unlikely(e->cipher != NULL)) {
		n = run_device(e, jobs, n);
	} else {
		for (unsigned int i = 0; i < n; i++) {
			if (i + 1 < n && jobs[i + 1].sa != jobs[i].sa)
				esp_prefetch_schedule(jobs[i + 1].sa, jobs[i + 1].length);
			run(gcm, &jobs[i], (struct gcm_context *)context);
		}
		/* It holds what the cipher kept of its last block. */
		secret_wipe(context, sizeof(context));
	}
	counter_add(e->cs, &esp_sealed, n);
	return n;
}

/* Up to ESP_BURST packets; OUT and OUT_SAS may be where they were. */
static unsigned int seal(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                         unsigned int n, struct rte_mbuf **out, struct sa **out_sas)
{
	struct esp_job jobs[ESP_BURST];
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct counter *drop = &drop_no_key;

		if (likely(sas[i] != NULL))
			drop = esp_seal_prepare(sas[i], pkts[i], &jobs[count]);
		if (likely(drop == NULL)) {
			count++;
			continue;
		}
		counter_add(e->cs, drop, 1);
		rte_pktmbuf_free(pkts[i]);
	}
	count = esp_seal_run(e, jobs, count);
	for (unsigned int i = 0; i < count; i++) {
		out[i] = jobs[i].m;
		out_sas[i] = jobs[i].sa;
	}
	return count;
}

unsigned int esp_seal_burst(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                            unsigned int n)
{
	unsigned int count = 0;

	for (unsigned int at = 0; at < n; at += ESP_BURST)
		count += seal(e, pkts + at, sas + at, RTE_MIN(n - at, ESP_BURST), pkts + count,
		              sas + count);
	return count;
}
