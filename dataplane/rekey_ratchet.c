/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The ratchet: keys without the store. Each key of the store begins a chain:
 *
 *   C_0           = HKDF(key,     nonces,  "lumengate ratchet base|LINK|TUNNEL|GENERATION")
 *   C_n || key_n  = HKDF(C_n-1,   secret,  "lumengate ratchet step|LINK|TUNNEL|BASE|n")
 *
 * with a secret of the pre-shared secret as salt. C_n-1 is wiped when C_n is there, so what is
 * in memory later does not give earlier keys. A chain only goes forward: A steps when it
 * offers, B follows to the step that the offer names, over those of offers that got lost.
 */

#include "dataplane/rekey_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hkdf.h"
#include "common/secret.h"

#define LABEL_MAX 160
/* Steps that B goes at once: 5 us each, and a lost offer costs A a step every 2 s. */
#define FOLLOW_MAX 1024

static bool wanted(const struct rekey *r)
{
	return r->config.lives.policy == REKEY_RATCHET && r->config.ratchet_secret != NULL;
}

int rekey_ratchet_prepare(struct rekey *r)
{
	uint8_t salt[2 * REKEY_NONCE_BYTES];
	char label[LABEL_MAX];
	int n, rc;

	if (!wanted(r) || r->x.source != REKEY_FROM_STORE)
		return 0;
	memcpy(salt, r->x.nonce_a, REKEY_NONCE_BYTES);
	memcpy(salt + REKEY_NONCE_BYTES, r->x.nonce_b, REKEY_NONCE_BYTES);
	n = snprintf(label, sizeof(label), "lumengate ratchet base|%s|%s|%llu", r->config.link,
	             r->config.tunnel, (unsigned long long)r->x.generation);
	rc = hkdf_sha256(r->secret->key, KEY_BYTES, salt, sizeof(salt), label, (size_t)n,
	                 r->secret->chain_next, sizeof(r->secret->chain_next));
	r->chain_prepared = rc == 0;
	return rc;
}

void rekey_ratchet_begin(struct rekey *r, uint64_t now)
{
	if (!r->chain_prepared)
		return;
	memcpy(r->secret->chain, r->secret->chain_next, sizeof(r->secret->chain));
	secret_wipe(r->secret->chain_next, sizeof(r->secret->chain_next));
	r->chain_prepared = false;
	r->chain_base = r->x.generation;
	r->chain_step = 0;
	r->chain_begin_ns = now;
}

static bool expired(const struct rekey *r, uint64_t now)
{
	return now >= r->chain_begin_ns + r->config.lives.ratchet_life_s * NS_PER_S;
}

bool rekey_ratchet_possible(const struct rekey *r, uint64_t now)
{
	return wanted(r) && r->chain_base != 0 && r->chain_step < UINT32_MAX && !expired(r, now);
}

int rekey_ratchet_step(struct rekey *r)
{
	struct {
		uint8_t chain[REKEY_SECRET_BYTES], key[KEY_BYTES];
	} *next = secret_alloc(sizeof(*next));
	char label[LABEL_MAX];
	int n, rc;

	if (next == NULL)
		return -ENOMEM;
	n = snprintf(label, sizeof(label), "lumengate ratchet step|%s|%s|%llu|%u", r->config.link,
	             r->config.tunnel, (unsigned long long)r->chain_base, r->chain_step + 1);
	rc = hkdf_sha256(r->secret->chain, sizeof(r->secret->chain), r->config.ratchet_secret,
	                 REKEY_SECRET_BYTES, label, (size_t)n, next, sizeof(*next));
	if (rc == 0) {
		memcpy(r->secret->chain, next->chain, sizeof(r->secret->chain));
		memcpy(r->secret->key, next->key, KEY_BYTES);
		r->chain_step++;
	}
	secret_free(next);
	return rc;
}

enum rekey_reason rekey_ratchet_follow(struct rekey *r, uint64_t base, uint32_t step, uint64_t now)
{
	if (!wanted(r))
		return REKEY_RATCHET_REFUSED;
	if (r->chain_base != base || step <= r->chain_step || step - r->chain_step > FOLLOW_MAX)
		return REKEY_RATCHET_UNKNOWN;
	if (expired(r, now))
		return REKEY_RATCHET_EXPIRED;
	while (r->chain_step < step)
		if (rekey_ratchet_step(r) < 0)
			return REKEY_CANNOT_INSTALL;
	return 0;
}

void rekey_ratchet_forget(struct rekey *r)
{
	secret_wipe(r->secret->chain, sizeof(r->secret->chain));
	r->chain_base = 0;
	r->chain_step = 0;
}
