/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/grant_wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "control/kms/handover_wire.h"
#include "control/kms/peer_message.h"
#include "control/kms/sae_id.h"

#define HEAD 25

static bool text_valid(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= UINT8_MAX;
}

static uint8_t *put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text);

	*out = (uint8_t)len;
	memcpy(out + 1, text, len);
	return out + 1 + len;
}

uint8_t *grant_encode(const struct kms_grant *grant, struct grant_name name, size_t *len, int *rc)
{
	uint8_t *msg, *at;

	*rc = -EINVAL;
	if (grant->count == 0 || grant->count > KMS_GRANT_KEYS || grant->slave_count == 0 ||
	    grant->slave_count > KMS_GRANT_SLAVES || !text_valid(grant->master))
		return NULL;
	*len = HEAD + 1 + strlen(grant->master) + 1 + 2 + grant->count * KEY_UUID_BYTES;
	for (size_t i = 0; i < grant->slave_count; i++) {
		if (!text_valid(grant->slaves[i]))
			return NULL;
		*len += 1 + strlen(grant->slaves[i]);
	}
	*rc = -EMSGSIZE;
	if (*len > HANDOVER_PEER_MAX)
		return NULL;
	*rc = -ENOMEM;
	msg = malloc(*len);
	if (msg == NULL)
		return NULL;
	msg[0] = KMS_PEER_GRANT;
	put_be64(msg + 1, name.process);
	put_be64(msg + 9, name.number);
	put_be64(msg + 17, grant->expiry_wall_ns);
	at = put_text(msg + HEAD, grant->master);
	*at++ = (uint8_t)grant->slave_count;
	for (size_t i = 0; i < grant->slave_count; i++)
		at = put_text(at, grant->slaves[i]);
	put_be16(at, (uint16_t)grant->count);
	memcpy(at + 2, grant->ids, grant->count * KEY_UUID_BYTES);
	*rc = 0;
	return msg;
}

/* The byte behind the text at IN; NULL: it is empty, or ends at END or beyond. */
static const uint8_t *get_text(const uint8_t *in, const uint8_t *end, struct grant_text *out)
{
	if (in == NULL || in >= end || *in == 0 || *in >= end - in - 1)
		return NULL;
	out->len = *in;
	out->bytes = in + 1;
	return in + 1 + out->len;
}

int grant_decode(const uint8_t *msg, size_t len, struct grant_parts *out)
{
	const uint8_t *at, *end = msg + len;

	memset(out, 0, sizeof(*out));
	if (len < HEAD || msg[0] != KMS_PEER_GRANT)
		return -EPROTO;
	out->name.process = get_be64(msg + 1);
	out->name.number = get_be64(msg + 9);
	out->expiry_wall_ns = get_be64(msg + 17);
	at = get_text(msg + HEAD, end, &out->master);
	if (at == NULL || *at == 0 || *at > KMS_GRANT_SLAVES)
		return -EPROTO;
	out->slave_count = *at++;
	for (unsigned int i = 0; i < out->slave_count; i++)
		at = get_text(at, end, &out->slaves[i]);
	if (at == NULL || end - at < 2)
		return -EPROTO;
	out->count = get_be16(at);
	out->ids = at + 2;
	return out->count > 0 && out->count <= KMS_GRANT_KEYS &&
	                       (size_t)(end - out->ids) == out->count * KEY_UUID_BYTES
	               ? 0
	               : -EPROTO;
}

static void put_name(uint8_t *out, uint8_t kind, struct grant_name name)
{
	out[0] = kind;
	put_be64(out + 1, name.process);
	put_be64(out + 9, name.number);
}

static struct grant_name get_name(const uint8_t *in)
{
	return (struct grant_name){get_be64(in + 1), get_be64(in + 9)};
}

void grant_ack_encode(struct grant_name name, enum grant_verdict verdict,
                      uint8_t out[GRANT_ACK_BYTES])
{
	put_name(out, KMS_PEER_GRANT_ACK, name);
	out[17] = (uint8_t)verdict;
}

int grant_ack_decode(const uint8_t *msg, size_t len, struct grant_name *name,
                     enum grant_verdict *verdict)
{
	if (len != GRANT_ACK_BYTES || msg[0] != KMS_PEER_GRANT_ACK || msg[17] > GRANT_FAILED)
		return -EPROTO;
	*name = get_name(msg);
	*verdict = (enum grant_verdict)msg[17];
	return 0;
}

void grant_withdraw_encode(struct grant_name name, uint8_t out[GRANT_WITHDRAW_BYTES])
{
	put_name(out, KMS_PEER_WITHDRAW, name);
}

int grant_withdraw_decode(const uint8_t *msg, size_t len, struct grant_name *name)
{
	if (len != GRANT_WITHDRAW_BYTES || msg[0] != KMS_PEER_WITHDRAW)
		return -EPROTO;
	*name = get_name(msg);
	return 0;
}
