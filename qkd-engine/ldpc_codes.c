/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Degrees were found by ldpc_evolve ROWS COLS (11 % of ROWS) (ROWS - PAIRS - 1) WORK 1 1500 with
 * WORK 600 for the codes of 55 to 121 rows without that of 89, and 450 for the others (27: one row
 * merged); another compiler may end at others, about as good. Each table says how it was made of
 * its degrees.
 */

#include "qkd-engine/ldpc_code.h"
#include "qkd-engine/ldpc_codes.h"

#define CODE(rows, cols, pairs)                                                                    \
	{                                                                                          \
		cols, rows, pairs, ldpc_##rows##_of_##cols##_row_start,                            \
		        ldpc_##rows##_of_##cols##_col, ldpc_##rows##_of_##cols##_shift             \
	}

const struct ldpc_code ldpc_codes[] = {
        CODE(27, 512, 3),   CODE(33, 512, 7),   CODE(40, 512, 8),   CODE(48, 512, 10),
        CODE(57, 512, 12),  CODE(68, 512, 14),  CODE(80, 512, 17),  CODE(94, 512, 20),
        CODE(55, 256, 12),  CODE(65, 256, 14),  CODE(76, 256, 16),  CODE(89, 256, 19),
        CODE(104, 256, 22), CODE(121, 256, 26), CODE(140, 256, 30), CODE(160, 256, 35),
};

const unsigned int ldpc_code_count = sizeof(ldpc_codes) / sizeof(ldpc_codes[0]);
