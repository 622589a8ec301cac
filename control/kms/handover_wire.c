/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/handover_wire.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"

#define HELLO_HEAD 38
#define LINK_HEAD  3
#define ACK_BYTES  27
#define ROOM_BYTES 33

static bool class_valid(unsigned int class)
{
	return class == KEY_UUID_FROM_A || class == KEY_UUID_FROM_B;
}

static bool place_valid(uint64_t position, unsigned int units)
{
	return units > 0 && units <= HANDOVER_UNITS_MAX && position < KEY_UUID_POSITIONS &&
	       KEY_UUID_POSITIONS - position >= units;
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* Bytes of TEXT on the wire, 0: cannot be said. */
static size_t text_bytes(const char *text)
{
	size_t len = strnlen(text, HANDOVER_TEXT_MAX + 1);

	return len <= HANDOVER_TEXT_MAX && printable(text, len) ? 1 + len : 0;
}

static uint8_t *put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text);

	*out = (uint8_t)len;
	memcpy(out + 1, text, len);
	return out + 1 + len;
}

/* The byte behind the text at IN, NULL: there is none, or it ends beyond END. */
static const uint8_t *get_text(const uint8_t *in, const uint8_t *end, char *text)
{
	size_t len;

	if (in == NULL || in == end)
		return NULL;
	len = *in++;
	if (len > HANDOVER_TEXT_MAX || len > (size_t)(end - in) ||
	    !printable((const char *)in, len))
		return NULL;
	memcpy(text, in, len);
	text[len] = '\0';
	return in + len;
}

/* Bytes of M on the wire; 0: a field is out of range. */
static size_t length_of(const struct handover_message *m)
{
	size_t name, protocol;

	switch (m->type) {
	case HANDOVER_HELLO:
		name = text_bytes(m->hello.name);
		protocol = text_bytes(m->hello.protocol);
		return (m->hello.site == 'A' || m->hello.site == 'B') && name > 0 && protocol > 0
		               ? HELLO_HEAD + name + protocol
		               : 0;
	case HANDOVER_SEGMENT:
		return class_valid(m->segment.class) && m->segment.route <= KEY_UUID_ROUTE &&
		                       place_valid(m->segment.position, m->segment.units)
		               ? HANDOVER_SEGMENT_HEAD + (size_t)m->segment.units * KEY_UUID_UNIT
		               : 0;
	case HANDOVER_PEER:
	case HANDOVER_KMS_PEER:
		return m->peer.len > 0 && m->peer.len <= HANDOVER_PEER_MAX ? 1 + m->peer.len : 0;
	case HANDOVER_LINK:
		name = text_bytes(m->link.state);
		return name > 0 ? LINK_HEAD + name : 0;
	case HANDOVER_KMS_HELLO:
		return 3;
	case HANDOVER_ACK:
		return class_valid(m->ack.class) && m->ack.position < KEY_UUID_POSITIONS &&
		                       m->ack.verdict <= HANDOVER_REFUSED
		               ? ACK_BYTES
		               : 0;
	case HANDOVER_ROOM:
		return m->room.next_a <= KEY_UUID_POSITIONS && m->room.next_b <= KEY_UUID_POSITIONS
		               ? ROOM_BYTES
		               : 0;
	}
	return 0;
}

static void encode_segment(const struct handover_message *m, uint8_t *out)
{
	memcpy(out + 1, m->segment.block, 16);
	out[17] = (uint8_t)m->segment.class;
	out[18] = m->segment.route;
	out[19] = m->segment.simulated;
	put_be64(out + 20, m->segment.position);
	put_be16(out + 28, m->segment.units);
	put_be64(out + 30, m->segment.time_wall_ns);
	memcpy(out + 38, m->segment.hash, 32);
	memcpy(out + HANDOVER_SEGMENT_HEAD, m->segment.bytes,
	       (size_t)m->segment.units * KEY_UUID_UNIT);
}

int handover_encode(const struct handover_message *m, uint8_t *out, size_t cap)
{
	size_t len = length_of(m);

	if (len == 0)
		return -EINVAL;
	if (len > cap)
		return -ENOBUFS;
	out[0] = (uint8_t)m->type;
	switch (m->type) {
	case HANDOVER_HELLO:
		put_be16(out + 1, HANDOVER_VERSION);
		out[3] = (uint8_t)m->hello.site;
		out[4] = m->hello.link;
		out[5] = m->hello.simulated;
		memcpy(out + 6, m->hello.secret, HANDOVER_SECRET_BYTES);
		put_text(put_text(out + HELLO_HEAD, m->hello.name), m->hello.protocol);
		break;
	case HANDOVER_SEGMENT:
		encode_segment(m, out);
		break;
	case HANDOVER_PEER:
	case HANDOVER_KMS_PEER:
		memcpy(out + 1, m->peer.bytes, m->peer.len);
		break;
	case HANDOVER_LINK:
		out[1] = m->link.up;
		out[2] = m->link.making;
		put_text(out + LINK_HEAD, m->link.state);
		break;
	case HANDOVER_KMS_HELLO:
		put_be16(out + 1, HANDOVER_VERSION);
		break;
	case HANDOVER_ACK:
		memcpy(out + 1, m->ack.block, 16);
		out[17] = (uint8_t)m->ack.class;
		put_be64(out + 18, m->ack.position);
		out[26] = (uint8_t)m->ack.verdict;
		break;
	case HANDOVER_ROOM:
		put_be64(out + 1, m->room.from_a);
		put_be64(out + 9, m->room.from_b);
		put_be64(out + 17, m->room.next_a);
		put_be64(out + 25, m->room.next_b);
		break;
	}
	return (int)len;
}

