/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/secret.h"
#include "drivers/qrng_lane.h"

#define DIGEST_BYTES 32
/* Full entropy out of a vetted function: 64 bits more go in than come out (SP 800-90C). */
#define SURPLUS_BITS 64
#define BLOCK_IN_MAX 400 /* of QRNG_CLAIM_MIN */

struct qrng {
	struct qrng_limits limits;
	const struct qrng_kernel *kernel;
	EVP_MD *digest;
	EVP_MD_CTX *context;
	uint32_t block_in, block_used;
	uint8_t block[BLOCK_IN_MAX];

	int state;             /* atomic */
	bool restart;          /* atomic: wanted by an operator */
	uint64_t tested_until; /* atomic */

	/*
	 * A round: a pattern of each lane, and all windows in which it is sought, two long ones
	 * among them. Its last window is the next one's first.
	 */
	uint64_t round_after_ns, next_after_ns;
	unsigned int lanes;
	unsigned int long_done, seek_done; /* lanes that are through with theirs */
	struct qrng_status status;
	struct qrng_lane lane[QRNG_LANES_MAX];
};

static const char *const fault_names[QRNG_FAULTS] = {"none",     "stuck",  "biased",
                                                     "periodic", "silent", "card"};

const char *qrng_fault_name(enum qrng_fault fault)
{
	return fault_names[(unsigned int)fault < QRNG_FAULTS ? fault : QRNG_FAULT_NONE];
}

const char *qrng_state_name(enum qrng_state state)
{
	return state == QRNG_OK ? "ok" : state == QRNG_FAILED ? "failed" : "start-up";
}

int qrng_create(double claim, unsigned int alpha_log2, struct qrng **out, struct err *err)
{
	struct qrng *q;

	if (!(claim >= QRNG_CLAIM_MIN && claim <= QRNG_CLAIM_MAX))
		return err_set(err, EINVAL, "qrng min-entropy: %g is not %g to %g", claim,
		               QRNG_CLAIM_MIN, QRNG_CLAIM_MAX);
	if (alpha_log2 < QRNG_ALPHA_MIN || alpha_log2 > QRNG_ALPHA_MAX)
		return err_set(err, EINVAL, "qrng alpha: 2^-%u is not 2^-%d to 2^-%d", alpha_log2,
		               QRNG_ALPHA_MIN, QRNG_ALPHA_MAX);
	q = secret_alloc(sizeof(*q));
	if (q == NULL)
		return err_set(err, ENOMEM, "qrng: no %zu bytes of secret memory", sizeof(*q));
	memset(q, 0, sizeof(*q));
	q->kernel = qrng_kernel_best();
	q->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
	q->context = EVP_MD_CTX_new();
	if (q->digest == NULL || q->context == NULL) {
		qrng_destroy(q);
		return err_set(err, ENOMEM, "qrng: no SHA-256");
	}
	qrng_limits_set(&q->limits, claim, alpha_log2);
	q->block_in = (uint32_t)ceil((8 * DIGEST_BYTES + SURPLUS_BITS) / claim / 8);
	qrng_begin(q, 1);
	*out = q;
	return 0;
}

void qrng_destroy(struct qrng *q)
{
	if (q == NULL)
		return;
	EVP_MD_CTX_free(q->context);
	EVP_MD_free(q->digest);
	secret_free(q);
}

static void state_set(struct qrng *q, enum qrng_state state)
{
	__atomic_store_n(&q->state, (int)state, __ATOMIC_RELEASE);
}

enum qrng_state qrng_state(const struct qrng *q)
{
	return (enum qrng_state)__atomic_load_n(&q->state, __ATOMIC_ACQUIRE);
}

uint64_t qrng_tested_until(const struct qrng *q)
{
	return __atomic_load_n(&q->tested_until, __ATOMIC_ACQUIRE);
}

/* Nothing of what came before counts or becomes anything. */
static void forget(struct qrng *q)
{
	for (unsigned int i = 0; i < QRNG_LANES_MAX; i++)
		qrng_lane_reset(&q->lane[i]);
	secret_wipe(q->block, sizeof(q->block));
	q->block_used = 0;
	q->long_done = q->seek_done = 0;
}

void qrng_begin(struct qrng *q, unsigned int lanes)
{
	q->lanes = lanes >= 1 && lanes <= QRNG_LANES_MAX ? lanes : 1;
	forget(q);
	__atomic_store_n(&q->tested_until, 0, __ATOMIC_RELEASE);
	state_set(q, q->status.latched ? QRNG_FAILED : QRNG_STARTUP);
}

void qrng_gap(struct qrng *q)
{
	/* Windows that a start-up has passed are not asked for again. */
	forget(q);
}

void qrng_fail(struct qrng *q, enum qrng_fault fault, unsigned int lane, const char *what)
{
	struct qrng_status *s = &q->status;

	if (qrng_state(q) == QRNG_FAILED)
		return;
	s->latched = true;
	s->fault = fault;
	s->fault_lane = lane;
	s->fault_sample = lane < q->lanes ? (uint64_t)q->lane[lane].windows * QRNG_WINDOW_BITS : 0;
	snprintf(s->fault_text, sizeof(s->fault_text), "%s", what);
	s->failures++;
	forget(q);
	__atomic_store_n(&q->tested_until, 0, __ATOMIC_RELEASE);
	state_set(q, QRNG_FAILED);
}

void qrng_restart(struct qrng *q)
{
	__atomic_store_n(&q->restart, true, __ATOMIC_RELEASE);
}

