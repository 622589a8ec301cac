/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Checks of a reconciled block's frames. A frame that fails is disclosed by Alice, Bob takes
 * her bits, all of them count as leak, and the block goes on, if its budget has room for that.
 */

#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "qkd-engine/frame_check.h"

/* In a step: 25 us where they come from the cache, and 20 us of hash keys. */
#define STEP_WORDS  ((size_t)16384)
#define STEP_FRAMES 64

/* Frames in a step, of some 128 KiB together. */
static unsigned int frames_end(const struct block *b)
{
	size_t words = frame_check_word(b->bits, b->plan.frames, (unsigned int)b->at);
	unsigned int f = (unsigned int)b->at + 1;

	while (f < b->plan.frames && f < b->at + STEP_FRAMES &&
	       frame_check_word(b->bits, b->plan.frames, f + 1) - words <= STEP_WORDS)
		f++;
	return f;
}

/* Alice's hashes, into the message that is to be. */
static bool check_job(void *ctx)
{
	struct block *b = ctx;
	unsigned int end = frames_end(b);

	for (; b->at < end; b->at++)
		frame_check_tag(b->key, b->bits, b->plan.frames, (unsigned int)b->at, b->check->key,
		                b->check->tags + b->at * FRAME_CHECK_BYTES);
	return b->at == b->plan.frames;
}

bool block_check_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_CHECK, .block = b->number};
	enum block_job did;

	if (b->at == 0 && !b->job_on && engine_random(e, b->check->key, sizeof(b->check->key)) < 0)
		return false;
	did = block_job(e, b, check_job);
	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	memcpy(m.check.key, b->check->key, sizeof(m.check.key));
	m.check.tags = b->check->tags;
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
	if (m->check.len != b->plan.frames * (size_t)FRAME_CHECK_BYTES) {
		engine_protocol_error(e, "checks of another number of frames");
		return;
	}
	memcpy(b->check->key, m->check.key, sizeof(b->check->key));
	memcpy(b->check->tags, m->check.tags, m->check.len);
	block_advance(e, b, BLOCK_FAILED);
}

/* Bob's hashes beside Alice's. */
static bool failed_job(void *ctx)
{
	struct block *b = ctx;
	unsigned int end = frames_end(b);

	for (; b->at < end; b->at++) {
		const uint8_t *peer = b->check->tags + b->at * FRAME_CHECK_BYTES;
		uint8_t tag[FRAME_CHECK_BYTES];

		frame_check_tag(b->key, b->bits, b->plan.frames, (unsigned int)b->at, b->check->key,
		                tag);
		if (!bytes_equal_ct(tag, peer, sizeof(tag)))
			b->failed[b->at / 8] |= (uint8_t)(1u << b->at % 8);
	}
	return b->at == b->plan.frames;
}

bool block_failed_step(struct engine *e, struct block *b)
{
	struct message m = {.type = MESSAGE_FAILED, .block = b->number};
	enum block_job did = block_job(e, b, failed_job);

	if (did != BLOCK_JOB_DONE)
		return did == BLOCK_JOB_MORE;
	m.payload.data = b->failed;
	m.payload.len = (b->plan.frames + 7) / 8;
	block_send_message(e, b, &m);
	count_failed(e, b);
	return true;
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