static int decode_hello(const uint8_t *in, size_t len, struct handover_message *m)
{
	const uint8_t *at, *end = in + len;

	if (get_be16(in + 1) != HANDOVER_VERSION)
		return -EPROTONOSUPPORT;
	if (len < HELLO_HEAD || (in[3] != 'A' && in[3] != 'B') || in[5] > 1)
		return -EPROTO;
	m->hello.site = (char)in[3];
	m->hello.link = in[4];
	m->hello.simulated = in[5] == 1;
	memcpy(m->hello.secret, in + 6, HANDOVER_SECRET_BYTES);
	at = get_text(in + HELLO_HEAD, end, m->hello.name);
	at = get_text(at, end, m->hello.protocol);
	return at == end ? 0 : -EPROTO;
}

static int decode_segment(const uint8_t *in, size_t len, struct handover_message *m)
{
	if (len < HANDOVER_SEGMENT_HEAD || !class_valid(in[17]) || in[18] > KEY_UUID_ROUTE ||
	    in[19] > 1)
		return -EPROTO;
	memcpy(m->segment.block, in + 1, 16);
	m->segment.class = (enum key_uuid_class)in[17];
	m->segment.route = in[18];
	m->segment.simulated = in[19] == 1;
	m->segment.position = get_be64(in + 20);
	m->segment.units = get_be16(in + 28);
	m->segment.time_wall_ns = get_be64(in + 30);
	memcpy(m->segment.hash, in + 38, 32);
	m->segment.bytes = in + HANDOVER_SEGMENT_HEAD;
	return place_valid(m->segment.position, m->segment.units) &&
	                       len == HANDOVER_SEGMENT_HEAD +
	                                       (size_t)m->segment.units * KEY_UUID_UNIT
	               ? 0
	               : -EPROTO;
}

static int decode_link(const uint8_t *in, size_t len, struct handover_message *m)
{
	if (len < LINK_HEAD || in[1] > 1 || in[2] > 1)
		return -EPROTO;
	m->link.up = in[1] == 1;
	m->link.making = in[2] == 1;
	return get_text(in + LINK_HEAD, in + len, m->link.state) == in + len ? 0 : -EPROTO;
}

static int decode_ack(const uint8_t *in, size_t len, struct handover_message *m)
{
	if (len != ACK_BYTES || !class_valid(in[17]) || in[26] > HANDOVER_REFUSED)
		return -EPROTO;
	memcpy(m->ack.block, in + 1, 16);
	m->ack.class = (enum key_uuid_class)in[17];
	m->ack.position = get_be64(in + 18);
	m->ack.verdict = (enum handover_verdict)in[26];
	return m->ack.position < KEY_UUID_POSITIONS ? 0 : -EPROTO;
}

static int decode_fields(const uint8_t *in, size_t len, struct handover_message *m)
{
	switch (m->type) {
	case HANDOVER_HELLO:
		return len < 3 ? -EPROTO : decode_hello(in, len, m);
	case HANDOVER_SEGMENT:
		return decode_segment(in, len, m);
	case HANDOVER_PEER:
	case HANDOVER_KMS_PEER:
		m->peer.bytes = in + 1;
		m->peer.len = len - 1;
		return m->peer.len > 0 && m->peer.len <= HANDOVER_PEER_MAX ? 0 : -EPROTO;
	case HANDOVER_LINK:
		return decode_link(in, len, m);
	case HANDOVER_KMS_HELLO:
		if (len < 3)
			return -EPROTO;
		if (get_be16(in + 1) != HANDOVER_VERSION)
			return -EPROTONOSUPPORT;
		return len == 3 ? 0 : -EPROTO;
	case HANDOVER_ACK:
		return decode_ack(in, len, m);
	case HANDOVER_ROOM:
		if (len != ROOM_BYTES)
			return -EPROTO;
		m->room.from_a = get_be64(in + 1);
		m->room.from_b = get_be64(in + 9);
		m->room.next_a = get_be64(in + 17);
		m->room.next_b = get_be64(in + 25);
		return m->room.next_a <= KEY_UUID_POSITIONS && m->room.next_b <= KEY_UUID_POSITIONS
		               ? 0
		               : -EPROTO;
	}
	return -EPROTO;
}

int handover_decode(const uint8_t *packet, size_t len, bool from_gateway,
                    struct handover_message *m)
{
	int rc;

	memset(m, 0, sizeof(*m));
	if (len == 0 || (packet[0] < HANDOVER_KMS_HELLO) != from_gateway)
		return -EPROTO;
	m->type = (enum handover_type)packet[0];
	rc = decode_fields(packet, len, m);
	if (rc < 0)
		secret_wipe(m, sizeof(*m));
	return rc;
}
