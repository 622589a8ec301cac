/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One packet between the passes over a burst. Headers of all packets are made or parsed
 * first, then the cipher runs over one after the other: the stores of nonce and header are
 * done by the time that the cipher loads them in wider pieces. A packet of one buffer is known
 * by nb_segs: mbuf.next is in a cache line that it needs for nothing else.
 */

#ifndef DATAPLANE_ESP_JOB_H
#define DATAPLANE_ESP_JOB_H

#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "common/bytes.h"
#include "dataplane/sa.h"

#define ESP_BURST    64 /* packets between two passes */
#define ESP_PREFETCH 4  /* packets ahead */

/* Cache lines of a key schedule that even a short packet needs: 15 round keys and powers of H. */
#define ESP_SCHEDULE_LINES 6
/* From this length on the code takes up to 48 powers of H at once. */
#define ESP_LONG                256
#define ESP_SCHEDULE_LINES_LONG 16

#define ESP_NEXT_IPV4 4
#define ESP_NEXT_IPV6 41
#define ESP_NEXT_GRE  47
#define ESP_NEXT_NONE 59

/* What a crypto device (esp_cipher.h) made of a job. */
enum esp_job_result {
	ESP_JOB_DONE,
	ESP_JOB_FORGED, /* the tag is wrong */
	ESP_JOB_FAILED, /* not done, and counted */
	ESP_JOB_LOST,   /* the same, and the buffer is not ours any more: m is NULL */
};

struct esp_job {
	uint8_t iv[16];  /* salt, then the explicit IV: 12 bytes (RFC 4106 section 4) */
	uint8_t aad[16]; /* SPI, then the extended sequence number: 12 bytes (section 5) */
	uint32_t offset; /* of the text, from the beginning of the packet */
	uint32_t length; /* of the text, without ICV */
	struct rte_mbuf *m;
	struct sa *sa;
	uint64_t sequence; /* open */
	uint8_t ecn;       /* open: of the outer header */
	uint8_t result;    /* enum esp_job_result */
	uint8_t before;    /* seal: bytes in front of the outer IP header; else that is the first */
};

#define ESP_AAD_BYTES 12

/* IV: the 8 bytes of the packet. */
static inline void esp_job_nonce(struct esp_job *job, const struct sa *sa, uint64_t sequence,
                                 const uint8_t *iv)
{
	memcpy(job->iv, sa->salt, 4);
	memcpy(job->iv + 4, iv, 8);
	put_be32(job->aad, sa->spi);
	put_be64(job->aad + 4, sequence);
}

static inline void esp_prefetch_schedule(const struct sa *sa, uint32_t length)
{
	unsigned int lines = length < ESP_LONG ? ESP_SCHEDULE_LINES : ESP_SCHEDULE_LINES_LONG;

	for (unsigned int i = 0; i < lines; i++)
		rte_prefetch0((const uint8_t *)sa->schedule + 64 * (size_t)i);
}

/* Run the cipher over the text of a chained packet, segment by segment, in place. */
static inline void esp_job_chain(const struct esp_job *job, const struct gcm_key *key,
                                 struct gcm_context *ctx, gcm_init_fn init, gcm_update_fn update,
                                 gcm_final_fn final, uint8_t *tag)
{
	uint32_t skip = job->offset, left = job->length;

	init(key, ctx, job->iv, job->aad, ESP_AAD_BYTES);
	for (struct rte_mbuf *s = job->m; left > 0; s = s->next) {
		uint32_t n = RTE_MIN(s->data_len - RTE_MIN(skip, s->data_len), left);
		uint8_t *p = rte_pktmbuf_mtod_offset(s, uint8_t *, skip);

		skip -= RTE_MIN(skip, s->data_len);
		if (n > 0)
			update(key, ctx, p, p, n);
		left -= n;
	}
	final(key, ctx, tag, GCM_TAG_BYTES);
}

#endif