bool qrng_take_restart(struct qrng *q)
{
	if (!__atomic_exchange_n(&q->restart, false, __ATOMIC_ACQ_REL) ||
	    qrng_state(q) != QRNG_FAILED)
		return false;
	forget(q);
	state_set(q, QRNG_STARTUP);
	return true;
}

/* Raw bytes that passed: full blocks become digests at OUT. */
static size_t condition(struct qrng *q, const uint8_t *raw, size_t n, uint8_t *out, size_t room)
{
	size_t made = 0;

	while (n > 0) {
		size_t part = q->block_in - q->block_used < n ? q->block_in - q->block_used : n;

		memcpy(q->block + q->block_used, raw, part);
		q->block_used += (uint32_t)part;
		raw += part;
		n -= part;
		if (q->block_used < q->block_in)
			break;
		q->block_used = 0;
		if (room - made < DIGEST_BYTES) {
			q->status.discarded += q->block_in;
			continue;
		}
		if (EVP_DigestInit_ex2(q->context, q->digest, NULL) != 1 ||
		    EVP_DigestUpdate(q->context, q->block, q->block_in) != 1 ||
		    EVP_DigestFinal_ex(q->context, out + made, NULL) != 1)
			abort(); /* only for want of the algorithm itself */
		made += DIGEST_BYTES;
	}
	q->status.conditioned += made;
	return made;
}

/* Lanes keep step: what ended in all of them. */
static void lanes_end(struct qrng *q)
{
	if (q->long_done == q->lanes) {
		q->long_done = 0;
		if (qrng_state(q) == QRNG_STARTUP) {
			q->status.latched = false;
			state_set(q, QRNG_OK);
		}
	}
	if (q->seek_done == q->lanes) {
		q->seek_done = 0;
		__atomic_store_n(&q->tested_until, q->round_after_ns, __ATOMIC_RELEASE);
		q->round_after_ns = q->next_after_ns;
	}
}

/* A lane's window is full. False: it failed. */
static bool window_ends(struct qrng *q, unsigned int lane)
{
	struct qrng_lane *l = &q->lane[lane];
	char what[sizeof(q->status.fault_text)];
	enum qrng_fault fault;
	unsigned int ends;

	fault = qrng_lane_window(l, &q->limits, q->kernel, &ends, what, sizeof(what));
	q->status.samples += QRNG_WINDOW_BITS;
	if (fault != QRNG_FAULT_NONE) {
		qrng_fail(q, fault, lane, what);
		return false;
	}
	q->long_done += (ends & QRNG_ENDS_LONG) != 0;
	q->seek_done += (ends & QRNG_ENDS_SEEK) != 0;
	return true;
}

/* A full window of LANE is tested; bytes that it became at OUT. */
static size_t window_full(struct qrng *q, unsigned int lane, uint8_t *out, size_t room)
{
	uint8_t passed[QRNG_WINDOW_BYTES];
	bool ok = qrng_state(q) == QRNG_OK;
	size_t made = 0;

	memcpy(passed, q->lane[lane].samples + QRNG_HISTORY, sizeof(passed));
	if (!window_ends(q, lane) || !ok || room < DIGEST_BYTES)
		q->status.discarded += sizeof(passed);
	else
		made = condition(q, passed, sizeof(passed), out, room);
	secret_wipe(passed, sizeof(passed));
	return made;
}

/* Bytes of each lane that come before any lane's window is full, of N bytes in all. */
static size_t stretch(const struct qrng *q, size_t n)
{
	size_t bytes = n / q->lanes;

	for (unsigned int i = 0; i < q->lanes; i++)
		if (QRNG_WINDOW_BYTES - q->lane[i].used < bytes)
			bytes = QRNG_WINDOW_BYTES - q->lane[i].used;
	return bytes;
}

/* N bytes of a lane, each STEP behind the one before. */
static void deal(struct qrng_lane *l, const uint8_t *raw, size_t step, size_t n)
{
	uint8_t *to = l->samples + QRNG_HISTORY + l->used;

	if (step == 1)
		memcpy(to, raw, n);
	else
		for (size_t i = 0; i < n; i++)
			to[i] = raw[i * step];
	l->used += (uint32_t)n;
}

size_t qrng_feed(struct qrng *q, const uint8_t *raw, size_t n, uint64_t after_ns, uint8_t *out,
                 size_t room)
{
	size_t made = 0;

	qrng_take_restart(q);
	while (n > 0 && qrng_state(q) != QRNG_FAILED) {
		/* The last bytes of a buffer may be some lanes' only. */
		size_t each = n >= q->lanes ? stretch(q, n) : 1;
		unsigned int lanes = n >= q->lanes ? q->lanes : (unsigned int)n;

		if (q->lane[0].used == 0 && q->lane[0].windows % QRNG_SEEK_WINDOWS == 0) {
			q->next_after_ns = after_ns;
			if (q->lane[0].windows == 0)
				q->round_after_ns = after_ns;
		}
		for (unsigned int i = 0; i < lanes; i++)
			deal(&q->lane[i], raw + i, q->lanes, each);
		raw += each * lanes;
		n -= each * lanes;
		for (unsigned int i = 0; i < lanes && qrng_state(q) != QRNG_FAILED; i++)
			if (q->lane[i].used == QRNG_WINDOW_BYTES)
				made += window_full(q, i, out + made, room - made);
		lanes_end(q);
	}
	if (qrng_state(q) == QRNG_FAILED && made > 0) {
		secret_wipe(out, made);
		made = 0;
	}
	return made;
}

void qrng_status_read(const struct qrng *q, struct qrng_status *out)
{
	*out = q->status;
	out->state = qrng_state(q);
	out->lanes = q->lanes;
	out->limits = q->limits;
	out->kernel = q->kernel->name;
	out->block_in = q->block_in;
}
