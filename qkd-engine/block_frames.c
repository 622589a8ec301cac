/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Checks of a reconciled block's frames. A frame that fails is disclosed by Alice, Bob takes
 * her bits, all of them count as leak, and the block goes on, if its budget has room for that.
 */

#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/frame_check.h"

bool block_check_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_CHECK, .block = b->number};
	uint8_t tags[FRAME_CHECK_FRAMES_MAX * FRAME_CHECK_BYTES];

	if (engine_random(e, m.check.key, sizeof(m.check.key)) < 0)
		return false;
	for (unsigned int f = 0; f < b->plan.frames; f++)
		frame_check_tag(b->key, b->bits, b->plan.frames, f, m.check.key,
		                tags + f * FRAME_CHECK_BYTES);
	m.check.tags = tags;
	m.check.len = b->plan.frames * (size_t)FRAME_CHECK_BYTES;
	block_send_message(e, b, &m);
	block_advance(e, b, BLOCK_FAILED);
	return true;
}

static size_t frame_bytes(const struct block *b, unsigned int f)
{
	return (frame_check_size(b->bits, b->plan.frames, f) + 7) / 8;
}

static uint8_t *frame_at(const struct block *b, unsigned int f)
{
	return (uint8_t *)(b->key + frame_check_word(b->bits, b->plan.frames, f));
}

/* The next frame from F on that failed; plan.frames: none. */
static unsigned int next_failed(const struct block *b, unsigned int f)
{
	while (f < b->plan.frames && !(b->failed[f / 8] >> (f % 8) & 1))
		f++;
	return f;
}

/* The failed frames are known: count them, and go on when there are none. */
static void count_failed(struct engine *e, struct block *b)
{
	for (unsigned int f = 0; f < b->plan.frames; f++) {
		if (!(b->failed[f / 8] >> (f % 8) & 1))
			continue;
		b->failed_frames++;
		b->leak.revealed += frame_check_size(b->bits, b->plan.frames, f);
	}
	e->stats.frames += b->plan.frames;
	e->stats.frames_failed += b->failed_frames;
	leak_track_frames(&e->leak_track, b->plan.frames, b->failed_frames);
	if (!block_in_budget(e, b))
		return;
	b->reveal = next_failed(b, 0);
	block_advance(e, b, b->failed_frames > 0 ? BLOCK_REVEAL : BLOCK_VERIFY);
}

void block_on_check(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len)
{
	struct message failed = {.type = MESSAGE_FAILED, .block = b->number};

	if (m->check.len != b->plan.frames * (size_t)FRAME_CHECK_BYTES) {
		engine_protocol_error(e, "checks of another number of frames");
		return;
	}
	for (unsigned int f = 0; f < b->plan.frames; f++) {
		uint8_t tag[FRAME_CHECK_BYTES];

		frame_check_tag(b->key, b->bits, b->plan.frames, f, m->check.key, tag);
		if (!bytes_equal_ct(tag, m->check.tags + f * FRAME_CHECK_BYTES, sizeof(tag)))
			b->failed[f / 8] |= (uint8_t)(1u << f % 8);
	}
	failed.payload.data = b->failed;
	failed.payload.len = (b->plan.frames + 7) / 8;
	block_send_message(e, b, &failed);
	count_failed(e, b);
}

void block_on_failed(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len)
{
	unsigned int rest = b->plan.frames % 8;

	if (m->payload.len != (b->plan.frames + 7) / 8 ||
	    (rest != 0 && m->payload.data[m->payload.len - 1] >> rest != 0)) {
		engine_protocol_error(e, "verdicts on another number of frames");
		return;
	}
	memcpy(b->failed, m->payload.data, m->payload.len);
	count_failed(e, b);
}

/* LEN more bytes of the frame were disclosed; true: they were its last. */
static bool revealed(struct block *b, size_t len)
{
	b->reveal_at += len;
	if (b->reveal_at < frame_bytes(b, b->reveal))
		return false;
	b->reveal = next_failed(b, b->reveal + 1);
	b->reveal_at = 0;
	return b->reveal == b->plan.frames;
}

bool block_reveal_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_REVEAL, .block = b->number};
	size_t left = frame_bytes(b, b->reveal) - b->reveal_at;

	m.reveal.frame = b->reveal;
	m.reveal.offset = (uint32_t)b->reveal_at;
	m.reveal.data = frame_at(b, b->reveal) + b->reveal_at;
	m.reveal.len = left < MESSAGE_SEED_MAX ? left : MESSAGE_SEED_MAX;
	block_send_message(e, b, &m);
	if (revealed(b, m.reveal.len))
		block_advance(e, b, BLOCK_VERIFY);
	return true;
}

void block_on_reveal(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len)
{
	size_t left = frame_bytes(b, b->reveal) - b->reveal_at;

	if (m->reveal.frame != b->reveal || m->reveal.offset != b->reveal_at ||
	    m->reveal.len > left) {
		engine_protocol_error(e, "a piece of a frame out of order");
		return;
	}
	memcpy(frame_at(b, b->reveal) + b->reveal_at, m->reveal.data, m->reveal.len);
	/* Bits beyond the block's last one stay zero, whatever was sent. */
	if (b->bits % 64 != 0)
		b->key[b->bits / 64] &= ~0ULL >> (64 - b->bits % 64);
	if (revealed(b, m->reveal.len))
		block_advance(e, b, BLOCK_VERIFY);
}
