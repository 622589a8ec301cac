/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rows of the data-plane benchmark: each in a file of its own, each measured by a process
 * of its own. A row prints its figures as one JSON object on a line.
 */

#ifndef BENCH_DATAPLANE_ROW_H
#define BENCH_DATAPLANE_ROW_H

#include <pthread.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/gcm.h"
#include "tests/bench/dataplane/measure.h"
#include "tests/bench/dataplane/plain.h"
#include "tests/bench/dataplane/site.h"

#define ROW_ROUTES 1000
#define ROW_RULES  64

struct row_options {
	const char *name; /* "seal/64" */
	unsigned int size;
	double seconds;
	uint32_t window;
	const char *dir; /* for files, the row's own */
	bool spells;     /* after the row, measure whole-rig spells as asked for on stdin */
};

struct row {
	const char *stem; /* what precedes the slash */
	int (*run)(const struct row_options *o, struct err *err);
};

extern const struct row row_seal, row_open, row_miss, row_rekey, row_tunnels;

/* The three bodies, from port IN to port OUT of a site. */
enum row_body { ROW_FORWARD, ROW_CIPHER, ROW_GATEWAY, ROW_BODIES };
struct row_bodies {
	struct site *site;
	struct plain plain;
	enum plain_cipher cipher;
};
int row_bodies_init(struct row_bodies *r, struct site *site, enum plain_cipher cipher,
                    struct err *err);
void row_bodies_measure(struct row_bodies *r, struct measure *m);

/* Print the figures of such a row; the caller has its name and size. */
void row_print(const struct row_options *o, const struct measured *m);

/* Answer "SECONDS" lines on stdin with {"mpps": ...} of body B until it ends. */
int row_spells(const struct measure *m, unsigned int b, struct err *err);

/* Devices: a pcap file forever, and nothing; names must differ within a process. */
int row_device_pcap(const char *name, const char *path, struct err *err);
int row_device_null(const char *name, struct err *err);
/* RX and TX: rings that the caller feeds and empties. */
struct rte_ring *row_ring(const char *name, unsigned int size, struct err *err);
int row_device_ring(const char *name, struct rte_ring *rx, struct rte_ring *tx, struct err *err);

/* Buffers for frames of SIZE, sealed ones too; MTU: of the ports. */
struct rte_mempool *row_pool(unsigned int size, unsigned int count, struct err *err);
uint16_t row_mtu(unsigned int size);

/* One burst of the gateway, for a measure_body of a struct site. */
void row_gateway_burst(void *site);

/* A thread on the CPUs that the process may use but for the one that measures, if there are. */
void row_keep_cpus(int cpu); /* before EAL starts */
int row_control_thread(pthread_t *thread, void *(*f)(void *), struct err *err);

/* -EIO when the site dropped packets since there were BEFORE of them, or met no rule for any. */
int row_check_drops(const struct site *s, uint64_t before, struct err *err);

#endif
