/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_wire.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"

static void test_lengths_of_each_type(void)
{
	static const struct {
		uint8_t type;
		size_t from, to;
	} types[] = {{WIRE_INIT, 46, 46},
	             {WIRE_RESP, 62, 62},
	             {WIRE_CONFIRM, 62, 62},
	             {WIRE_HINT, 38, 38},
	             {WIRE_DATA, 34, CHANNEL_DATAGRAM_MAX},
	             {0, 1, 0},
	             {6, 1, 0},
	             {255, 1, 0}};
	uint8_t buf[CHANNEL_DATAGRAM_MAX + 1] = {0};
	struct wire_datagram d;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (size_t len = 0; len <= sizeof(buf); len++) {
			int want = len >= types[i].from && len <= types[i].to ? 0 : -EPROTO;

			buf[0] = types[i].type;
			buf[1] = WIRE_VERSION;
			CU_ASSERT_EQUAL(wire_parse(buf, len, &d), want);
			buf[1] = WIRE_VERSION + 1;
			CU_ASSERT_EQUAL(wire_parse(buf, len, &d), -EPROTO);
		}
	}
}

static void test_data_datagram(void)
{
	static const uint8_t session[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct wire_ack ack = {.largest = 5000,
	                       .delay_us = 77,
	                       .limit = {1024, 99},
	                       .words = 2,
	                       .word = {1ULL << 63, 5}};
	struct wire_segment segment = {
	        .stream = CHANNEL_QKD, .flags = WIRE_SEGMENT_LAST, .seq = 9, .len = 3};
	uint8_t buf[200] = {0};
	struct wire_datagram d;
	struct wire_frame f;
	const uint8_t *pos;
	size_t n;

	n = wire_put_data_head(buf, session, 4097);
	n += wire_put_ack(buf + n, &ack);
	n += wire_put_segment_head(buf + n, &segment);
	memcpy(buf + n, "abc", 3);
	n += 3;
	buf[n++] = WIRE_FRAME_PING;
	for (int i = 0; i < 3; i++)
		buf[n++] = WIRE_FRAME_PAD;
	CU_ASSERT_EQUAL_FATAL(wire_parse(buf, n + WIRE_TAG_BYTES, &d), 0);
	CU_ASSERT_EQUAL(memcmp(d.session, session, 8), 0);
	CU_ASSERT_EQUAL(d.number, 4097);
	CU_ASSERT_EQUAL(d.tagged_len, n);
	pos = d.frames;
	CU_ASSERT_EQUAL_FATAL(wire_frame_next(&pos, d.frames_end, &f), 1);
	CU_ASSERT_EQUAL(f.type, WIRE_FRAME_ACK);
	CU_ASSERT_EQUAL(f.ack.largest, 5000);
	CU_ASSERT_EQUAL(f.ack.delay_us, 77);
	CU_ASSERT_EQUAL(f.ack.limit[1], 99);
	CU_ASSERT_EQUAL(f.ack.words, 2);
	CU_ASSERT_EQUAL(f.ack.word[1], 5);
	CU_ASSERT_EQUAL_FATAL(wire_frame_next(&pos, d.frames_end, &f), 1);
	CU_ASSERT_EQUAL(f.type, WIRE_FRAME_STREAM);
	CU_ASSERT_EQUAL(f.segment.seq, 9);
	CU_ASSERT_EQUAL(memcmp(f.segment.data, "abc", 3), 0);
	CU_ASSERT_EQUAL(wire_frame_next(&pos, d.frames_end, &f), 1);
	CU_ASSERT_EQUAL(f.type, WIRE_FRAME_PING);
	/* However long the padding is. */
	CU_ASSERT_EQUAL(wire_frame_next(&pos, d.frames_end, &f), 1);
	CU_ASSERT_EQUAL(f.type, WIRE_FRAME_PAD);
	CU_ASSERT_EQUAL(wire_frame_next(&pos, d.frames_end, &f), 0);
	/* Cut anywhere inside a frame it is malformed. */
	for (const uint8_t *end = d.frames + 1; end < d.frames_end; end++) {
		int ret;

		pos = d.frames;
		while ((ret = wire_frame_next(&pos, end, &f)) > 0)
			;
		CU_ASSERT_EQUAL(ret, end == d.frames + WIRE_ACK_HEAD + 16 || end >= d.frames_end - 4
		                             ? 0
		                             : -EPROTO);
	}
}

static void expect_malformed(const uint8_t *frame, size_t len)
{
	const uint8_t *pos = frame;
	struct wire_frame f;

	CU_ASSERT_EQUAL(wire_frame_next(&pos, frame + len, &f), -EPROTO);
	CU_ASSERT_PTR_EQUAL(pos, frame);
}

static void test_malformed_frames(void)
{
	static uint8_t buf[2000];

	buf[0] = 4;
	expect_malformed(buf, sizeof(buf));
	buf[0] = WIRE_FRAME_ACK;
	buf[WIRE_ACK_HEAD - 1] = WIRE_ACK_WORDS_MAX + 1;
	expect_malformed(buf, sizeof(buf));
	buf[0] = WIRE_FRAME_STREAM;
	buf[1] = 4;
	expect_malformed(buf, sizeof(buf));
	buf[1] = WIRE_SEGMENT_LAST;
	buf[2] = CHANNEL_STREAMS;
	expect_malformed(buf, sizeof(buf));
	buf[2] = 0;
	put_be16(buf + 11, WIRE_SEGMENT_BYTES + 1);
	expect_malformed(buf, sizeof(buf));
	buf[1] = WIRE_SEGMENT_FIRST;
	put_be16(buf + 11, WIRE_SEGMENT_LEAST - 1);
	expect_malformed(buf, sizeof(buf));
}

UNIT_MAIN(UNIT(test_lengths_of_each_type), UNIT(test_data_datagram), UNIT(test_malformed_frames))
