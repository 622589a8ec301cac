/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/messages.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#define PPB 1000000000u

/* Bytes of a message without its payload; 0: not ours. */
static const uint8_t fixed_bytes[MESSAGE_TYPES] = {
        [MESSAGE_SYNC_REQUEST] = 5,
        [MESSAGE_MODE] = 22,
        [MESSAGE_ALIGNED] = 5,
        [MESSAGE_START] = 48,
        [MESSAGE_ASK] = MESSAGE_HEADER,
        [MESSAGE_ANSWER] = MESSAGE_HEADER,
        [MESSAGE_CORRECTED] = 25,
        [MESSAGE_CHECK] = 25,
        [MESSAGE_FAILED] = MESSAGE_HEADER,
        [MESSAGE_REVEAL] = 17,
        [MESSAGE_VERIFY] = 41,
        [MESSAGE_COUNTS] = 25,
        [MESSAGE_SEED] = 13,
        [MESSAGE_TAG] = MESSAGE_TAG_COVERED + 16,
        [MESSAGE_COMMIT] = MESSAGE_HEADER,
        [MESSAGE_ABORT] = 10,
        [MESSAGE_BASES] = 13,
        [MESSAGE_SIFTED] = 13,
};

int message_type(const uint8_t *msg, size_t len)
{
	if (len == 0 || msg[0] == 0 || msg[0] >= MESSAGE_TYPES)
		return -EPROTO;
	return msg[0];
}

/* What follows the fixed fields; NULL: nothing may. */
static const uint8_t *payload_of(const struct message *m, size_t *len)
{
	switch (m->type) {
	case MESSAGE_ASK:
	case MESSAGE_ANSWER:
	case MESSAGE_FAILED:
		*len = m->payload.len;
		return m->payload.data;
	case MESSAGE_CHECK:
		*len = m->check.len;
		return m->check.tags;
	case MESSAGE_REVEAL:
		*len = m->reveal.len;
		return m->reveal.data;
	case MESSAGE_SEED:
		*len = m->seed.len;
		return m->seed.data;
	case MESSAGE_BASES:
	case MESSAGE_SIFTED:
		*len = m->sift.len;
		return m->sift.data;
	default:
		*len = 0;
		return NULL;
	}
}

static bool has_payload(int type)
{
	return type == MESSAGE_ASK || type == MESSAGE_ANSWER || type == MESSAGE_FAILED ||
	       type == MESSAGE_CHECK || type == MESSAGE_REVEAL || type == MESSAGE_SEED ||
	       type == MESSAGE_BASES || type == MESSAGE_SIFTED;
}

static void encode_start(const struct message *m, uint8_t *out)
{
	put_be32(out + 9, m->start.bits);
	put_be32(out + 13, m->start.frame_bits);
	put_be32(out + 17, m->start.qber_ppb);
	put_be64(out + 21, m->start.seed);
	out[29] = m->start.method;
	out[30] = m->start.mode;
	out[31] = m->start.reason;
	put_be32(out + 32, m->start.errors[0]);
	put_be32(out + 36, m->start.errors[1]);
	put_be32(out + 40, m->start.budget);
	put_be32(out + 44, m->start.secret_bits);
}

int message_encode(const struct message *m, uint8_t *out, size_t cap)
{
	size_t fixed = m->type < MESSAGE_TYPES ? fixed_bytes[m->type] : 0;
	size_t len;
	const uint8_t *data = payload_of(m, &len);

	if (fixed == 0 || fixed > cap || len > cap - fixed)
		return -ENOBUFS;
	out[0] = (uint8_t)m->type;
	if (m->type >= MESSAGE_START)
		put_be64(out + 1, m->block);
	switch (m->type) {
	case MESSAGE_SYNC_REQUEST:
	case MESSAGE_ALIGNED:
		put_be32(out + 1, m->attempt);
		break;
	case MESSAGE_MODE:
		put_be32(out + 1, m->mode.attempt);
		out[5] = m->mode.mode;
		put_be64(out + 6, m->mode.from_slot);
		put_be64(out + 14, m->mode.slot_now);
		break;
	case MESSAGE_START:
		encode_start(m, out);
		break;
	case MESSAGE_CORRECTED:
		put_be64(out + 9, m->corrected.alice);
		put_be64(out + 17, m->corrected.bob);
		break;
	case MESSAGE_CHECK:
		memcpy(out + 9, m->check.key, 16);
		break;
	case MESSAGE_REVEAL:
		put_be32(out + 9, m->reveal.frame);
		put_be32(out + 13, m->reveal.offset);
		break;
	case MESSAGE_VERIFY:
		memcpy(out + 9, m->verify.key, 16);
		memcpy(out + 25, m->verify.tag, 16);
		break;
	case MESSAGE_COUNTS:
		put_be64(out + 9, m->counts.m_z[0]);
		put_be64(out + 17, m->counts.m_z[1]);
		break;
	case MESSAGE_SEED:
		put_be32(out + 9, m->seed.offset);
		break;
	case MESSAGE_TAG:
		put_be64(out + 9, m->tag.pad);
		put_be64(out + 17, m->tag.pad_base);
		out[25] = m->tag.pad_keys;
		out[26] = m->tag.hash_keys;
		put_be64(out + 27, m->tag.position);
		put_be32(out + 35, m->tag.units[0]);
		put_be32(out + 39, m->tag.units[1]);
		memcpy(out + MESSAGE_TAG_COVERED, m->tag.tag, 16);
		break;
	case MESSAGE_ABORT:
		out[9] = m->reason;
		break;
	case MESSAGE_BASES:
	case MESSAGE_SIFTED:
		put_be32(out + 9, m->sift.offset);
		break;
	default:
		break;
	}
	if (len > 0)
		memcpy(out + fixed, data, len);
	return (int)(fixed + len);
}

