/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Privacy amplification: the product of a Toeplitz matrix and the reconciled key.
 * out[i] = XOR over j of seed[i + n - 1 - j] & key[j], 0 <= i < m: bits n-1 ... n+m-2 of the
 * product of seed and key as polynomials over GF(2). The seed has n + m - 1 bits.
 */

#ifndef QKD_ENGINE_AMPLIFY_H
#define QKD_ENGINE_AMPLIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMPLIFY_BITS_MAX (1u << 27) /* of the key */

static inline size_t amplify_seed_bits(size_t n, size_t m)
{
	return n + m - 1;
}

/*
 * A product under way; works in steps, so that it can share a core with forwarding. KEY and
 * SEED (bit strings) stay the caller's and in place until it is done.
 */
struct amplify;
/*
 * 1 <= m <= n <= AMPLIFY_BITS_MAX. NULL with errno EINVAL, or ENOMEM: it takes secret memory
 * for the m bits and for about eight times the side of a tile (at most 4 MiB, 0.5 MiB at
 * n = 10^6, m = 3x10^5).
 */
struct amplify *amplify_create(const uint64_t *key, size_t n, const uint64_t *seed, size_t m);
/* About 50 us of work; true when done. */
bool amplify_step(struct amplify *a);
/* The m output bits, after amplify_step() said done; owned by A, in secret memory. */
const uint64_t *amplify_result(const struct amplify *a);
void amplify_destroy(struct amplify *a);

/* All at once, bit by bit: the reference for tests. OUT: BITS_WORDS(m). */
void amplify_reference(const uint64_t *key, size_t n, const uint64_t *seed, size_t m,
                       uint64_t *out);

#endif
