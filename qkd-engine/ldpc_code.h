/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The family of quasi-cyclic LDPC codes for one-way reconciliation over a binary symmetric
 * channel, and which of them to take at a given error rate. All of it is public.
 *
 * A code is a base matrix of circulants. With circulants of Z positions a frame has cols * Z
 * bits; check I of base row R is the parity of the bits
 *
 *      col[e] * Z + (I + shift[e]) mod Z      for e in [row_start[R], row_start[R + 1])
 *
 * with at most one entry for each row and column. One base matrix serves all frame sizes: Z is a
 * power of two from LDPC_Z_MIN to LDPC_Z_MAX (as far as cols * Z is a frame size), shifts are
 * below LDPC_Z_MAX and count modulo Z.
 *
 * Rate adaption without punctured bits: base rows 2i and 2i + 1, i < pairs, have no column in
 * common and may be MERGED: instead of the two syndromes their sum is sent, one check with the
 * entries of both. A frame starts with the pairs [pairs - merged, pairs) merged; a blind round
 * splits some of them, the lowest ones first: of each the syndrome of row 2i is sent, and that of
 * row 2i + 1 follows. So after any round the disclosed bits of the frame are
 *
 *      (rows - merged) * Z,
 *
 * each a parity of the frame's own bits, independent of what Bob has.
 */

#ifndef QKD_ENGINE_LDPC_CODE_H
#define QKD_ENGINE_LDPC_CODE_H

#include <stddef.h>
#include <stdint.h>

#define LDPC_FRAME_LOG2_MIN 14
#define LDPC_FRAME_LOG2_MAX 18

#define LDPC_COLS_MAX   512
#define LDPC_ROWS_MAX   320
#define LDPC_DEGREE_MAX 240 /* entries of a row, merged ones included */
#define LDPC_Z_MIN      32
#define LDPC_Z_MAX      1024

/* Error rates of the family; below the first, what it asks is enough. */
#define LDPC_QBER_MIN 0.003
#define LDPC_QBER_MAX 0.12

/* Blind rounds after the first attempt. */
#define LDPC_BLIND_ROUNDS 3

struct ldpc_code {
	uint16_t cols, rows;
	uint16_t pairs; /* that can be merged: at most rows / 2 */
	/* of entries, rows + 1 long; then one per entry, by row, columns increasing in a row */
	const uint16_t *row_start, *col, *shift;
};

/* From the highest rate to the lowest. */
extern const struct ldpc_code ldpc_codes[];
extern const unsigned int ldpc_code_count;

/* Positions of a circulant for a frame of 2^LOG2 bits. */
static inline size_t ldpc_code_z(const struct ldpc_code *code, unsigned int frame_log2)
{
	return ((size_t)1 << frame_log2) / code->cols;
}

/* What a frame starts with, and what is left of the merged pairs in each blind round. */
struct ldpc_choice {
	unsigned int code;
	/* [0] at the start, [r] after blind round r; not increasing */
	uint16_t merged[LDPC_BLIND_ROUNDS + 1];
};

/*
 * The code and pairs for an error rate QBER (a fraction; what is below the family's range gets the
 * highest rate) and frames of 2^FRAME_LOG2 bits. -ERANGE where the rate is above the range or not
 * a number, -EINVAL for another frame size.
 */
int ldpc_choose(struct ldpc_choice *choice, double qber, unsigned int frame_log2);

/*
 * The least f that any one-way scheme can have with frames of FRAME_BITS and one message, failing
 * with probability EPS, over an error rate QBER: 1 + sqrt(v / n) Qinv(eps) / h - log2(n) / (2 n h),
 * v = Q (1 - Q) log2((1 - Q) / Q)^2. Tomamichel, Martinez-Mateo, Pacher, Elkouss,
 * arXiv:1401.5194, equation of section "fundamental limits".
 */
double ldpc_f_floor(double qber, double frame_bits, double eps);

#endif
