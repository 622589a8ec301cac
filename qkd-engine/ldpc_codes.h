/* SPDX-License-Identifier: BSD-3-Clause */

/* The tables of ldpc_codes_ROWS_of_COLS.c; ldpc_code.h says what is in them. */

#ifndef QKD_ENGINE_LDPC_CODES_H
#define QKD_ENGINE_LDPC_CODES_H

#include <stdint.h>

#define LDPC_TABLE(name) extern const uint16_t name##_row_start[], name##_col[], name##_shift[]

LDPC_TABLE(ldpc_27_of_512);
LDPC_TABLE(ldpc_33_of_512);
LDPC_TABLE(ldpc_40_of_512);
LDPC_TABLE(ldpc_48_of_512);
LDPC_TABLE(ldpc_57_of_512);
LDPC_TABLE(ldpc_68_of_512);
LDPC_TABLE(ldpc_80_of_512);
LDPC_TABLE(ldpc_94_of_512);
LDPC_TABLE(ldpc_55_of_256);
LDPC_TABLE(ldpc_65_of_256);
LDPC_TABLE(ldpc_76_of_256);
LDPC_TABLE(ldpc_89_of_256);
LDPC_TABLE(ldpc_104_of_256);
LDPC_TABLE(ldpc_121_of_256);
LDPC_TABLE(ldpc_140_of_256);
LDPC_TABLE(ldpc_160_of_256);

#endif
