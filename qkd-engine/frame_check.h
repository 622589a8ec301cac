/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A cheap look at each frame of a reconciled block before the whole is verified: a short
 * universal hash, so that a frame which reconciliation left wrong is disclosed and counted as
 * leak, and the block goes on. That a wrong frame passes is no matter of security:
 * verification (verify.h) then voids the block.
 *
 * Frames here are pieces of whole words, equally long but for rounding, as many as
 * reconciliation's.
 */

#ifndef QKD_ENGINE_FRAME_CHECK_H
#define QKD_ENGINE_FRAME_CHECK_H

#include <stddef.h>
#include <stdint.h>

/*
 * A wrong frame of n bits passes with probability at most ceil(n / 128) / 2^32: 10^-7 at
 * 2^16 bits.
 */
#define FRAME_CHECK_BITS  32
#define FRAME_CHECK_BYTES (FRAME_CHECK_BITS / 8)

/* Checks fit a message: the frames of a block longer than 4096 reconciled ones are longer. */
#define FRAME_CHECK_FRAMES_MAX 4096

/* Frames of a block of BITS, for frames of about FRAME_BITS: 1 to FRAME_CHECK_FRAMES_MAX. */
unsigned int frame_check_count(size_t bits, size_t frame_bits);

/* First word of frame F of FRAMES; F == FRAMES gives the end. */
size_t frame_check_word(size_t bits, unsigned int frames, unsigned int f);

/* Bits of frame F. */
size_t frame_check_size(size_t bits, unsigned int frames, unsigned int f);

/* The most that a frame has. */
size_t frame_check_size_max(size_t bits, unsigned int frames);

/* Hash of frame F of KEY (bit string of BITS) under the fresh random HASH_KEY. */
void frame_check_tag(const uint64_t *key, size_t bits, unsigned int frames, unsigned int f,
                     const uint8_t hash_key[16], uint8_t tag[FRAME_CHECK_BYTES]);

#endif
