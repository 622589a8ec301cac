/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey_message.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define HEAD          18 /* version 1, type 1, generation 8, current 8: the same in all versions */
#define SIDE          (REKEY_NONCE_BYTES + 1 + 4)
#define STORE_BYTES   20
#define RATCHET_BYTES 12

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
	if (m->source == REKEY_FROM_STORE) {
		memcpy(p + 2, m->key.block, 16);
		put_be32(p + 18, m->key.index);
		return 2 + STORE_BYTES + put_side(m, p + 2 + STORE_BYTES);
	}
	put_be64(p + 2, m->ratchet_base);
	put_be32(p + 10, m->ratchet_step);
	return 2 + RATCHET_BYTES + put_side(m, p + 2 + RATCHET_BYTES);
}

static int get_cause(uint8_t byte, struct rekey_message *m)
{
	if (byte < REKEY_BY_PERIOD || byte > REKEY_BY_RETRY)
		return -EPROTO;
	m->cause = (enum rekey_cause)byte;
	return 0;
}

static int get_offer(const uint8_t *p, size_t len, struct rekey_message *m)
{
	if (len < 2 || get_cause(p[0], m) < 0)
		return -EPROTO;
	m->source = (enum rekey_source)p[1];
	if (m->source == REKEY_FROM_STORE && len >= 2 + STORE_BYTES) {
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

size_t rekey_encode(const struct rekey_message *m, uint8_t out[REKEY_MESSAGE_MAX])
{
	out[0] = REKEY_VERSION;
	out[1] = (uint8_t)m->type;
	put_be64(out + 2, m->generation);
	put_be64(out + 10, m->current);
	switch (m->type) {
	case REKEY_OFFER:
		return HEAD + put_offer(m, out + HEAD);
	case REKEY_ACCEPT:
		return HEAD + put_side(m, out + HEAD);
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
	if (len < HEAD)
		return -EPROTO;
	*m = (struct rekey_message){.type = (enum rekey_type)msg[1],
	                            .generation = get_be64(msg + 2),
	                            .current = get_be64(msg + 10)};
	if (msg[0] != REKEY_VERSION)
		return -EPROTONOSUPPORT;
	msg += HEAD;
	len -= HEAD;
	switch (m->type) {
	case REKEY_OFFER:
		return m->generation == 0 ? -EPROTO : get_offer(msg, len, m);
	case REKEY_ACCEPT:
		return get_side(msg, len, m);
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
