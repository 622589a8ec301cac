/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Messages of Cascade: the round (32 bits, big endian, from 1), then bits, least significant
 * first, zero bits at the end.
 *
 * Bob's:   for each parity of the last answer, whether his own differs; none in round 1
 * Alice's: the parities of this round
 *
 * Both sides know which parities these are, and so how many (cascade_run.h). In a round, for
 * each group of frames in turn: for each of its frames, all parities of blocks, pass by pass
 * (when it was not asked before), or those of the searches under way, in the order of the list;
 * then, if no frame asks anything, the parities of all subsets, or of parts of an odd one.
 * A range that is halved more than once gives the parity of its left half, then those of the
 * left half's parts, then those of the right half's.
 */

#ifndef QKD_ENGINE_CASCADE_WIRE_H
#define QKD_ENGINE_CASCADE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define CASCADE_HEADER 4

/* Whether a message is of this round and has so many bits. */
static inline bool cascade_message_fits(const uint8_t *msg, size_t len, uint32_t round, size_t bits)
{
	return len == CASCADE_HEADER + (bits + 7) / 8 && get_be32(msg) == round &&
	       (bits % 8 == 0 || msg[len - 1] >> (bits % 8) == 0);
}

#endif
