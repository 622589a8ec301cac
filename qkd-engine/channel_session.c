/* SPDX-License-Identifier: BSD-3-Clause */

/* Keys of the channel, and its two kinds of tags: of hellos and of a session's datagrams. */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "qkd-engine/channel_internal.h"

#define LABEL_HELLO_A   "lumengate channel 1 hello A to B"
#define LABEL_HELLO_B   "lumengate channel 1 hello B to A"
#define LABEL_SESSION_A "lumengate channel 1 session A to B"
#define LABEL_SESSION_B "lumengate channel 1 session B to A"
#define LABEL_IDENTITY  "lumengate channel 1 session identity"

static int derive_key(const struct channel_secrets *s, const uint8_t *salt, size_t salt_len,
                      const char *label, struct channel_key *out)
{
	uint8_t key[32];
	int ret = hkdf_sha256(s->link_secret, sizeof(s->link_secret), salt, salt_len, label,
	                      strlen(label), key, sizeof(key));

	if (ret == 0)
		gcm_provider()->key_expand(key, (struct gcm_key *)out->schedule);
	secret_wipe(key, sizeof(key));
	return ret;
}

int session_secrets(struct channel *ch)
{
	struct channel_secrets *s = ch->secrets;
	static const uint8_t no_salt[32]; /* RFC 5869, section 2.2: zeros of the hash's length */
	bool a = ch->config.initiator;
	int ret;

	ret = derive_key(s, no_salt, sizeof(no_salt), a ? LABEL_HELLO_A : LABEL_HELLO_B,
	                 &s->hello_tx);
	if (ret == 0)
		ret = derive_key(s, no_salt, sizeof(no_salt), a ? LABEL_HELLO_B : LABEL_HELLO_A,
		                 &s->hello_rx);
	return ret;
}

int session_derive(struct channel *ch, struct channel_session *out, unsigned int slot,
                   const uint8_t *nonce_a, const uint8_t *nonce_b)
{
	struct channel_secrets *s = ch->secrets;
	bool a = ch->config.initiator;
	uint8_t salt[2 * WIRE_NONCE_BYTES];
	int ret;

	*out = (struct channel_session){.slot = slot};
	memcpy(out->nonce_a, nonce_a, WIRE_NONCE_BYTES);
	memcpy(out->nonce_b, nonce_b, WIRE_NONCE_BYTES);
	memcpy(salt, nonce_a, WIRE_NONCE_BYTES);
	memcpy(salt + WIRE_NONCE_BYTES, nonce_b, WIRE_NONCE_BYTES);
	ret = derive_key(s, salt, sizeof(salt), a ? LABEL_SESSION_A : LABEL_SESSION_B,
	                 &s->session[slot].tx);
	if (ret == 0)
		ret = derive_key(s, salt, sizeof(salt), a ? LABEL_SESSION_B : LABEL_SESSION_A,
		                 &s->session[slot].rx);
	if (ret == 0)
		ret = hkdf_sha256(s->link_secret, sizeof(s->link_secret), salt, sizeof(salt),
		                  LABEL_IDENTITY, strlen(LABEL_IDENTITY), out->id, sizeof(out->id));
	out->valid = ret == 0;
	return ret;
}

/* AES-256-GMAC (NIST SP 800-38D): GCM of an empty text with the datagram as its data. */
static void gmac(const struct channel_key *key, const uint8_t iv[GCM_IV_BYTES], const uint8_t *data,
                 size_t len, uint8_t tag[WIRE_TAG_BYTES])
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	uint8_t none[16];

	gcm_provider()->seal((const struct gcm_key *)key->schedule, (struct gcm_context *)context,
	                     none, none, 0, iv, data, len, tag, WIRE_TAG_BYTES);
}

static bool gmac_matches(const struct channel_key *key, const uint8_t iv[GCM_IV_BYTES],
                         const uint8_t *data, const struct wire_datagram *d)
{
	uint8_t tag[WIRE_TAG_BYTES];

	gmac(key, iv, data, d->tagged_len, tag);
	return bytes_equal_ct(tag, d->tag, WIRE_TAG_BYTES);
}

size_t session_seal_hello(struct channel *ch, uint8_t *buf, size_t len)
{
	gmac(&ch->secrets->hello_tx, buf + 2, buf, len, buf + len);
	return len + WIRE_TAG_BYTES;
}

bool session_open_hello(struct channel *ch, const uint8_t *data, const struct wire_datagram *d)
{
	return gmac_matches(&ch->secrets->hello_rx, d->iv, data, d);
}

size_t session_seal_data(struct channel *ch, const struct channel_session *s, uint8_t *buf,
                         size_t len, uint64_t number)
{
	uint8_t iv[GCM_IV_BYTES] = {0};

	put_be64(iv + 4, number);
	gmac(&ch->secrets->session[s->slot].tx, iv, buf, len, buf + len);
	return len + WIRE_TAG_BYTES;
}

bool session_open_data(struct channel *ch, const struct channel_session *s, const uint8_t *data,
                       const struct wire_datagram *d)
{
	uint8_t iv[GCM_IV_BYTES] = {0};

	put_be64(iv + 4, d->number);
	return gmac_matches(&ch->secrets->session[s->slot].rx, iv, data, d);
}
