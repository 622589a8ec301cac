/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/esp.h"
#include "dataplane/esp_cipher_state.h"
#include "dataplane/esp_job.h"
#include "dataplane/mbuf_chain.h"

COUNTER_DEFINE(drop_cipher, "drop.cipher", "packets that the crypto device refused");
COUNTER_DEFINE(drop_cipher_lost, "drop.cipher_lost",
               "packets that the crypto device did not give back in time");

static void prepare(struct rte_crypto_op *op, const struct esp_job *job, uint64_t burst,
                    uint32_t place, bool seal)
{
	struct esp_cipher_private *private = esp_cipher_private(op);
	struct rte_crypto_sym_op *sym = op->sym;

	memcpy(private->iv, job->iv, sizeof(private->iv));
	memcpy(private->aad, job->aad, sizeof(private->aad));
	if (!seal)
		chain_read(job->m, job->offset + job->length, ESP_ICV_BYTES, private->icv);
	private->burst = burst;
	private->job = place;
	op->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
	rte_crypto_op_attach_sym_session(op, job->sa->session->device);
	sym->m_src = job->m;
	sym->m_dst = NULL;
	sym->aead.data.offset = job->offset;
	sym->aead.data.length = job->length;
	sym->aead.digest.data = private->icv;
	sym->aead.digest.phys_addr = op->phys_addr + ESP_CIPHER_PRIVATE_OFFSET +
	                             offsetof(struct esp_cipher_private, icv);
	sym->aead.aad.data = private->aad;
	sym->aead.aad.phys_addr = op->phys_addr + ESP_CIPHER_PRIVATE_OFFSET +
	                          offsetof(struct esp_cipher_private, aad);
}

/* The ICV to where it belongs: sealing made room for it in the last segment. */
static void finish(struct rte_crypto_op *op, struct esp_job *job, bool seal)
{
	if (op->status == RTE_CRYPTO_OP_STATUS_AUTH_FAILED && !seal) {
		job->result = ESP_JOB_FORGED;
		return;
	}
	if (op->status != RTE_CRYPTO_OP_STATUS_SUCCESS)
		return;
	if (seal) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(job->m);

		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len - ESP_ICV_BYTES),
		       esp_cipher_private(op)->icv, ESP_ICV_BYTES);
	}
	job->result = ESP_JOB_DONE;
}

/* What the device has finished; of those the jobs of this burst. */
static unsigned int take_back(struct esp_cipher *c, unsigned int core, struct esp_job *jobs,
                              bool seal, unsigned int *any)
{
	struct esp_cipher_queue *q = &c->queue[core];
	struct rte_crypto_op *ops[ESP_BURST];
	unsigned int ours = 0;

	*any = rte_cryptodev_dequeue_burst(c->device, (uint16_t)core, ops, ESP_BURST);
	for (unsigned int i = 0; i < *any; i++) {
		struct esp_cipher_private *private = esp_cipher_private(ops[i]);

		private->under_way = false;
		q->free[q->free_count++] = ops[i];
		if (likely(private->burst == q->burst)) {
			finish(ops[i], &jobs[private->job], seal);
			ours++;
		} else {
			rte_pktmbuf_free(ops[i]->sym->m_src);
			q->lost--;
			/* The last that is done with it: it may be freed now. */
			__atomic_fetch_sub(&private->session->out, 1, __ATOMIC_RELEASE);
		}
	}
	return ours;
}

/* May this core begin a burst? Not while operations are missing, but for a try now and then. */
static bool may_begin(struct esp_cipher *c, unsigned int core)
{
	struct esp_cipher_queue *q = &c->queue[core];
	unsigned int any;

	if (likely(q->lost == 0))
		return true;
	take_back(c, core, NULL, false, &any);
	return q->lost == 0 || rte_rdtsc() >= q->retry_tsc;
}

/* Hand over COUNT operations and wait for them; returns how many were handed over. */
static unsigned int exchange(struct esp_cipher *c, unsigned int core, struct rte_crypto_op **ops,
                             unsigned int count, struct esp_job *jobs, bool seal)
{
	uint64_t until = rte_rdtsc() + c->wait_tsc;
	unsigned int sent = 0, back = 0;

	while (back < count) {
		/* Read before the device is asked: a thread that was away asks once more. */
		bool late = rte_rdtsc() > until;
		unsigned int took = 0, any;

		if (sent < count) {
			for (unsigned int i = sent; i < count; i++)
				esp_cipher_private(ops[i])->under_way = true;
			took = rte_cryptodev_enqueue_burst(c->device, (uint16_t)core, ops + sent,
			                                   (uint16_t)(count - sent));
			sent += took;
			for (unsigned int i = sent; i < count; i++)
				esp_cipher_private(ops[i])->under_way = false;
		}
		back += take_back(c, core, jobs, seal, &any);
		if (unlikely(late && took == 0 && any == 0))
			break;
	}
	return sent;
}

static void run(struct esp_cipher *c, unsigned int core, struct counter_set *cs,
                struct esp_job *jobs, unsigned int n, bool seal)
{
	struct esp_cipher_queue *q = &c->queue[core];
	struct rte_crypto_op *ops[ESP_BURST];
	unsigned int count, sent, failed = 0, lost = 0;

	for (unsigned int i = 0; i < n; i++)
		jobs[i].result = ESP_JOB_FAILED;
	count = may_begin(c, core) ? RTE_MIN(n, q->free_count) : 0;
	for (unsigned int i = 0; i < count; i++) {
		ops[i] = q->free[--q->free_count];
		prepare(ops[i], &jobs[i], q->burst, i, seal);
	}
	sent = exchange(c, core, ops, count, jobs, seal);
	for (unsigned int i = 0; i < count; i++) {
		if (i >= sent) {
			q->free[q->free_count++] = ops[i];
		} else if (unlikely(esp_cipher_private(ops[i])->under_way)) {
			struct esp_cipher_session *session = jobs[i].sa->session;

			__atomic_fetch_add(&session->out, 1, __ATOMIC_RELAXED);
			esp_cipher_private(ops[i])->session = session;
			jobs[i].result = ESP_JOB_LOST;
			jobs[i].m = NULL;
			lost++;
		}
	}
	if (unlikely(lost > 0)) {
		q->lost += lost;
		q->retry_tsc = rte_rdtsc() + c->retry_tsc;
		counter_add(cs, &drop_cipher_lost, lost);
	}
	/* What comes back later belongs to no burst. */
	q->burst++;
	for (unsigned int i = 0; i < n; i++)
		failed += jobs[i].result == ESP_JOB_FAILED;
	if (unlikely(failed > 0))
		counter_add(cs, &drop_cipher, failed);
}

void esp_cipher_seal(struct esp_cipher *c, unsigned int core, struct counter_set *cs,
                     struct esp_job *jobs, unsigned int n)
{
	run(c, core, cs, jobs, n, true);
}

void esp_cipher_open(struct esp_cipher *c, unsigned int core, struct counter_set *cs,
                     struct esp_job *jobs, unsigned int n)
{
	run(c, core, cs, jobs, n, false);
}
