/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages of Cascade.
 *
 * Questions: round (32 bits, big endian, from 1), then for some frames, in ascending order:
 *     varint  frame number less the last one named less 1 (the first: the number)
 *     byte    what is asked
 *       INITIAL   parities of all blocks of all passes and of all subsets; must come first
 *       SEARCH | d << 3 | s   for each pass p, ascending, whose bit 1 << p is set in s > 0:
 *                 varint count > 0, then for each a varint: first position of a range of the
 *                 partition of pass p, less the last one less 1 (the first: the position);
 *                 the question is the parity of its left part and, d times deep (1 to 3), of
 *                 the left part of the left part, then of the right part, where these have two
 *                 positions or more
 *       SUBSET    byte subset, byte level, varint index: the parity of the subset's bits in
 *                 positions [index << level, (index + 1) << level) of the frame
 * Varints are base 128, least significant group first, at most 4 bytes.
 *
 * Answer: the same round, then the parities in the order of the questions, one bit each,
 * least significant first, zero bits at the end.
 */

#ifndef QKD_ENGINE_CASCADE_WIRE_H
#define QKD_ENGINE_CASCADE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASCADE_HEADER     4
#define CASCADE_VARINT_MAX 4

enum cascade_question { CASCADE_INITIAL = 0, CASCADE_SUBSET = 1, CASCADE_SEARCH = 64 };

#define CASCADE_DEPTH_MAX 3

static inline size_t cascade_varint_put(uint8_t *p, uint32_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

/* Reads at *POS of LEN bytes and moves it; false when it is cut off or too long. */
static inline bool cascade_varint_get(const uint8_t *msg, size_t len, size_t *pos, uint32_t *v)
{
	uint32_t value = 0;

	for (unsigned int shift = 0; shift < 7 * CASCADE_VARINT_MAX; shift += 7) {
		uint8_t c;

		if (*pos >= len)
			return false;
		c = msg[(*pos)++];
		value |= (uint32_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0) {
			*v = value;
			return true;
		}
	}
	return false;
}

#endif
