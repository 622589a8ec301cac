/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey_message.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define HEAD          18 /* version 1, type 1, generation 8, current 8: the same in all versions */
#define SIDE          (REKEY_NONCE_BYTES + 1 + 4)
#define STORE_BYTES   20
#define RATCHET_BYTES 12
/* Behind what ACCEPT has in any case: ciphertext, confirmation. */
#define ACCEPT_HYBRID_BYTES (MLKEM_CIPHERTEXT_BYTES + REKEY_CONFIRM_BYTES)

const char *rekey_reason_name(enum rekey_reason reason)
{
	static const char *const names[REKEY_REASONS] = {
	        [REKEY_KEY_UNKNOWN] = "key unknown",
	        [REKEY_KEY_USED] = "key used before",
	        [REKEY_CANNOT_INSTALL] = "cannot install",
	        [REKEY_OTHER_VERSION] = "another version of the protocol",
	        [REKEY_GENERATION_UNKNOWN] = "generation unknown",
	        [REKEY_CANNOT_SWITCH] = "cannot switch",
	        [REKEY_RATCHET_REFUSED] = "the policy there is not ratchet",
	        [REKEY_RATCHET_UNKNOWN] = "ratchet step unknown",
	        [REKEY_RATCHET_EXPIRED] = "ratchet life is over",
	        [REKEY_TOO_MANY_SUBS] = "more sub-SAs than peer-sub-sas",
	        [REKEY_NOT_HYBRID] = "the policy there is not hybrid",
	        [REKEY_HYBRID_ONLY] = "the policy there is hybrid",
	        [REKEY_KEM_REFUSED] = "ML-KEM key refused",
	};

	return reason > 0 && reason < REKEY_REASONS ? names[reason] : "";
}

const char *rekey_cause_name(enum rekey_cause cause)
{
	static const char *const names[] = {
	        [REKEY_BY_NONE] = "none",       [REKEY_BY_PERIOD] = "period",
	        [REKEY_BY_BYTES] = "bytes",     [REKEY_BY_PACKETS] = "packets",
	        [REKEY_BY_COMMAND] = "command", [REKEY_BY_SESSION] = "session",
	        [REKEY_BY_RETRY] = "retry",
	};

	return names[cause];
}

static size_t put_side(const struct rekey_message *m, uint8_t *p)
{
	memcpy(p, m->nonce, REKEY_NONCE_BYTES);
	p[REKEY_NONCE_BYTES] = (uint8_t)m->subs;
	put_be32(p + REKEY_NONCE_BYTES + 1, m->spi_base);
	return SIDE;
}

static int get_side(const uint8_t *p, size_t len, struct rekey_message *m)
{
	if (len != SIDE)
		return -EPROTO;
	memcpy(m->nonce, p, REKEY_NONCE_BYTES);
	m->subs = p[REKEY_NONCE_BYTES];
	m->spi_base = get_be32(p + REKEY_NONCE_BYTES + 1);
	/* SPIs below 256 are reserved (RFC 4303, 2.1); the low bits name the sub-SA. */
	if (m->subs == 0 || m->subs > TUNNEL_SUBS_MAX || m->spi_base < TUNNEL_SPI_MIN ||
	    m->spi_base % TUNNEL_SUBS_MAX != 0)
		return -EPROTO;
	return 0;
}

static size_t put_offer(const struct rekey_message *m, uint8_t *p)
{
	p[0] = (uint8_t)m->cause;
	p[1] = (uint8_t)m->source;
	if (m->source != REKEY_FROM_RATCHET) {
		memcpy(p + 2, m->key.block, 16);
		put_be32(p + 18, m->key.index);
		if (m->source == REKEY_FROM_HYBRID)
			memcpy(p + 2 + STORE_BYTES + SIDE, m->kem, MLKEM_KEY_BYTES);
		return 2 + STORE_BYTES + put_side(m, p + 2 + STORE_BYTES) +
		       (m->source == REKEY_FROM_HYBRID ? MLKEM_KEY_BYTES : 0);
	}
	put_be64(p + 2, m->ratchet_base);
	put_be32(p + 10, m->ratchet_step);
	return 2 + RATCHET_BYTES + put_side(m, p + 2 + RATCHET_BYTES);
}

static size_t put_accept(const struct rekey_message *m, uint8_t *p)
{
	put_side(m, p);
	if (m->kem == NULL)
		return SIDE;
	memcpy(p + SIDE, m->kem, MLKEM_CIPHERTEXT_BYTES);
	memcpy(p + SIDE + MLKEM_CIPHERTEXT_BYTES, m->confirm, REKEY_CONFIRM_BYTES);
	return SIDE + ACCEPT_HYBRID_BYTES;
}

