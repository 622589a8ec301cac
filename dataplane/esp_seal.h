/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sealing in two steps, for who goes through the headers of a burst anyway: all around the text
 * of each packet first, then the cipher over all of them.
 */

#ifndef DATAPLANE_ESP_SEAL_H
#define DATAPLANE_ESP_SEAL_H

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/esp.h"
#include "dataplane/esp_job.h"

/* By the fields of the SA; UDP in front of ESP with it. */
void esp_seal_other_header(uint8_t *h, const struct sa *sa, uint32_t total, uint8_t traffic_class);

/*
 * BYTES: of the template, a constant, so that the copy is a few moves. Length, traffic class and
 * checksum are put in on the way: fewer stores, and none into bytes that were just written.
 */
static inline void esp_seal_ipv4(uint8_t *h, const struct sa *sa, size_t bytes, uint32_t total,
                                 uint8_t traffic_class)
{
	uint32_t sum = sa->outer_sum + traffic_class + total;
	uint64_t word[2];

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	memcpy(word, sa->outer, sizeof(word));
	word[0] |= rte_cpu_to_be_64((uint64_t)traffic_class << 48 | (uint64_t)total << 32);
	word[1] |= rte_cpu_to_be_64((uint64_t)(uint16_t)~sum << 32);
	memcpy(h, word, sizeof(word));
	memcpy(h + sizeof(word), sa->outer + sizeof(word), bytes - sizeof(word));
}

static inline void esp_seal_ipv6(uint8_t *h, const struct sa *sa, size_t bytes, uint32_t total,
                                 uint8_t traffic_class)
{
	memcpy(h, sa->outer, bytes);
	h[0] |= traffic_class >> 4;
	h[1] |= (uint8_t)(traffic_class << 4);
	put_be16(h + 4, (uint16_t)(total - 40));
}

/* Outer header and SPI. No card's offload of the IPv4 checksum: the sum is three additions. */
static inline void esp_seal_header(uint8_t *h, const struct sa *sa, uint32_t total,
                                   uint8_t traffic_class)
{
	if (likely(sa->form == SA_FORM_IPV4))
		esp_seal_ipv4(h, sa, 20 + 4, total, traffic_class);
	else if (sa->form == SA_FORM_IPV6)
		esp_seal_ipv6(h, sa, 40 + 4, total, traffic_class);
	else
		esp_seal_other_header(h, sa, total, traffic_class);
}

/*
 * The trailer at TAIL, the header in front of TEXT, and the job but for its packet; INNER: bytes
 * of the text without trailer, OUTER: those in front of the ESP header, BEFORE: those that the
 * packet has in front of that. Returns the bytes of outer packet. SEQUENCE is used up before the
 * cipher runs under it.
 */
static inline uint32_t esp_seal_frame(struct sa *sa, uint64_t sequence, uint8_t *text,
                                      uint8_t *tail, uint32_t inner, unsigned int outer,
                                      unsigned int before, uint8_t traffic_class, uint8_t next,
                                      struct esp_job *job)
{
	const unsigned int front = outer + ESP_HEADER_BYTES;
	uint32_t pad = -(inner + 2) & 3, total = front + inner + pad + 2 + ESP_ICV_BYTES;
	/* Bytes 1, 2, 3 as far as there is padding, then its length (RFC 4303 section 2.4). */
	static const uint64_t padding[4] = {0, 0x0101, 0x020201, 0x03030201};
	uint64_t number = rte_cpu_to_be_64(sequence), trailer;
	uint8_t *h = text - front;

	trailer = rte_cpu_to_le_64(padding[pad] | (uint64_t)next << 8 * (pad + 1));
	memcpy(tail, &trailer, 8);
	esp_seal_header(h, sa, total, traffic_class);
	memcpy(h + outer + 4, (const uint8_t *)&number + 4, 4);
	memcpy(h + outer + 8, &number, 8);
	memcpy(job->iv, sa->salt, 4);
	memcpy(job->iv + 4, &number, 8);
	memcpy(job->aad, sa->outer + outer, 4);
	memcpy(job->aad + 4, &number, 8);
	job->sa = sa;
	job->offset = before + front;
	job->before = (uint8_t)before;
	job->length = inner + pad + 2;
	__atomic_store_n(&sa->replay.top, sequence, __ATOMIC_RELAXED);
	sa_add(&sa->bytes, inner);
	return total;
}

/* Is there room in the one buffer of M for all that is added, Ethernet too, and a number? */
static inline bool esp_seal_fits(const struct sa *sa, const struct rte_mbuf *m)
{
	return likely(sa->replay.top != UINT64_MAX && m->nb_segs == 1 &&
	              m->data_off >= RTE_ETHER_HDR_LEN + ESP_HEADROOM_MAX &&
	              m->data_off + m->data_len + ESP_TAILROOM_MAX <= m->buf_len);
}

/*
 * Make the job of an IP packet as most are: in one buffer, with room around it. False: nothing
 * is changed, and esp_seal_prepare() tells what there is about it.
 */
static inline bool esp_seal_plain(struct sa *sa, struct rte_mbuf *m, uint8_t traffic_class,
                                  uint8_t next, struct esp_job *job)
{
	uint8_t *text = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t total;

	if (!esp_seal_fits(sa, m))
		return false;
	/* What fits into a buffer is below 64 KiB. */
	total = esp_seal_frame(sa, sa->replay.top + 1, text, text + m->data_len, m->data_len,
	                       sa->outer_bytes, 0, traffic_class, next, job);
	job->m = m;
	m->data_off -= job->offset;
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	return true;
}

/* The same for any packet. NULL, or the counter of the drop, the packet unchanged. */
const struct counter *esp_seal_prepare(struct sa *sa, struct rte_mbuf *m, struct esp_job *job);

/*
 * Run the cipher over N jobs, at most ESP_BURST. Returns how many are done, at the front of JOBS
 * and in their order; the packets of others, which only a crypto device has, are freed.
 */
unsigned int esp_seal_run(const struct esp_core *e, struct esp_job *jobs, unsigned int n);

#endif
