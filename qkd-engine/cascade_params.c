/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Block sizes of the three passes against the error rate. Powers of two, so that a search
 * always halves; found by simulation at frames of 2^16, near k1 = 1/Q as in Martinez-Mateo et
 * al. (arXiv:1407.3257), section on optimised parameters.
 */

#include "qkd-engine/cascade_plan.h"

static const struct {
	double qber; /* up to this rate */
	uint8_t block_log2[2];
} table[] = {
        {0.0005, {10, 12}}, {0.0010, {9, 12}}, {0.0021, {8, 11}}, {0.0042, {7, 10}},
        {0.0063, {7, 9}},   {0.0120, {6, 9}},  {0.0160, {6, 8}},  {0.0240, {5, 8}},
        {0.0390, {5, 7}},   {0.0650, {4, 7}},  {0.5000, {3, 6}},
};

void cascade_block_sizes(double qber, size_t frame_bits, uint8_t block_log2[CASCADE_PASSES])
{
	size_t row = 0;

	while (qber > table[row].qber && row + 1 < sizeof(table) / sizeof(table[0]))
		row++;
	for (unsigned int p = 0; p < CASCADE_PASSES; p++) {
		block_log2[p] = p < 2 ? table[row].block_log2[p]
		                      : (uint8_t)(60 - __builtin_clzll(frame_bits));
		/* At least two blocks, or a short frame would learn nothing from the pass. */
		while (block_log2[p] > 1 && ((size_t)1 << block_log2[p]) > frame_bits / 2)
			block_log2[p]--;
	}
}
