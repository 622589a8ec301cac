/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * kms_load --connect PORT --ca F --cert F --key F (--get TARGET | --list FILE) [options]
 *     --connections N   16
 *     --requests N      how many, or --seconds S; a list ends by itself
 *     --rate R          requests a second, in all; 0: each connection as fast as it can
 *     --new             a new connection, with a whole handshake, for each request
 *     --tls12           TLS 1.2, not 1.3
 *     --keys FILE       of each key delivered: its UUID, 16 bytes of its SHA-256
 *     --ids FILE        the UUID of each key delivered, one a line
 * A line of a list is METHOD TARGET [BODY].
 */

#ifndef TESTS_BENCH_KMS_LOAD_OPTIONS_H
#define TESTS_BENCH_KMS_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define KMS_LOAD_CONNECTIONS 16384

struct kms_load_options {
	unsigned int connections, port;
	uint64_t requests; /* 0: no end by number */
	double seconds, rate;
	bool new_each, tls12;
	const char *ca, *cert, *key, *get;
	FILE *list, *keys, *ids;
};

/* Ends the program with status 2 when they are not as above. */
void kms_load_options(int argc, char **argv, struct kms_load_options *o);

#endif
