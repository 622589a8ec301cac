/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/secret.h"
#include "dataplane/esp_job.h"
#include "dataplane/mbuf_chain.h"
#include "dataplane/probe.h"
#include "dataplane/wire.h"

COUNTER_DEFINE(drop_malformed, "drop.malformed", "WAN packets that are no whole ESP packet");
COUNTER_DEFINE(drop_open_no_room, "drop.open_no_room",
               "ESP packets in several buffers whose headers do not fit into the first one")
COUNTER_DEFINE(drop_wrong_core, "drop.wrong_core", "ESP packets of an SA of another core");
COUNTER_DEFINE(drop_no_sa, "drop.no_sa", "ESP packets with an SPI that is not installed");
COUNTER_DEFINE(drop_replay, "drop.replay", "ESP packets seen before or left of the window");
COUNTER_DEFINE(drop_auth, "drop.auth", "ESP packets whose authentication failed");
COUNTER_DEFINE(drop_inner_malformed, "drop.inner_malformed",
               "authentic ESP packets with wrong padding or inner packet");
COUNTER_DEFINE(drop_dummy, "drop.dummy", "authentic ESP dummy packets (RFC 4303 section 2.6)");
COUNTER_DEFINE(drop_ecn, "drop.ecn",
               "congestion marked on packets that do not know ECN (RFC 6040 section 4.2)");
COUNTER_DEFINE(esp_opened, "esp.opened", "packets opened");

#define ECN_NOT_ECT 0
#define ECN_ECT_1   1
#define ECN_ECT_0   2
#define ECN_CE      3

#define RX_CHECKSUM_FLAGS (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

#define UDP_HEADER 8

/* UDP in front of ESP (RFC 3948 section 2.1); its checksum tells nothing that the ICV does not. */
static bool outer_udp(const struct rte_mbuf *m, const uint8_t *h, uint32_t *header, uint32_t *total)
{
	uint32_t bytes;

	if (m->data_len < *header + UDP_HEADER || *total < *header + UDP_HEADER)
		return false;
	bytes = get_be16(h + *header + 4);
	if (bytes < UDP_HEADER || bytes > *total - *header)
		return false;
	*total = *header + bytes;
	*header += UDP_HEADER;
	return true;
}

/*
 * Outer header, with UDP's: its length and that of the whole packet; false when it is not ESP
 * in IP.
 */
static inline bool outer_fields(const struct rte_mbuf *m, const uint8_t *h, uint32_t *header,
                                uint32_t *total, uint8_t *ecn)
{
	uint8_t proto;

	if (likely(h[0] >> 4 == 4)) {
		*header = (h[0] & 0xf) * 4U;
		*total = get_be16(h + 2);
		*ecn = h[1] & 3;
		proto = h[9];
		/* Neither fragment offset nor more-fragments. */
		if (*header < 20 || (get_be16(h + 6) & 0x3fff) != 0)
			return false;
	} else {
		*header = 40;
		*total = 40U + get_be16(h + 4);
		*ecn = h[1] >> 4 & 3;
		proto = h[6];
		if (h[0] >> 4 != 6)
			return false;
	}
	if (*total > m->pkt_len)
		return false;
	return likely(proto == IPPROTO_ESP) ||
	       (proto == IPPROTO_UDP && outer_udp(m, h, header, total));
}

/* Parse, find the SA, infer the sequence number; NULL, or the counter of the drop. */
static inline const struct counter *prepare(const struct esp_core *e, struct rte_mbuf *m,
                                            struct esp_job *job)
{
	/* Outer header, ESP header and the least text: inner header or a dummy's trailer. */
	const uint32_t least = ESP_HEADER_BYTES + 4 + ESP_ICV_BYTES;
	uint32_t header, total, spi;
	const uint8_t *h;
	struct sa *sa;

	if (unlikely(m->data_len < 20 + least || m->nb_segs != 1))
		if (m->pkt_len < 20 + least ||
		    !chain_pull(m, RTE_MIN(m->pkt_len, 60U + UDP_HEADER + ESP_HEADER_BYTES)))
			return &drop_malformed;
	h = rte_pktmbuf_mtod(m, const uint8_t *);
	if (unlikely(!outer_fields(m, h, &header, &total, &job->ecn)) ||
	    unlikely(total < header + least) || unlikely((total - header) % 4 != 0))
		return &drop_malformed;
	/* The inner headers shall be in the first segment too. */
	if (unlikely(m->nb_segs != 1) &&
	    !chain_pull(m, RTE_MIN(total, header + ESP_HEADER_BYTES + CHAIN_HEADERS)))
		return &drop_open_no_room;
	h = rte_pktmbuf_mtod_offset(m, const uint8_t *, header);
	spi = get_be32(h);
	sa = sad_receive(e->sad, spi);
	if (unlikely(sa == NULL))
		return spi >= TUNNEL_SPI_MIN && spi % TUNNEL_SUBS_MAX % e->cores != e->index
		               ? &drop_wrong_core
		               : &drop_no_sa;
	if (unlikely(!replay_infer(&sa->replay, get_be32(h + 4), &job->sequence)) ||
	    unlikely(!replay_check(&sa->replay, job->sequence))) {
		sa_add(&sa->replayed, 1);
		return &drop_replay;
	}
	if (unlikely(total < m->pkt_len))
		chain_trim(m, m->pkt_len - total);
	esp_job_nonce(job, sa, job->sequence, h + 8);
	job->m = m;
	job->sa = sa;
	job->offset = header + ESP_HEADER_BYTES;
	job->length = total - job->offset - ESP_ICV_BYTES;
	return NULL;
}

