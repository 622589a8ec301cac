/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey_message.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

#define HEAD 9 /* type 1, generation 8 */

static size_t put_side(const struct rekey_message *m, uint8_t *p)
{
	memcpy(p, m->nonce, REKEY_NONCE_BYTES);
	p[REKEY_NONCE_BYTES] = (uint8_t)m->cores;
	for (unsigned int i = 0; i < m->cores; i++)
		put_be32(p + REKEY_NONCE_BYTES + 1 + 4 * i, m->spi[i]);
	return REKEY_NONCE_BYTES + 1 + 4 * m->cores;
}

static int get_side(const uint8_t *p, size_t len, struct rekey_message *m)
{
	if (len < REKEY_NONCE_BYTES + 1)
		return -EPROTO;
	memcpy(m->nonce, p, REKEY_NONCE_BYTES);
	m->cores = p[REKEY_NONCE_BYTES];
	if (m->cores == 0 || m->cores > TUNNEL_CORES_MAX ||
	    len != REKEY_NONCE_BYTES + 1 + 4 * m->cores)
		return -EPROTO;
	for (unsigned int i = 0; i < m->cores; i++) {
		m->spi[i] = get_be32(p + REKEY_NONCE_BYTES + 1 + 4 * i);
		/* SPIs below 256 are reserved (RFC 4303, 2.1); the low bits name the core. */
		if (m->spi[i] < 256 || m->spi[i] % TUNNEL_SUBS_MAX != i)
			return -EPROTO;
	}
	return 0;
}

size_t rekey_encode(const struct rekey_message *m, uint8_t out[REKEY_MESSAGE_MAX])
{
	out[0] = (uint8_t)m->type;
	put_be64(out + 1, m->generation);
	switch (m->type) {
	case REKEY_OFFER:
		memcpy(out + HEAD, m->key.block, 16);
		put_be32(out + HEAD + 16, m->key.index);
		return HEAD + 20 + put_side(m, out + HEAD + 20);
	case REKEY_ACCEPT:
		return HEAD + put_side(m, out + HEAD);
	case REKEY_REJECT:
		out[HEAD] = (uint8_t)m->reason;
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
	*m = (struct rekey_message){.type = (enum rekey_type)msg[0],
	                            .generation = get_be64(msg + 1)};
	msg += HEAD;
	len -= HEAD;
	switch (m->type) {
	case REKEY_OFFER:
		if (len < 20)
			return -EPROTO;
		memcpy(m->key.block, msg, 16);
		m->key.index = get_be32(msg + 16);
		return get_side(msg + 20, len - 20, m);
	case REKEY_ACCEPT:
		return get_side(msg, len, m);
	case REKEY_CONFIRM:
	case REKEY_DONE:
		return len == 0 ? 0 : -EPROTO;
	case REKEY_REJECT:
		if (len != 1 || msg[0] < REKEY_KEY_UNKNOWN || msg[0] > REKEY_CORES)
			return -EPROTO;
		m->reason = (enum rekey_reason)msg[0];
		return 0;
	}
	return -EPROTO;
}
