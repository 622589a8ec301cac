/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_peer.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"

void kme_block_name(const uint8_t *ids, unsigned int n, uint8_t block[KME_BLOCK_BYTES])
{
	static const char label[16] = "foreign keys";
	uint8_t text[sizeof(label) + 32], hash[32];

	memcpy(text, label, sizeof(label));
	sha256(ids, (size_t)n * KME_ID_BYTES, text + sizeof(label));
	sha256(text, sizeof(text), hash);
	memcpy(block, hash, KME_BLOCK_BYTES);
}

size_t kme_peer_encode(const struct kme_peer_message *m, uint8_t out[KME_PEER_MAX])
{
	size_t n;

	out[0] = (uint8_t)m->type;
	if (m->type == KME_PEER_READY) {
		out[1] = m->version;
		out[2] = m->ready;
		put_be16(out + 3, m->most);
		return 5;
	}
	if (m->type == KME_PEER_OFFER) {
		put_be16(out + 1, m->number);
		memcpy(out + 3, m->ids, (size_t)m->number * KME_ID_BYTES);
		return 3 + (size_t)m->number * KME_ID_BYTES;
	}
	memcpy(out + 1, m->block, KME_BLOCK_BYTES);
	if (m->type == KME_PEER_HAVE) {
		memcpy(out + 17, m->mac, sizeof(m->mac));
		return 33;
	}
	if (m->type == KME_PEER_DROP)
		return 17;
	n = strnlen(m->text, KME_TEXT_MAX);
	out[17] = (uint8_t)m->fault;
	out[18] = (uint8_t)n;
	memcpy(out + 19, m->text, n);
	return 19 + n;
}

static int get_offer(const uint8_t *msg, size_t len, struct kme_peer_message *m)
{
	if (len < 3)
		return -EPROTO;
	m->number = get_be16(msg + 1);
	m->ids = msg + 3;
	if (m->number == 0 || m->number > KME_KEYS_MAX ||
	    len != 3 + (size_t)m->number * KME_ID_BYTES)
		return -EPROTO;
	for (unsigned int i = 0; i < m->number; i++)
		if (!kme_id_valid(m->ids + (size_t)i * KME_ID_BYTES))
			return -EPROTO;
	return 0;
}

static int get_refused(const uint8_t *msg, size_t len, struct kme_peer_message *m)
{
	if (len < 19 || len != 19U + msg[18] || msg[18] > KME_TEXT_MAX ||
	    msg[17] < KME_UNREACHABLE || msg[17] >= KME_FAULTS)
		return -EPROTO;
	m->fault = (enum kme_fault)msg[17];
	kme_text_copy(m->text, (const char *)msg + 19, msg[18]);
	return 0;
}

int kme_peer_decode(const uint8_t *msg, size_t len, struct kme_peer_message *m)
{
	*m = (struct kme_peer_message){0};
	if (len < 1)
		return -EPROTO;
	m->type = (enum kme_peer_type)msg[0];
	if (msg[0] == KME_PEER_OFFER)
		return get_offer(msg, len, m);
	if (msg[0] == KME_PEER_READY) {
		if (len != 5 || msg[2] > 1)
			return -EPROTO;
		m->version = msg[1];
		m->ready = msg[2];
		m->most = get_be16(msg + 3);
		return 0;
	}
	if (len < 17)
		return -EPROTO;
	memcpy(m->block, msg + 1, KME_BLOCK_BYTES);
	switch (msg[0]) {
	case KME_PEER_HAVE:
		if (len != 33)
			return -EPROTO;
		memcpy(m->mac, msg + 17, sizeof(m->mac));
		return 0;
	case KME_PEER_REFUSED:
		return get_refused(msg, len, m);
	case KME_PEER_DROP:
		return len == 17 ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}
