/* SPDX-License-Identifier: BSD-3-Clause */

/* What a load of requests counted, as one JSON object. */

#ifndef TESTS_BENCH_KMS_FIGURES_H
#define TESTS_BENCH_KMS_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#define KMS_FIGURES_STATUS 600

struct kms_figures {
	uint64_t answered, errors, handshakes, keys;
	uint64_t status[KMS_FIGURES_STATUS]; /* answers with each; [0]: with none */
	uint32_t *latency_us;
	size_t latencies, room;
};

/* Ends the program when there is no memory. */
void kms_figures_latency(struct kms_figures *f, uint64_t ns);

/* On standard output, for a load that took so many seconds. Sorts the latencies. */
void kms_figures_print(struct kms_figures *f, double seconds);

#endif
