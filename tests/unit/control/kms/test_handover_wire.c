/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/handover_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static uint8_t packet[HANDOVER_PACKET_MAX + 1], again[HANDOVER_PACKET_MAX + 1];
static uint8_t bytes[HANDOVER_UNITS_MAX * KEY_UUID_UNIT];

static bool of_gateway(const struct handover_message *m)
{
	return m->type < HANDOVER_KMS_HELLO;
}

/* One of each type, with fields of every range. */
static struct handover_message some(enum handover_type type)
{
	struct handover_message m = {.type = type};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)dice(256);
	switch (type) {
	case HANDOVER_HELLO:
		m.hello.site = dice(2) ? 'A' : 'B';
		m.hello.link = (uint8_t)dice(256);
		m.hello.simulated = dice(2);
		memcpy(m.hello.secret, bytes, HANDOVER_SECRET_BYTES);
		memset(m.hello.name, 'x', dice(HANDOVER_TEXT_MAX + 1));
		memset(m.hello.protocol, '~', dice(HANDOVER_TEXT_MAX + 1));
		break;
	case HANDOVER_SEGMENT:
		memcpy(m.segment.block, bytes, 16);
		m.segment.class = KEY_UUID_FROM_A + dice(2);
		m.segment.route = (uint8_t)dice(KEY_UUID_ROUTE + 1);
		m.segment.simulated = dice(2);
		m.segment.units = (uint16_t)(1 + dice(HANDOVER_UNITS_MAX));
		m.segment.position = KEY_UUID_POSITIONS - m.segment.units - dice(100);
		m.segment.time_wall_ns = UINT64_C(1800000000123456789);
		memcpy(m.segment.hash, bytes + 100, 32);
		m.segment.bytes = bytes;
		break;
	case HANDOVER_PEER:
	case HANDOVER_KMS_PEER:
		m.peer.bytes = bytes;
		m.peer.len = 1 + dice(HANDOVER_PEER_MAX);
		break;
	case HANDOVER_LINK:
		m.link.up = dice(2);
		m.link.making = dice(2);
		strcpy(m.link.state, "no key: qber-z");
		break;
	case HANDOVER_KMS_HELLO:
		break;
	case HANDOVER_ACK:
		memcpy(m.ack.block, bytes, 16);
		m.ack.class = KEY_UUID_FROM_A + dice(2);
		m.ack.position = KEY_UUID_POSITIONS - 1 - dice(100);
		m.ack.verdict = dice(2) ? HANDOVER_STORED : HANDOVER_REFUSED;
		break;
	case HANDOVER_ROOM:
		m.room.from_a = UINT64_MAX - dice(100);
		m.room.from_b = dice(100);
		m.room.next_a = KEY_UUID_POSITIONS - dice(100);
		m.room.next_b = dice(100);
		break;
	}
	return m;
}

static const enum handover_type types[] = {HANDOVER_HELLO,    HANDOVER_SEGMENT,   HANDOVER_PEER,
                                           HANDOVER_LINK,     HANDOVER_KMS_HELLO, HANDOVER_ACK,
                                           HANDOVER_KMS_PEER, HANDOVER_ROOM};

/* What was said is understood, and said again it is the same. */
static void test_there_and_back(void)
{
	for (unsigned int i = 0; i < 800; i++) {
		struct handover_message m = some(types[i % 8]), got;
		int len = handover_encode(&m, packet, sizeof(packet));

		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(packet[0], m.type);
		CU_ASSERT_EQUAL(handover_encode(&m, again, (size_t)len), len);
		CU_ASSERT_EQUAL(handover_encode(&m, again, (size_t)len - 1), -ENOBUFS);
		CU_ASSERT_EQUAL(handover_decode(packet, (size_t)len, of_gateway(&m), &got), 0);
		CU_ASSERT_EQUAL(handover_encode(&got, again, sizeof(again)), len);
		CU_ASSERT_EQUAL(memcmp(packet, again, (size_t)len), 0);
		/* Not of the other end. */
		CU_ASSERT_EQUAL(handover_decode(packet, (size_t)len, !of_gateway(&m), &got),
		                -EPROTO);
	}
}

/* To the byte as the header has it: another implementation reads it. */
static void test_layout(void)
{
	static const uint8_t segment[] = "\x02"
	                                 "0123456789abcdef"
	                                 "\x03\x00\x01"
	                                 "\0\0\x01\x02\x03\x04\x05\x06"
	                                 "\0\x01"
	                                 "\x11\x12\x13\x14\x15\x16\x17\x18"
	                                 "HASHHASHHASHHASHHASHHASHHASHHASH"
	                                 "key byte";
	static const uint8_t hello[] = "\x01\0\x01"
	                               "B\x07\x01"
	                               "secret..secret..secret..secret.."
	                               "\x02"
	                               "ab"
	                               "\x04"
	                               "BB84";
	struct handover_message m;

	CU_ASSERT_EQUAL(handover_decode(segment, sizeof(segment) - 1, true, &m), 0);
	CU_ASSERT_EQUAL(memcmp(m.segment.block, "0123456789abcdef", 16), 0);
	CU_ASSERT_EQUAL(m.segment.class, KEY_UUID_FROM_B);
	CU_ASSERT_EQUAL(m.segment.route, 0);
	CU_ASSERT_TRUE(m.segment.simulated);
	CU_ASSERT_EQUAL(m.segment.position, 0x010203040506);
	CU_ASSERT_EQUAL(m.segment.units, 1);
	CU_ASSERT_EQUAL(m.segment.time_wall_ns, 0x1112131415161718);
	CU_ASSERT_EQUAL(memcmp(m.segment.hash, "HASHHASH", 8), 0);
	CU_ASSERT_PTR_EQUAL(m.segment.bytes, segment + HANDOVER_SEGMENT_HEAD);
	CU_ASSERT_EQUAL(handover_decode(hello, sizeof(hello) - 1, true, &m), 0);
	CU_ASSERT_EQUAL(m.hello.site, 'B');
	CU_ASSERT_EQUAL(m.hello.link, 7);
	CU_ASSERT_STRING_EQUAL(m.hello.name, "ab");
	CU_ASSERT_STRING_EQUAL(m.hello.protocol, "BB84");
	CU_ASSERT_EQUAL(handover_decode((const uint8_t *)"\x10\0\x01", 3, false, &m), 0);
}

