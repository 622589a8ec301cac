/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_wire.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

_Static_assert(WIRE_ACK_WORDS_BESIDE >= 4, "an acknowledgement must fit beside a segment");

int wire_parse(const uint8_t *data, size_t len, struct wire_datagram *out)
{
	const uint8_t *body;
	size_t body_len;

	if (len < WIRE_HELLO_HEAD + WIRE_TAG_BYTES || len > CHANNEL_DATAGRAM_MAX ||
	    data[1] != WIRE_VERSION)
		return -EPROTO;
	*out = (struct wire_datagram){.type = data[0],
	                              .tag = data + len - WIRE_TAG_BYTES,
	                              .tagged_len = len - WIRE_TAG_BYTES};
	body = data + WIRE_HELLO_HEAD;
	body_len = len - WIRE_HELLO_HEAD - WIRE_TAG_BYTES;
	switch (data[0]) {
	case WIRE_INIT:
		out->iv = data + 2;
		out->nonce_a = body;
		return body_len == WIRE_NONCE_BYTES ? 0 : -EPROTO;
	case WIRE_RESP:
	case WIRE_CONFIRM:
		out->iv = data + 2;
		out->nonce_a = body;
		out->nonce_b = body + WIRE_NONCE_BYTES;
		return body_len == 2 * WIRE_NONCE_BYTES ? 0 : -EPROTO;
	case WIRE_HINT:
		out->iv = data + 2;
		out->session = body;
		return body_len == WIRE_SESSION_BYTES ? 0 : -EPROTO;
	case WIRE_DATA:
		if (len < WIRE_DATA_HEAD + WIRE_TAG_BYTES)
			return -EPROTO;
		out->session = data + 2;
		out->number = get_be64(data + 2 + WIRE_SESSION_BYTES);
		out->frames = data + WIRE_DATA_HEAD;
		out->frames_end = out->tag;
		return 0;
	default:
		return -EPROTO;
	}
}

static int parse_ack(const uint8_t *p, size_t left, struct wire_ack *ack)
{
	if (left < WIRE_ACK_HEAD)
		return -EPROTO;
	ack->largest = get_be64(p + 1);
	ack->delay_us = get_be32(p + 9);
	for (int i = 0; i < CHANNEL_STREAMS; i++)
		ack->limit[i] = get_be64(p + 13 + 8 * i);
	ack->words = p[WIRE_ACK_HEAD - 1];
	if (ack->words > WIRE_ACK_WORDS_MAX || left < WIRE_ACK_HEAD + 8 * ack->words)
		return -EPROTO;
	for (unsigned int i = 0; i < ack->words; i++)
		ack->word[i] = get_be64(p + WIRE_ACK_HEAD + 8 * i);
	return WIRE_ACK_HEAD + 8 * (int)ack->words;
}

static int parse_segment(const uint8_t *p, size_t left, struct wire_segment *s)
{
	if (left < WIRE_STREAM_HEAD)
		return -EPROTO;
	s->flags = p[1];
	s->stream = p[2];
	s->seq = get_be64(p + 3);
	s->len = get_be16(p + 11);
	s->data = p + WIRE_STREAM_HEAD;
	if (s->flags > (WIRE_SEGMENT_FIRST | WIRE_SEGMENT_LAST) || p[2] >= CHANNEL_STREAMS ||
	    s->len > WIRE_SEGMENT_BYTES || left < (size_t)WIRE_STREAM_HEAD + s->len)
		return -EPROTO;
	/* What a message may be cut into is bounded, and so what the receiver keeps of it. */
	if (!(s->flags & WIRE_SEGMENT_LAST) && s->len < WIRE_SEGMENT_LEAST)
		return -EPROTO;
	return WIRE_STREAM_HEAD + s->len;
}

int wire_frame_next(const uint8_t **pos, const uint8_t *end, struct wire_frame *out)
{
	size_t left = (size_t)(end - *pos);
	int used;

	if (left == 0)
		return 0;
	out->type = (*pos)[0];
	switch ((*pos)[0]) {
	case WIRE_FRAME_PAD:
		for (used = 1; (size_t)used < left && (*pos)[used] == WIRE_FRAME_PAD;)
			used++;
		break;
	case WIRE_FRAME_PING:
		used = 1;
		break;
	case WIRE_FRAME_ACK:
		used = parse_ack(*pos, left, &out->ack);
		break;
	case WIRE_FRAME_STREAM:
		used = parse_segment(*pos, left, &out->segment);
		break;
	default:
		return -EPROTO;
	}
	if (used < 0)
		return used;
	*pos += used;
	return 1;
}

size_t wire_put_hello(uint8_t *out, enum wire_type type, const uint8_t iv[WIRE_IV_BYTES],
                      const uint8_t *body, size_t body_len)
{
	out[0] = (uint8_t)type;
	out[1] = WIRE_VERSION;
	memcpy(out + 2, iv, WIRE_IV_BYTES);
	memcpy(out + WIRE_HELLO_HEAD, body, body_len);
	return WIRE_HELLO_HEAD + body_len;
}

size_t wire_put_data_head(uint8_t *out, const uint8_t *session, uint64_t number)
{
	out[0] = WIRE_DATA;
	out[1] = WIRE_VERSION;
	memcpy(out + 2, session, WIRE_SESSION_BYTES);
	put_be64(out + 2 + WIRE_SESSION_BYTES, number);
	return WIRE_DATA_HEAD;
}

size_t wire_put_ack(uint8_t *out, const struct wire_ack *ack)
{
	out[0] = WIRE_FRAME_ACK;
	put_be64(out + 1, ack->largest);
	put_be32(out + 9, ack->delay_us);
	for (int i = 0; i < CHANNEL_STREAMS; i++)
		put_be64(out + 13 + 8 * i, ack->limit[i]);
	out[WIRE_ACK_HEAD - 1] = (uint8_t)ack->words;
	for (unsigned int i = 0; i < ack->words; i++)
		put_be64(out + WIRE_ACK_HEAD + 8 * i, ack->word[i]);
	return WIRE_ACK_HEAD + 8 * ack->words;
}

size_t wire_put_segment_head(uint8_t *out, const struct wire_segment *segment)
{
	out[0] = WIRE_FRAME_STREAM;
	out[1] = segment->flags;
	out[2] = (uint8_t)segment->stream;
	put_be64(out + 3, segment->seq);
	put_be16(out + 11, segment->len);
	return WIRE_STREAM_HEAD;
}
