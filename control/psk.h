/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The pre-shared secret of a link: at least PSK_LEAST random bytes, the same file at both
 * ends, never used for another link. From its start: 32 bytes from which the channel's MAC
 * keys are derived, 16 bytes hash key A to B, 16 bytes hash key B to A, then one-time pads
 * of 32 bytes, of A and of B in turn.
 */

#ifndef CONTROL_PSK_H
#define CONTROL_PSK_H

#define PSK_LEAST   4096
#define PSK_MOST    (16u << 20)
#define PSK_SECRET  0
#define PSK_HASH_AB 32
#define PSK_HASH_BA 48
#define PSK_PADS    64

#endif