/* Each packet that is cut, or has a byte more, is refused, and leaves nothing behind. */
static void test_lengths(void)
{
	static const struct handover_message none;
	struct handover_message got;

	for (unsigned int i = 0; i < 8; i++) {
		struct handover_message m = some(types[i]);
		bool peer = m.type == HANDOVER_PEER || m.type == HANDOVER_KMS_PEER;
		int len;

		if (peer)
			m.peer.len = HANDOVER_PEER_MAX;
		len = handover_encode(&m, packet, sizeof(packet));
		for (int n = 0; n <= len + 1; n++) {
			if (n == len || (peer && n > 1 && n < len))
				continue;
			CU_ASSERT_EQUAL(handover_decode(packet, (size_t)n, of_gateway(&m), &got),
			                -EPROTO);
			CU_ASSERT_EQUAL(memcmp(&got, &none, sizeof(none)), 0);
		}
	}
}

static int decode_with(const struct handover_message *m, size_t at, uint8_t byte)
{
	struct handover_message got;
	int len = handover_encode(m, packet, sizeof(packet));

	packet[at] = byte;
	return handover_decode(packet, (size_t)len, of_gateway(m), &got);
}

static void test_ranges(void)
{
	struct handover_message hello = some(HANDOVER_HELLO), segment = some(HANDOVER_SEGMENT),
	                        link = some(HANDOVER_LINK), ack = some(HANDOVER_ACK),
	                        kms = some(HANDOVER_KMS_HELLO), room = some(HANDOVER_ROOM), bad;

	strcpy(hello.hello.name, "link");
	CU_ASSERT_EQUAL(decode_with(&hello, 2, 2), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(decode_with(&hello, 3, 'C'), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&hello, 5, 2), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&hello, 39, '\0'), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&hello, 38, 128), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&kms, 2, 2), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(decode_with(&segment, 17, 1), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&segment, 17, 4), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&segment, 18, 16), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&segment, 19, 2), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&segment, 20, 1), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&link, 1, 2), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&link, 2, 2), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&link, 4, '\n'), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&ack, 17, 0), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&ack, 18, 255), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&ack, 26, 2), -EPROTO);

	bad = segment;
	bad.segment.position++;
	while (bad.segment.position + bad.segment.units <= KEY_UUID_POSITIONS)
		bad.segment.position++;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad = segment;
	bad.segment.units = HANDOVER_UNITS_MAX + 1;
	bad.segment.position = 0;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad.segment.units = 0;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	CU_ASSERT_EQUAL(decode_with(&room, 17, 1), -EPROTO);
	CU_ASSERT_EQUAL(decode_with(&room, 25, 1), -EPROTO);
	bad = room;
	bad.room.next_b = KEY_UUID_POSITIONS + 1;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad = hello;
	memset(bad.hello.name, 'x', sizeof(bad.hello.name));
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad = link;
	strcpy(bad.link.state, "a\tb");
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad = some(HANDOVER_PEER);
	bad.peer.len = HANDOVER_PEER_MAX + 1;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad.peer.len = 0;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
	bad.type = 9;
	CU_ASSERT_EQUAL(handover_encode(&bad, packet, sizeof(packet)), -EINVAL);
}

/* Noise in a block of its own, so that a sanitizer sees a read beyond it. */
static void test_noise(void)
{
	unsigned int good = 0;

	for (int i = 0; i < 200000; i++) {
		size_t len = dice(90);
		uint8_t *p = malloc(len + 1);
		struct handover_message m;
		bool gateway = dice(2);

		for (size_t k = 0; k < len; k++)
			p[k] = (uint8_t)(dice(3) ? dice(5) : dice(256));
		if (len > 0 && !gateway)
			p[0] |= 16;
		if (handover_decode(p, len, gateway, &m) == 0) {
			CU_ASSERT_EQUAL(handover_encode(&m, packet, sizeof(packet)), len);
			CU_ASSERT_EQUAL(memcmp(p, packet, len), 0);
			good++;
		}
		free(p);
	}
	CU_ASSERT(good > 100);
}

UNIT_MAIN(UNIT(test_there_and_back), UNIT(test_layout), UNIT(test_lengths), UNIT(test_ranges),
          UNIT(test_noise))
