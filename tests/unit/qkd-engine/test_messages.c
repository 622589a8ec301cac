/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/messages.h"
#include "tests/unit/unit.h"

static const uint8_t payload[5] = {1, 2, 3, 4, 5};

static struct message example(enum message_type type)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	if (type >= MESSAGE_START)
		m.block = 0x1122334455667788;
	switch (type) {
	case MESSAGE_SYNC_REQUEST:
	case MESSAGE_ALIGNED:
		m.attempt = 7;
		break;
	case MESSAGE_MODE:
		m.mode.attempt = 8;
		m.mode.mode = 2;
		m.mode.from_slot = 0x123456789abc;
		m.mode.slot_now = 0x123456789def;
		break;
	case MESSAGE_START:
		m.start.bits = 1000123;
		m.start.frame_bits = 65536;
		m.start.qber_ppb = 21000000;
		m.start.seed = 0xfedcba9876543210;
		m.start.method = 1;
		m.start.mode = 2;
		m.start.reason = 3;
		m.start.errors[0] = 6100;
		m.start.errors[1] = 9200;
		m.start.budget = 250111;
		m.start.secret_bits = 260096;
		break;
	case MESSAGE_ASK:
	case MESSAGE_ANSWER:
	case MESSAGE_FAILED:
		m.payload.data = payload;
		m.payload.len = sizeof(payload);
		break;
	case MESSAGE_CORRECTED:
		m.corrected.alice = 123456;
		m.corrected.bob = 123450;
		break;
	case MESSAGE_VERIFY:
		memset(m.verify.key, 0xa5, 16);
		memset(m.verify.tag, 0x5a, 16);
		break;
	case MESSAGE_COUNTS:
		m.counts.m_z[0] = 12000;
		m.counts.m_z[1] = 9000;
		break;
	case MESSAGE_CHECK:
		memset(m.check.key, 0x3c, 16);
		m.check.tags = payload;
		m.check.len = sizeof(payload);
		break;
	case MESSAGE_REVEAL:
		m.reveal.frame = 11;
		m.reveal.offset = 16384;
		m.reveal.data = payload;
		m.reveal.len = sizeof(payload);
		break;
	case MESSAGE_BASES:
	case MESSAGE_SIFTED:
		m.sift.offset = 512000;
		m.sift.data = payload;
		m.sift.len = sizeof(payload);
		break;
	case MESSAGE_SEED:
		m.seed.offset = 4096;
		m.seed.data = payload;
		m.seed.len = sizeof(payload);
		break;
	case MESSAGE_TAG:
		m.tag.pad = 42;
		m.tag.position = 0x23456789abc;
		m.tag.units[0] = 0x01020304;
		m.tag.units[1] = 0x05060708;
		memset(m.tag.tag, 0x3c, 16);
		break;
	case MESSAGE_ABORT:
		m.reason = ABORT_TAG;
		break;
	default:
		break;
	}
	return m;
}

static bool sifting(int type)
{
	return type == MESSAGE_ANNOUNCE || type == MESSAGE_REPLY || type == MESSAGE_PARAMETERS;
}

static void test_round_trip(void)
{
	uint8_t a[128], b[128];
	struct message m, out;

	for (int type = 1; type < MESSAGE_TYPES; type++) {
		int len, again;

		if (sifting(type))
			continue;
		m = example((enum message_type)type);
		len = message_encode(&m, a, sizeof(a));
		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(message_type(a, (size_t)len), type);
		CU_ASSERT_EQUAL(message_decode(a, (size_t)len, &out), 0);
		CU_ASSERT_EQUAL(out.type, m.type);
		CU_ASSERT_EQUAL(out.block, m.block);
		again = message_encode(&out, b, sizeof(b));
		CU_ASSERT_EQUAL(again, len);
		CU_ASSERT_EQUAL(memcmp(a, b, (size_t)len), 0);
		CU_ASSERT_EQUAL(message_encode(&m, a, (size_t)len - 1), -ENOBUFS);
	}
}