static int get_cause(uint8_t byte, struct rekey_message *m)
{
	if (byte < REKEY_BY_PERIOD || byte > REKEY_BY_RETRY)
		return -EPROTO;
	m->cause = (enum rekey_cause)byte;
	return 0;
}

static int get_offer(const uint8_t *p, size_t len, bool hybrid, struct rekey_message *m)
{
	if (len < 2 || get_cause(p[0], m) < 0)
		return -EPROTO;
	m->source = (enum rekey_source)p[1];
	if (hybrid != (m->source == REKEY_FROM_HYBRID))
		return -EPROTO;
	if (hybrid) {
		if (len < 2 + STORE_BYTES + MLKEM_KEY_BYTES)
			return -EPROTO;
		len -= MLKEM_KEY_BYTES;
		m->kem = p + len;
	}
	if ((m->source == REKEY_FROM_STORE || hybrid) && len >= 2 + STORE_BYTES) {
		memcpy(m->key.block, p + 2, 16);
		m->key.index = get_be32(p + 18);
		return get_side(p + 2 + STORE_BYTES, len - 2 - STORE_BYTES, m);
	}
	if (m->source == REKEY_FROM_RATCHET && len >= 2 + RATCHET_BYTES) {
		m->ratchet_base = get_be64(p + 2);
		m->ratchet_step = get_be32(p + 10);
		if (m->ratchet_base == 0 || m->ratchet_step == 0)
			return -EPROTO;
		return get_side(p + 2 + RATCHET_BYTES, len - 2 - RATCHET_BYTES, m);
	}
	return -EPROTO;
}

static int get_accept(const uint8_t *p, size_t len, bool hybrid, struct rekey_message *m)
{
	if (!hybrid)
		return get_side(p, len, m);
	if (len != SIDE + ACCEPT_HYBRID_BYTES)
		return -EPROTO;
	m->kem = p + SIDE;
	memcpy(m->confirm, p + SIDE + MLKEM_CIPHERTEXT_BYTES, REKEY_CONFIRM_BYTES);
	return get_side(p, SIDE, m);
}

size_t rekey_encode(const struct rekey_message *m, uint8_t out[REKEY_MESSAGE_MAX])
{
	out[0] = m->kem == NULL ? REKEY_VERSION : REKEY_VERSION_HYBRID;
	out[1] = (uint8_t)m->type;
	put_be64(out + 2, m->generation);
	put_be64(out + 10, m->current);
	switch (m->type) {
	case REKEY_OFFER:
		return HEAD + put_offer(m, out + HEAD);
	case REKEY_ACCEPT:
		return HEAD + put_accept(m, out + HEAD);
	case REKEY_REJECT:
		out[HEAD] = (uint8_t)m->reason;
		return HEAD + 1;
	case REKEY_REQUEST:
		out[HEAD] = (uint8_t)m->cause;
		return HEAD + 1;
	case REKEY_CONFIRM:
	case REKEY_DONE:
		break;
	}
	return HEAD;
}

int rekey_decode(const uint8_t *msg, size_t len, struct rekey_message *m)
{
	bool hybrid = len > 0 && msg[0] == REKEY_VERSION_HYBRID;

	if (len < HEAD)
		return -EPROTO;
	*m = (struct rekey_message){.type = (enum rekey_type)msg[1],
	                            .generation = get_be64(msg + 2),
	                            .current = get_be64(msg + 10)};
	if (msg[0] != REKEY_VERSION && !hybrid)
		return -EPROTONOSUPPORT;
	if (hybrid && m->type != REKEY_OFFER && m->type != REKEY_ACCEPT)
		return -EPROTO;
	msg += HEAD;
	len -= HEAD;
	switch (m->type) {
	case REKEY_OFFER:
		return m->generation == 0 ? -EPROTO : get_offer(msg, len, hybrid, m);
	case REKEY_ACCEPT:
		return get_accept(msg, len, hybrid, m);
	case REKEY_CONFIRM:
	case REKEY_DONE:
		return len == 0 ? 0 : -EPROTO;
	case REKEY_REJECT:
		if (len != 1 || msg[0] < REKEY_KEY_UNKNOWN || msg[0] >= REKEY_REASONS)
			return -EPROTO;
		m->reason = (enum rekey_reason)msg[0];
		return 0;
	case REKEY_REQUEST:
		return len == 1 ? get_cause(msg[0], m) : -EPROTO;
	}
	return -EPROTO;
}