static int decode_start(const uint8_t *in, struct message *m)
{
	m->start.bits = get_be32(in + 9);
	m->start.frame_bits = get_be32(in + 13);
	m->start.qber_ppb = get_be32(in + 17);
	m->start.seed = get_be64(in + 21);
	m->start.method = in[29];
	m->start.mode = in[30];
	m->start.reason = in[31];
	m->start.errors[0] = get_be32(in + 32);
	m->start.errors[1] = get_be32(in + 36);
	m->start.budget = get_be32(in + 40);
	m->start.secret_bits = get_be32(in + 44);
	return m->start.qber_ppb > PPB / 2 ? -EPROTO : 0;
}

static int decode_fields(const uint8_t *in, size_t len, struct message *m)
{
	switch (m->type) {
	case MESSAGE_SYNC_REQUEST:
	case MESSAGE_ALIGNED:
		m->attempt = get_be32(in + 1);
		return 0;
	case MESSAGE_MODE:
		m->mode.attempt = get_be32(in + 1);
		m->mode.mode = in[5];
		m->mode.from_slot = get_be64(in + 6);
		m->mode.slot_now = get_be64(in + 14);
		return 0;
	case MESSAGE_START:
		return decode_start(in, m);
	case MESSAGE_ASK:
	case MESSAGE_ANSWER:
	case MESSAGE_FAILED:
		m->payload.data = in + MESSAGE_HEADER;
		m->payload.len = len - MESSAGE_HEADER;
		return m->payload.len == 0 ? -EPROTO : 0;
	case MESSAGE_CORRECTED:
		m->corrected.alice = get_be64(in + 9);
		m->corrected.bob = get_be64(in + 17);
		return 0;
	case MESSAGE_CHECK:
		memcpy(m->check.key, in + 9, 16);
		m->check.tags = in + 25;
		m->check.len = len - 25;
		return m->check.len == 0 ? -EPROTO : 0;
	case MESSAGE_REVEAL:
		m->reveal.frame = get_be32(in + 9);
		m->reveal.offset = get_be32(in + 13);
		m->reveal.data = in + 17;
		m->reveal.len = len - 17;
		return m->reveal.len == 0 || m->reveal.len > MESSAGE_SEED_MAX ? -EPROTO : 0;
	case MESSAGE_VERIFY:
		memcpy(m->verify.key, in + 9, 16);
		memcpy(m->verify.tag, in + 25, 16);
		return 0;
	case MESSAGE_COUNTS:
		m->counts.m_z[0] = get_be64(in + 9);
		m->counts.m_z[1] = get_be64(in + 17);
		return 0;
	case MESSAGE_SEED:
		m->seed.offset = get_be32(in + 9);
		m->seed.data = in + 13;
		m->seed.len = len - 13;
		return m->seed.len == 0 || m->seed.len > MESSAGE_SEED_MAX ? -EPROTO : 0;
	case MESSAGE_TAG:
		m->tag.pad = get_be64(in + 9);
		m->tag.pad_base = get_be64(in + 17);
		m->tag.pad_keys = in[25];
		m->tag.hash_keys = in[26];
		m->tag.position = get_be64(in + 27);
		m->tag.units[0] = get_be32(in + 35);
		m->tag.units[1] = get_be32(in + 39);
		memcpy(m->tag.tag, in + MESSAGE_TAG_COVERED, 16);
		return m->tag.pad_keys % 2 != 0 || m->tag.hash_keys > 1 ? -EPROTO : 0;
	case MESSAGE_ABORT:
		m->reason = in[9];
		return m->reason == 0 || m->reason >= ABORT_REASONS ? -EPROTO : 0;
	case MESSAGE_BASES:
	case MESSAGE_SIFTED:
		m->sift.offset = get_be32(in + 9);
		m->sift.data = in + 13;
		m->sift.len = len - 13;
		return m->sift.len == 0 ? -EPROTO : 0;
	default:
		return 0;
	}
}

int message_decode(const uint8_t *msg, size_t len, struct message *m)
{
	int type = message_type(msg, len);
	size_t fixed;

	if (type < 0)
		return type;
	fixed = fixed_bytes[type];
	if (fixed == 0 || len < fixed)
		return -EPROTO;
	if (len > fixed && !has_payload(type))
		return -EPROTO;
	memset(m, 0, sizeof(*m));
	m->type = (enum message_type)type;
	if (type >= MESSAGE_START)
		m->block = get_be64(msg + 1);
	return decode_fields(msg, len, m);
}