static void test_fields(void)
{
	struct message m = example(MESSAGE_START), out;
	uint8_t a[128];
	int len = message_encode(&m, a, sizeof(a));

	CU_ASSERT_EQUAL(message_decode(a, (size_t)len, &out), 0);
	CU_ASSERT_EQUAL(out.start.bits, 1000123);
	CU_ASSERT_EQUAL(out.start.frame_bits, 65536);
	CU_ASSERT_EQUAL(out.start.qber_ppb, 21000000);
	CU_ASSERT_EQUAL(out.start.seed, 0xfedcba9876543210);
	CU_ASSERT_EQUAL(out.start.method, 1);
	CU_ASSERT_EQUAL(out.start.mode, 2);
	CU_ASSERT_EQUAL(out.start.reason, 3);
	CU_ASSERT_EQUAL(out.start.errors[0], 6100);
	CU_ASSERT_EQUAL(out.start.errors[1], 9200);
	CU_ASSERT_EQUAL(out.start.budget, 250111);
	CU_ASSERT_EQUAL(out.start.secret_bits, 260096);
	m = example(MESSAGE_TAG);
	len = message_encode(&m, a, sizeof(a));
	CU_ASSERT_EQUAL(len, MESSAGE_TAG_COVERED + 16);
	CU_ASSERT_EQUAL(a[MESSAGE_TAG_COVERED], 0x3c);
	CU_ASSERT_EQUAL(message_decode(a, (size_t)len, &out), 0);
	CU_ASSERT_EQUAL(out.tag.position, 0x23456789abc);
	CU_ASSERT_EQUAL(out.tag.units[0], 0x01020304);
	CU_ASSERT_EQUAL(out.tag.units[1], 0x05060708);
}

static void test_malformed(void)
{
	struct message m, out;
	uint8_t a[128] = {0};

	CU_ASSERT_EQUAL(message_decode(a, 0, &out), -EPROTO);
	for (int type = 1; type < MESSAGE_TYPES; type++) {
		size_t len, least;

		if (sifting(type))
			continue;
		m = example((enum message_type)type);
		len = (size_t)message_encode(&m, a, sizeof(a));
		least = len;
		if (type == MESSAGE_ASK || type == MESSAGE_ANSWER || type == MESSAGE_SEED ||
		    type == MESSAGE_CHECK || type == MESSAGE_FAILED || type == MESSAGE_REVEAL ||
		    type == MESSAGE_BASES || type == MESSAGE_SIFTED)
			least = len - sizeof(payload) + 1;
		for (size_t cut = 0; cut < least; cut++)
			CU_ASSERT_EQUAL(message_decode(a, cut, &out), -EPROTO);
		if (least == len)
			CU_ASSERT_EQUAL(message_decode(a, len + 1, &out), -EPROTO);
	}
	memset(a, 0, sizeof(a));
	for (int type = 0; type < 256; type++) {
		a[0] = (uint8_t)type;
		if (type == 0 || type >= MESSAGE_TYPES || sifting(type))
			CU_ASSERT_EQUAL(message_decode(a, 25, &out), -EPROTO);
	}
	m = example(MESSAGE_START);
	m.start.qber_ppb = 500000001;
	CU_ASSERT_EQUAL(message_decode(a, (size_t)message_encode(&m, a, sizeof(a)), &out), -EPROTO);
	m = example(MESSAGE_ABORT);
	m.reason = ABORT_REASONS;
	CU_ASSERT_EQUAL(message_decode(a, (size_t)message_encode(&m, a, sizeof(a)), &out), -EPROTO);
}

static void test_names(void)
{
	for (unsigned int r = 1; r < ABORT_REASONS; r++) {
		CU_ASSERT_STRING_NOT_EQUAL(abort_reason_name(r), "unknown reason");
		for (unsigned int k = 0; k < r; k++)
			CU_ASSERT_STRING_NOT_EQUAL(abort_reason_key(r), abort_reason_key(k));
	}
	CU_ASSERT_STRING_EQUAL(abort_reason_name(0), "unknown reason");
	CU_ASSERT_STRING_EQUAL(abort_reason_name(ABORT_REASONS), "unknown reason");
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_fields), UNIT(test_malformed), UNIT(test_names))
