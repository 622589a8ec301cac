/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/frame_check.h"

#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/verify.h"

unsigned int frame_check_count(size_t bits, size_t frame_bits)
{
	size_t frames = (bits + frame_bits / 2) / frame_bits;

	if (frames > FRAME_CHECK_FRAMES_MAX)
		return FRAME_CHECK_FRAMES_MAX;
	return frames == 0 ? 1 : (unsigned int)frames;
}

size_t frame_check_word(size_t bits, unsigned int frames, unsigned int f)
{
	return (size_t)((uint64_t)f * BITS_WORDS(bits) / frames);
}

size_t frame_check_size(size_t bits, unsigned int frames, unsigned int f)
{
	size_t from = 64 * frame_check_word(bits, frames, f);
	size_t to = 64 * frame_check_word(bits, frames, f + 1);

	return (to < bits ? to : bits) - from;
}

size_t frame_check_size_max(size_t bits, unsigned int frames)
{
	return 64 * ((BITS_WORDS(bits) + frames - 1) / frames);
}

void frame_check_tag(const uint64_t *key, size_t bits, unsigned int frames, unsigned int f,
                     const uint8_t hash_key[16], uint8_t tag[FRAME_CHECK_BYTES])
{
	uint8_t whole[VERIFY_TAG_BITS / 8];

	verify_tag(key + frame_check_word(bits, frames, f), frame_check_size(bits, frames, f),
	           hash_key, whole);
	memcpy(tag, whole, FRAME_CHECK_BYTES);
	secret_wipe(whole, sizeof(whole));
}