/*
 * Decrypt in place; true when the tag is right. The comparison takes the same time always. The
 * ICV is read after the text, when its cache line is there.
 */
static inline bool authenticate(const struct gcm_provider *gcm, const struct esp_job *job,
                                struct gcm_context *ctx)
{
	_Alignas(16) uint8_t tag[GCM_TAG_BYTES];
	uint64_t a[2], b[2];

	if (likely(job->m->nb_segs == 1)) {
		uint8_t *text = rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->offset);

		gcm->open(job->sa->schedule, ctx, text, text, job->length, job->iv, job->aad,
		          ESP_AAD_BYTES, tag, GCM_TAG_BYTES);
		memcpy(b, text + job->length, sizeof(b));
	} else {
		esp_job_chain(job, job->sa->schedule, ctx, gcm->init, gcm->open_update,
		              gcm->open_final, tag);
		chain_read(job->m, job->offset + job->length, sizeof(b), b);
	}
	memcpy(a, tag, sizeof(a));
	return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

/* Padding and next header of authentic text; false when the padding is wrong. */
static inline bool trailer(const struct esp_job *job, uint32_t *inner, uint8_t *next)
{
	uint8_t copy[255];
	const uint8_t *p;
	uint32_t pad_length;

	p = rte_pktmbuf_read(job->m, job->offset + job->length - 2, 2, copy);
	pad_length = p[0];
	*next = p[1];
	if (pad_length + 2 > job->length)
		return false;
	*inner = job->length - 2 - pad_length;
	if (pad_length == 0)
		return true;
	p = rte_pktmbuf_read(job->m, job->offset + *inner, pad_length, copy);
	for (uint32_t i = 0; i < pad_length; i++)
		if (p[i] != i + 1)
			return false;
	return true;
}

/* The inner packet's own length, which leaves out traffic-flow padding; 0 when it is wrong. */
static inline uint32_t inner_length(const uint8_t *h, uint32_t inner, uint8_t next)
{
	uint32_t length;

	if (likely(next == ESP_NEXT_IPV4)) {
		if (inner < 20 || h[0] >> 4 != 4 || (h[0] & 0xf) < 5)
			return 0;
		length = get_be16(h + 2);
		return length >= (h[0] & 0xfU) * 4 && length <= inner ? length : 0;
	}
	if (inner < 40 || h[0] >> 4 != 6)
		return 0;
	length = 40U + get_be16(h + 4);
	return length <= inner ? length : 0;
}

/* What the inner header shall carry: figure 4 of RFC 6040; -1 for the drop. */
static inline int ecn_combine(uint8_t inner, uint8_t outer)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? -1 : ECN_CE;
	return outer == ECN_ECT_1 && inner == ECN_ECT_0 ? ECN_ECT_1 : inner;
}

static inline bool ecn_apply(uint8_t *h, uint8_t next, uint8_t outer)
{
	unsigned int shift = next == ESP_NEXT_IPV4 ? 0 : 4;
	uint8_t inner = h[1] >> shift & 3;
	int ecn = ecn_combine(inner, outer);

	if (ecn < 0)
		return false;
	if (likely(ecn == inner))
		return true;
	if (next == ESP_NEXT_IPV4) {
		/* HC' = ~(~HC + ~m + m') (RFC 1624 equation 3); only the low byte changed. */
		uint32_t sum = (uint16_t)~get_be16(h + 10) + 0xffffU - inner + (uint32_t)ecn;

		sum = (sum & 0xffff) + (sum >> 16);
		sum += sum >> 16;
		put_be16(h + 10, (uint16_t)~sum);
	}
	h[1] = (uint8_t)((h[1] & ~(3U << shift)) | (unsigned int)ecn << shift);
	return true;
}

