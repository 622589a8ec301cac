/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Block sizes of the three passes against the error rate. Powers of two, so that a search
 * always halves (Martinez-Mateo et al., arXiv:1407.3257); found by simulation, with frames of
 * 2^16:
 *
 *     build/tests/bench/cascade_blocks
 *
 * The third pass has eight to sixteen blocks whatever the rate: it finds most of the pairs of
 * errors that share a block in both passes before, of which a frame has a third of one.
 */

#include "qkd-engine/cascade_plan.h"

static const struct {
	double qber; /* up to this rate */
	uint8_t block_log2[2];
} table[] = {
        {0.0005, {11, 13}}, {0.0009, {10, 13}}, {0.0010, {10, 12}}, {0.0014, {9, 12}},
        {0.0025, {9, 11}},  {0.0028, {8, 11}},  {0.0047, {8, 10}},  {0.0094, {7, 9}},
        {0.0122, {6, 9}},   {0.0189, {6, 8}},   {0.0245, {5, 8}},   {0.0412, {5, 7}},
        {0.0535, {4, 7}},   {0.0756, {4, 6}},   {0.1160, {3, 6}},   {0.1510, {3, 5}},
        {0.5000, {2, 5}},
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
