/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * SA keys of a generation. Each direction is one HKDF-SHA-256 (RFC 5869) of the exchange's
 * key, salted with both nonces, A's first, and labelled with purpose, link, tunnel, direction
 * and generation: a key that came back after a crash gives other SA keys. Sub-SA i has the
 * i-th 36 bytes of the output.
 */

#include "dataplane/rekey_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hkdf.h"
#include "common/random.h"
#include "common/secret.h"

#define SA_BYTES 36 /* AES-256 key, salt of RFC 4106 */

struct derived {
	struct sa_key sa[TUNNEL_SUBS_MAX];
	uint8_t bytes[TUNNEL_SUBS_MAX * SA_BYTES];
};

/* The SAs from one site to the other, as the receiver's BASE numbers them; NULL on failure. */
static struct derived *derive(const struct rekey *r, bool a_to_b, uint32_t base, unsigned int n)
{
	struct derived *d = secret_alloc(sizeof(*d));
	uint8_t salt[2 * REKEY_NONCE_BYTES];
	char label[160];
	int len;

	if (d == NULL)
		return NULL;
	memcpy(salt, r->x.nonce_a, REKEY_NONCE_BYTES);
	memcpy(salt + REKEY_NONCE_BYTES, r->x.nonce_b, REKEY_NONCE_BYTES);
	len = snprintf(label, sizeof(label), "lumengate esp 2|%s|%s|%s|%llu", r->config.link,
	               r->config.tunnel, a_to_b ? "a-b" : "b-a",
	               (unsigned long long)r->x.generation);
	if (hkdf_sha256(r->secret->key, KEY_BYTES, salt, sizeof(salt), label, (size_t)len, d->bytes,
	                (size_t)n * SA_BYTES) < 0) {
		secret_free(d);
		return NULL;
	}
	for (unsigned int i = 0; i < n; i++) {
		d->sa[i].spi = base + i;
		memcpy(d->sa[i].key, d->bytes + (size_t)i * SA_BYTES, 32);
		memcpy(d->sa[i].salt, d->bytes + (size_t)i * SA_BYTES + 32, 4);
	}
	return d;
}

/* Receive first: nothing can arrive under these keys before. */
int rekey_install_rx(struct rekey *r)
{
	struct derived *d = derive(r, !r->config.initiator, r->x.spi_own, r->x.subs_peer);
	int rc = d == NULL ? -ENOMEM : rekey_ratchet_prepare(r);

	if (rc == 0)
		rc = r->ops.rx_install(r->ctx, r->x.generation, d->sa, r->x.subs_peer);
	if (rc == 0)
		rekey_rx_add(r, r->x.generation, r->x.spi_own);
	secret_free(d);
	return rc;
}

int rekey_switch_tx(struct rekey *r)
{
	struct derived *d = derive(r, r->config.initiator, r->x.spi_peer, r->config.subs);
	int rc = d == NULL ? -ENOMEM
	                   : r->ops.tx_switch(r->ctx, r->x.generation, d->sa, r->config.subs);

	secret_free(d);
	return rc;
}

/*
 * Receive SPIs: 16 random bits, the tunnel's place, the sub-SA. The place keeps tunnels apart
 * without a look at what the others have: the table of a core has one entry an SPI.
 */
void rekey_draw(struct rekey *r, uint8_t nonce[REKEY_NONCE_BYTES], struct rekey_message *m)
{
	uint16_t bits;

	random_bytes(nonce, REKEY_NONCE_BYTES);
	memcpy(m->nonce, nonce, REKEY_NONCE_BYTES);
	do {
		random_bytes(&bits, sizeof(bits));
		m->spi_base = (uint32_t)bits << 16 | r->config.place * TUNNEL_SUBS_MAX;
	} while (bits == 0 || rekey_rx_has_base(r, m->spi_base));
	r->x.spi_own = m->spi_base;
	m->subs = r->config.subs;
}

void rekey_forget(struct rekey *r)
{
	secret_wipe(r->secret->key, sizeof(r->secret->key));
	secret_wipe(r->secret->kem_seed, sizeof(r->secret->kem_seed));
	secret_wipe(r->secret->kem_shared, sizeof(r->secret->kem_shared));
	secret_wipe(r->secret->chain_next, sizeof(r->secret->chain_next));
	r->chain_prepared = false;
	r->key_kept = false;
	r->x = (struct rekey_exchange){.phase = REKEY_IDLE};
}
