/* SPDX-License-Identifier: BSD-3-Clause */

/* Rows of the table on standard output: names are put to the figures only here. */

#ifndef TESTS_BENCH_ATTACKS_ROWS_H
#define TESTS_BENCH_ATTACKS_ROWS_H

#include "tests/bench/attacks/trial.h"

#define TRIALS_MAX 1000

/* What is apart from the row before. */
void rows_begin(void);
/* A row a cell: results as trial_links() has them. */
void rows_attacks(const struct cell *cells, unsigned int n, unsigned int trials,
                  const struct trial *results);

#endif
