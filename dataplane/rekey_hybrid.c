/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Policy hybrid: the exchange's key follows from a key of the store and from an ML-KEM-768
 * secret (FIPS 203) of this exchange alone, so that either keeps the tunnel secret when the
 * other turns out to be worth nothing.
 *
 *   key || word = HKDF-SHA-256(ikm:  secret of ML-KEM || key of the store,
 *                              salt: both nonces, A's first,
 *                              info: "lumengate hybrid 1|LINK|TUNNEL|GENERATION|" || transcript)
 *
 * which is NIST SP 800-56C Rev. 2: Z' = Z || T of section 2, Z the secret of the approved
 * scheme, by extraction and expansion, section 5; in ETSI TS 103 744 it is CatKDF. Both parts
 * have one length always. The transcript is SHA-256 of OFFER and of ACCEPT up to WORD: a
 * combiner is safe against one bad part only if it has the ciphertext in it (Giacon, Heuer,
 * Poettering, PKC 2018), and here it has the rest of what was said, too.
 *
 * ML-KEM does not say that a ciphertext is wrong: it gives another secret. So ACCEPT ends with
 * WORD, and A, whose own must be the same, goes on sealing with the old keys when it is not.
 */

#include "dataplane/rekey_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/random.h"
#include "common/secret.h"

LOG_COMPONENT_DEFINE(rekey_hybrid)

#define TRANSCRIPT_BYTES 32

struct combined {
	uint8_t ikm[MLKEM_SHARED_BYTES + KEY_BYTES];
	uint8_t out[KEY_BYTES + REKEY_CONFIRM_BYTES];
};

bool rekey_hybrid_wanted(const struct rekey *r)
{
	return r->config.lives.policy == REKEY_HYBRID;
}

/* Counted; the first time logged. */
static void failed(struct rekey *r, const char *what)
{
	if (r->stats.hybrid_failed++ == 0)
		log_warn("tunnel %s: %s", r->config.tunnel, what);
	r->stats.last_reject = what;
}

int rekey_hybrid_offer(struct rekey *r, uint8_t ek[MLKEM_KEY_BYTES])
{
	int rc = -ENOTSUP;

	random_bytes(r->secret->kem_seed, sizeof(r->secret->kem_seed));
	if (r->config.kem != NULL)
		rc = r->config.kem->key(r->secret->kem_seed, ek);
	if (rc < 0)
		failed(r, "no ML-KEM key can be made");
	return rc;
}

enum rekey_reason rekey_hybrid_encapsulate(struct rekey *r, const struct rekey_message *offer,
                                           uint8_t ct[MLKEM_CIPHERTEXT_BYTES])
{
	if (r->config.kem == NULL ||
	    r->config.kem->encapsulate(offer->kem, ct, r->secret->kem_shared) < 0) {
		failed(r, "the peer's ML-KEM key is refused");
		return REKEY_KEM_REFUSED;
	}
	return 0;
}

static void transcript(const uint8_t *offer, size_t offer_len, const struct rekey_message *accept,
                       uint8_t digest[TRANSCRIPT_BYTES])
{
	uint8_t said[2 * REKEY_MESSAGE_MAX];
	size_t len;

	memcpy(said, offer, offer_len);
	len = rekey_encode(accept, said + offer_len);
	sha256(said, offer_len + len - REKEY_CONFIRM_BYTES, digest);
}

/* KEM_SHARED and KEY become the combined key, in KEY. */
static int combine(struct rekey *r, const uint8_t *offer, size_t offer_len,
                   const struct rekey_message *accept, uint8_t word[REKEY_CONFIRM_BYTES])
{
	struct combined *c = secret_alloc(sizeof(*c));
	uint8_t salt[2 * REKEY_NONCE_BYTES];
	char info[160 + TRANSCRIPT_BYTES];
	int n, rc;

	if (c == NULL)
		return -ENOMEM;
	memcpy(c->ikm, r->secret->kem_shared, MLKEM_SHARED_BYTES);
	memcpy(c->ikm + MLKEM_SHARED_BYTES, r->secret->key, KEY_BYTES);
	memcpy(salt, r->x.nonce_a, REKEY_NONCE_BYTES);
	memcpy(salt + REKEY_NONCE_BYTES, r->x.nonce_b, REKEY_NONCE_BYTES);
	n = snprintf(info, 160, "lumengate hybrid 1|%s|%s|%llu|", r->config.link, r->config.tunnel,
	             (unsigned long long)r->x.generation);
	transcript(offer, offer_len, accept, (uint8_t *)info + n);
	rc = hkdf_sha256(c->ikm, sizeof(c->ikm), salt, sizeof(salt), info,
	                 (size_t)n + TRANSCRIPT_BYTES, c->out, sizeof(c->out));
	secret_wipe(r->secret->kem_seed, sizeof(r->secret->kem_seed));
	secret_wipe(r->secret->kem_shared, sizeof(r->secret->kem_shared));
	memcpy(r->secret->key, c->out, KEY_BYTES);
	memcpy(word, c->out + KEY_BYTES, REKEY_CONFIRM_BYTES);
	secret_free(c);
	return rc;
}

int rekey_hybrid_answer(struct rekey *r, const struct rekey_message *offer,
                        struct rekey_message *answer)
{
	uint8_t said[REKEY_MESSAGE_MAX];
	size_t len = rekey_encode(offer, said);

	answer->current = r->stats.generation; /* as it is sent */
	return combine(r, said, len, answer, answer->confirm);
}

int rekey_hybrid_accept(struct rekey *r, const struct rekey_message *accept)
{
	uint8_t word[REKEY_CONFIRM_BYTES];
	int rc =
	        r->config.kem->decapsulate(r->secret->kem_seed, accept->kem, r->secret->kem_shared);

	/* The last message that was kept is the offer: its answer was awaited. */
	if (rc == 0)
		rc = combine(r, r->message, r->message_len, accept, word);
	if (rc == 0 && !bytes_equal_ct(word, accept->confirm, sizeof(word)))
		rc = -EBADMSG;
	if (rc < 0)
		failed(r, rc == -EBADMSG ? "the keys of the two ends differ"
		                         : "ML-KEM does not open what the peer sent");
	secret_wipe(word, sizeof(word));
	return rc;
}

void rekey_hybrid_alarm(struct rekey *r, enum rekey_reason reason)
{
	bool raised = reason != 0;

	if (raised == r->policy_alarm)
		return;
	r->policy_alarm = raised;
	r->ops.alarm(r->ctx, "rekey-policy", raised,
	             reason == REKEY_NOT_HYBRID ? "this end's policy is hybrid, the peer's is not"
	             : raised                   ? "the peer's policy is hybrid, this end's is not"
	                                        : "the policies of both ends agree");
}
