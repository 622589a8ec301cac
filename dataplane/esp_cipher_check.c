/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A device is tried before it is trusted: it must seal and open as the direct calls do, refuse a
 * forged packet, and do so on single and on chained buffers. Not every driver that announces
 * chained buffers takes them with AEAD (DPDK 22.11's crypto_openssl); and one that keeps a queue's
 * list of segments in one place (DPDK 24.11's crypto_aesni_mb) mixes up those of a burst, so that
 * one packet is sealed twice and another not at all.
 */

#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "common/gcm.h"
#include "dataplane/esp.h"
#include "dataplane/esp_cipher_state.h"
#include "dataplane/esp_job.h"
#include "dataplane/mbuf_chain.h"

#define OFFSET   36  /* an IPv4 and an ESP header */
#define LENGTH   300 /* of the text */
#define SEGMENT  110
#define TOGETHER 4 /* in a burst */
#define TOTAL    (OFFSET + LENGTH + ESP_ICV_BYTES)

struct trial {
	struct esp_cipher *cipher;
	struct rte_mempool *pool;
	struct sa *seal, *open; /* nothing but sessions */
	uint8_t iv[16], aad[16], text[LENGTH];
	uint8_t sealed[LENGTH + ESP_ICV_BYTES]; /* by the direct calls */
	struct counter_set counters;            /* attached nowhere: a trial is no traffic */
};

/* The bytes as a packet behind OFFSET, in segments of at most SIZE. */
static struct rte_mbuf *packet(const struct trial *t, const uint8_t *bytes, unsigned int n,
                               unsigned int size)
{
	struct rte_mbuf *first = NULL;
	uint8_t all[TOTAL] = {0};

	memcpy(all + OFFSET, bytes, n);
	for (unsigned int at = 0; at < TOTAL; at += size) {
		unsigned int take = RTE_MIN(size, TOTAL - at);
		struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);

		if (m == NULL) {
			rte_pktmbuf_free(first);
			return NULL;
		}
		memcpy(rte_pktmbuf_append(m, (uint16_t)take), all + at, take);
		if (first == NULL)
			first = m;
		else
			rte_pktmbuf_chain(first, m);
	}
	return first;
}

static bool prepare_job(struct trial *t, bool seal, const uint8_t *bytes, unsigned int n,
                        unsigned int size, struct esp_job *job)
{
	*job = (struct esp_job){.offset = OFFSET, .length = LENGTH, .sa = seal ? t->seal : t->open};
	memcpy(job->iv, t->iv, sizeof(job->iv));
	memcpy(job->aad, t->aad, sizeof(job->aad));
	job->m = packet(t, bytes, n, size);
	return job->m != NULL;
}

/* The same packet several times in one burst, in segments; does each become WANT? */
static bool together(struct trial *t, bool seal, const uint8_t *bytes, unsigned int n,
                     const uint8_t *want, unsigned int want_n)
{
	struct esp_job job[TOGETHER] = {0};
	uint8_t out[LENGTH + ESP_ICV_BYTES];
	bool good = true;

	for (unsigned int i = 0; i < TOGETHER; i++)
		good = prepare_job(t, seal, bytes, n, SEGMENT, &job[i]) && good;
	if (good && seal)
		esp_cipher_seal(t->cipher, 0, &t->counters, job, TOGETHER);
	else if (good)
		esp_cipher_open(t->cipher, 0, &t->counters, job, TOGETHER);
	for (unsigned int i = 0; i < TOGETHER; i++) {
		if (job[i].m != NULL)
			chain_read(job[i].m, OFFSET, sizeof(out), out);
		good = good && job[i].m != NULL && job[i].result == ESP_JOB_DONE &&
		       memcmp(out, want, want_n) == 0;
		rte_pktmbuf_free(job[i].m);
	}
	return good;
}

/* One job; its result, and what lies behind OFFSET afterwards. */
static enum esp_job_result once(struct trial *t, bool seal, const uint8_t *bytes, unsigned int n,
                                unsigned int size, uint8_t *out)
{
	struct esp_job job;

	if (!prepare_job(t, seal, bytes, n, size, &job))
		return ESP_JOB_FAILED;
	if (seal)
		esp_cipher_seal(t->cipher, 0, &t->counters, &job, 1);
	else
		esp_cipher_open(t->cipher, 0, &t->counters, &job, 1);
	/* A lost one never comes back to this pool: the device is closed before that is freed. */
	if (job.m != NULL)
		chain_read(job.m, OFFSET, LENGTH + ESP_ICV_BYTES, out);
	rte_pktmbuf_free(job.m);
	return (enum esp_job_result)job.result;
}

static bool passes(struct trial *t, unsigned int size)
{
	uint8_t out[LENGTH + ESP_ICV_BYTES], forged[LENGTH + ESP_ICV_BYTES];

	if (once(t, true, t->text, LENGTH, size, out) != ESP_JOB_DONE ||
	    memcmp(out, t->sealed, sizeof(out)) != 0)
		return false;
	if (once(t, false, t->sealed, sizeof(t->sealed), size, out) != ESP_JOB_DONE ||
	    memcmp(out, t->text, LENGTH) != 0)
		return false;
	memcpy(forged, t->sealed, sizeof(forged));
	forged[LENGTH + 7] ^= 1;
	return once(t, false, forged, sizeof(forged), size, out) == ESP_JOB_FORGED;
}

/* A key that protects nothing, and what the direct calls make of the text under it. */
static void prepare(struct trial *t, uint8_t *key)
{
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES], context[GCM_CONTEXT_BYTES];
	const struct gcm_provider *gcm = gcm_provider();

	for (unsigned int i = 0; i < 32; i++)
		key[i] = (uint8_t)(i * 7 + 1);
	for (unsigned int i = 0; i < LENGTH; i++)
		t->text[i] = (uint8_t)(i * 131 + 7);
	memcpy(t->iv, t->text, 12);
	memcpy(t->aad, t->text + 12, ESP_AAD_BYTES);
	gcm->key_expand(key, (struct gcm_key *)schedule);
	gcm->seal((struct gcm_key *)schedule, (struct gcm_context *)context, t->sealed, t->text,
	          LENGTH, t->iv, t->aad, ESP_AAD_BYTES, t->sealed + LENGTH, ESP_ICV_BYTES);
}

const char *esp_cipher_check(struct esp_cipher *c)
{
	static struct sa seal, open;
	static struct trial t;
	const char *why = NULL;
	uint8_t key[32];

	t = (struct trial){.cipher = c, .pool = c->trial, .seal = &seal, .open = &open};
	prepare(&t, key);
	seal.session = esp_cipher_session(c, key, true);
	open.session = esp_cipher_session(c, key, false);
	if (seal.session == NULL || open.session == NULL)
		why = "it takes no keys";
	else if (!passes(&t, TOTAL))
		why = "it fails its known-answer test";
	else if (!passes(&t, SEGMENT))
		why = "it fails its known-answer test on chained buffers";
	else if (!together(&t, true, t.text, LENGTH, t.sealed, sizeof(t.sealed)) ||
	         !together(&t, false, t.sealed, sizeof(t.sealed), t.text, LENGTH))
		why = "it fails its known-answer test on chained buffers in a burst";
	esp_cipher_session_free(c, seal.session);
	esp_cipher_session_free(c, open.session);
	return why;
}
