/* SPDX-License-Identifier: BSD-3-Clause */

/* What a load must read of an answer: where it ends, and which keys it has. */

#ifndef TESTS_BENCH_KMS_ANSWER_H
#define TESTS_BENCH_KMS_ANSWER_H

#include <stddef.h>
#include <stdio.h>

/* Bytes of the answer whose first LEN are at TEXT, with a null behind; 0: its head is not there
 * yet. An answer without Content-Length ends with its head. */
size_t kms_answer_length(const char *text, size_t len, int *status);

/*
 * How many keys are in an answer of LEN bytes. Of each, KEYS (or NULL) gets 16 bytes of UUID and
 * the first 16 of SHA-256 of the key, IDS (or NULL) a line with the UUID. Ends the program when
 * one is no key: whoever counts rates must not count rubbish.
 */
unsigned int kms_answer_keys(const char *text, size_t len, FILE *keys, FILE *ids);

#endif
