/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the programs of the benchmark have in common at their start. Each is one that ends at the
 * first thing that is wrong, with its name in front of the reason.
 */

#ifndef TESTS_BENCH_START_H
#define TESTS_BENCH_START_H

#include <stdbool.h>

/* Where a program runs; start_option() fills it. */
struct start {
	const char *program; /* its name, for messages */
	int cpu, memory_mb;
	bool hugepages;
	const char *library, *provider; /* of AES-GCM; NULL: the system's, the best */
};

/*
 * Options that programs share: their entries for getopt_long(), and the values that it returns for
 * them, which are no characters of a program's own.
 */
enum { START_CPU = 256, START_MEMORY, START_HUGEPAGES, START_LIBRARY, START_PROVIDER };
#define START_OPTIONS                                                                              \
	{"cpu", required_argument, NULL, START_CPU},                                               \
	        {"memory", required_argument, NULL, START_MEMORY},                                 \
	{                                                                                          \
		"hugepages", no_argument, NULL, START_HUGEPAGES                                    \
	}
#define START_GCM_OPTIONS                                                                          \
	{"library", required_argument, NULL, START_LIBRARY},                                       \
	{                                                                                          \
		"provider", required_argument, NULL, START_PROVIDER                                \
	}

/* Take option C with ARGUMENT; false: it is not one of these. */
bool start_option(struct start *s, int c, const char *argument);

/* EAL with LCORES lcores, 1 or 2, all on the same CPU; no PCI devices. */
void start_eal(const struct start *s, unsigned int lcores);

/* Secret memory, AES-GCM and WORKERS workers. */
void start_gateway(const struct start *s, unsigned int workers);

_Noreturn void start_die(const struct start *s, const char *what);

#endif
