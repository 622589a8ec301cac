/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Privacy amplification: the modified Toeplitz matrix (I | T) times the reconciled key,
 *
 *     out[i] = key[i] + sum over j < n - m of seed[i + n - m - 1 - j] key[m + j],  0 <= i < m,
 *
 * over GF(2), with a seed of n - 1 bits. Two different keys have the same result for a share 2^-m
 * of the seeds: universal_2, and dual universal_2 (Hayashi, IEEE Trans. Inf. Theory 57, 2011;
 * Hayashi and Tsurumaru, IEEE Trans. Inf. Theory 62, 2016, arXiv:1311.5322, section V). For, where
 * they differ in the last n - m bits, each value of T times the difference is as likely as each
 * other; where they do not, they differ in the first m, and so do the results.
 */

#ifndef QKD_ENGINE_AMPLIFY_H
#define QKD_ENGINE_AMPLIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/gf2_fft.h"
#include "qkd-engine/workspace.h"

#define AMPLIFY_BITS_MAX (1u << 27) /* of the key */

static inline size_t amplify_seed_bits(size_t n, size_t m)
{
	(void)m;
	return n - 1;
}

/*
 * A product under way; works in steps, so that it can share a core with forwarding. KEY and
 * SEED (bit strings) stay the caller's and in place until it is done; OUT gets the m output bits,
 * with zeros up to a whole word, and may be KEY.
 */
struct amplify;
/*
 * What amplify_create_in() takes for any key of up to N bits; -EINVAL: no such one. Half a byte of
 * secret memory for each bit of n, rounded up to a power of two from 2^13 on: 512 KiB up to n =
 * 2^20, 64 MiB at 2^27.
 */
int amplify_size(size_t n, struct workspace_size *out);
/*
 * 1 <= m <= n <= AMPLIFY_BITS_MAX. FFT: one of gf2_fft.h, the fastest is gf2_fft_best(). Lives in W
 * and ends with it. NULL with errno EINVAL, or ENOMEM: W is too small.
 */
struct amplify *amplify_create_in(struct workspace *w, const struct gf2_fft *fft,
                                  const uint64_t *key, size_t n, const uint64_t *seed, size_t m,
                                  uint64_t *out);
/* About 50 us of work; true when done. */
bool amplify_step(struct amplify *a);

/* All at once, bit by bit: the reference for tests. OUT: BITS_WORDS(m). */
void amplify_reference(const uint64_t *key, size_t n, const uint64_t *seed, size_t m,
                       uint64_t *out);

#endif