/* The authentic packet of JOB down to its inner packet; NULL, or the counter of the drop. */
static inline const struct counter *finish(const struct esp_job *job)
{
	struct rte_mbuf *m = job->m;
	uint32_t inner, length;
	uint8_t next, *h;

	if (unlikely(!trailer(job, &inner, &next)))
		return &drop_inner_malformed;
	h = rte_pktmbuf_mtod_offset(m, uint8_t *, job->offset);
	if (likely(next == ESP_NEXT_IPV4 || next == ESP_NEXT_IPV6)) {
		length = inner_length(h, inner, next);
		if (unlikely(length == 0))
			return &drop_inner_malformed;
		if (unlikely(!ecn_apply(h, next, job->ecn)))
			return &drop_ecn;
	} else if (next == ESP_NEXT_GRE && wire_is_header(h, inner)) {
		/* A frame has no field of the outer header's congestion marks. */
		length = inner;
	} else if (next == ESP_NEXT_NONE && job->m->data_len >= job->offset + PROBE_BYTES &&
	           probe_is(h, inner)) {
		length = inner;
	} else {
		return next == ESP_NEXT_NONE ? &drop_dummy : &drop_inner_malformed;
	}
	if (likely(m->nb_segs == 1)) {
		m->data_off += job->offset;
		m->data_len = (uint16_t)length;
		m->pkt_len = length;
	} else {
		rte_pktmbuf_adj(m, (uint16_t)job->offset);
		chain_trim(m, m->pkt_len - length);
	}
	/* What the NIC said of the outer packet does not hold for this one. */
	m->packet_type = 0;
	m->ol_flags &= ~RX_CHECKSUM_FLAGS;
	sa_add(&job->sa->packets, 1);
	sa_add(&job->sa->bytes, length);
	return NULL;
}

/* The lines that finding and checking the SA of a packet will touch, two steps ahead. */
static inline void prefetch_bucket(const struct esp_core *e, const struct rte_mbuf *m)
{
	const uint8_t *h = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int header;

	/* The longest IPv4 header, UDP and an SPI. */
	if (unlikely(m->data_len < 72))
		return;
	header = h[0] >> 4 == 4 ? (h[0] & 0xfU) * 4 : 40;
	if (unlikely(h[h[0] >> 4 == 4 ? 9 : 6] == IPPROTO_UDP))
		header += UDP_HEADER;
	rte_prefetch0(sad_bucket(e->sad, get_be32(h + header)));
}

/*
 * Open by the crypto device; the jobs that it did, forged packets among them, in their order. It
 * has counted the others.
 */
static unsigned int open_device(const struct esp_core *e, struct esp_job *jobs, unsigned int n)
{
	unsigned int count = 0;

	esp_cipher_open(e->cipher, e->index, e->cs, jobs, n);
	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(jobs[i].result > ESP_JOB_FORGED))
			rte_pktmbuf_free(jobs[i].m);
		else
			jobs[count++] = jobs[i];
	}
	return count;
}

/* The packet of JOB is authentic; the newest of its SA tells where the peer is. */
static __rte_noinline void follow(const struct esp_core *e, const struct esp_job *job)
{
	if (job->sequence == job->sa->replay.top)
		peer_heard(job->sa->peer, e->index, job->sa,
		           rte_pktmbuf_mtod(job->m, const uint8_t *), e->now_ns);
}

static unsigned int open_chunk(const struct esp_core *e, struct rte_mbuf **pkts, unsigned int n,
                               struct rte_mbuf **out, struct sa **out_sas, struct gcm_context *ctx)
{
	struct esp_job jobs[ESP_BURST];
	unsigned int count = 0, passed = 0;

	for (unsigned int i = 0; i < n; i++)
		prefetch_bucket(e, pkts[i]);
	for (unsigned int i = 0; i < n; i++) {
		const struct counter *drop = prepare(e, pkts[i], &jobs[count]);

		if (likely(drop == NULL)) {
			count++;
			continue;
		}
		counter_add(e->cs, drop, 1);
		rte_pktmbuf_free(pkts[i]);
	}
	if (unlikely(e->cipher != NULL))
		count = open_device(e, jobs, count);
	for (unsigned int i = 0; i < count; i++) {
		struct esp_job *job = &jobs[i];
		const struct counter *drop;

		if (i + 1 < count && jobs[i + 1].sa != job->sa)
			esp_prefetch_schedule(jobs[i + 1].sa, jobs[i + 1].length);
		if (unlikely(e->cipher != NULL ? job->result != ESP_JOB_DONE
		                               : !authenticate(e->gcm, job, ctx))) {
			sa_add(&job->sa->auth_failed, 1);
			drop = &drop_auth;
		} else if (unlikely(!replay_update(&job->sa->replay, job->sequence))) {
			sa_add(&job->sa->replayed, 1);
			drop = &drop_replay;
		} else {
			if (unlikely(job->sa->follows))
				follow(e, job);
			drop = finish(job);
		}
		if (likely(drop == NULL)) {
			out_sas[passed] = job->sa;
			out[passed++] = job->m;
			continue;
		}
		counter_add(e->cs, drop, 1);
		rte_pktmbuf_free(job->m);
	}
	return passed;
}

unsigned int esp_open_burst(const struct esp_core *e, struct rte_mbuf **pkts, struct sa **sas,
                            unsigned int n)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	unsigned int count = 0;

	for (unsigned int at = 0; at < n; at += ESP_BURST)
		count += open_chunk(e, pkts + at, RTE_MIN(n - at, ESP_BURST), pkts + count,
		                    sas + count, (struct gcm_context *)context);
	/* It holds what the cipher kept of its last block. */
	secret_wipe(context, sizeof(context));
	counter_add(e->cs, &esp_opened, count);
	return count;
}
