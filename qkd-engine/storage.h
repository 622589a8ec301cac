/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where the key store keeps its blocks. Calls return 0 or negative errno with a sentence in
 * ERR; what happens between begin() and commit() is durable together or not at all.
 */

#ifndef QKD_ENGINE_STORAGE_H
#define QKD_ENGINE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Numbers are in files. */
enum storage_source { STORAGE_QKD, STORAGE_IMPORTED, STORAGE_PSK, STORAGE_FOREIGN };

/* A block at rest. Key i is available while bit i of the bitmap is 1. */
struct storage_block {
	int64_t row; /* storage's own name for it; grows with age */
	uint8_t id[16];
	uint8_t hash[32]; /* of all its key bytes */
	uint8_t salt[16]; /* from which its sealing key is derived */
	uint32_t keys;
	uint32_t auth_keys;
	uint64_t pad_base; /* number of the first pad of its authentication keys */
	enum storage_source source;
	bool simulated;
	uint64_t time_wall_ns;
	const uint8_t *bitmap; /* (keys + 7) / 8 bytes */
	const uint8_t *sealed; /* keys * sealed_key_bytes */
	uint32_t sealed_key_bytes;
	const char *record;        /* JSON: protocol, proof, epsilons, counts; for audits */
	double eps;                /* the sum of its epsilons; load() leaves it out, and the next */
	uint64_t preshared_hashes; /* added to STORAGE_PRESHARED_HASHES */
};

/* Counts that outlive a restart. */
enum storage_counter {
	STORAGE_NEXT_PAD,         /* from 2^32: numbers below are the pre-shared secret's */
	STORAGE_PRESHARED_HASHES, /* tags under the pre-shared hash keys */
	STORAGE_NEXT_POSITION,    /* in the streams of delivery */
	STORAGE_COUNTERS
};
#define STORAGE_PADS_FROM (UINT64_C(1) << 32)

struct storage {
	int (*begin)(struct storage *s, struct err *err);
	int (*commit)(struct storage *s, struct err *err);
	void (*rollback)(struct storage *s);

	/* Add a block; -EEXIST when its identity or hash was ever stored. Sets b->row. */
	int (*add)(struct storage *s, struct storage_block *b, struct err *err);
	/* Overwrite the sealed bytes of key INDEX with zeros and clear its bit. */
	int (*spend)(struct storage *s, int64_t row, uint32_t index, struct err *err);
	/* The epsilons of all blocks that were ever added, retired ones included. */
	int (*eps_total)(struct storage *s, double *out, struct err *err);
	/* Add to a counter; OUT gets what it was before. */
	int (*count)(struct storage *s, enum storage_counter counter, uint64_t add, uint64_t *out,
	             struct err *err);
	/* Drop the block's bytes and bitmap; its identity stays. */
	int (*retire)(struct storage *s, int64_t row, struct err *err);
	/* Call EACH for every block that is not retired, the oldest first. */
	int (*load)(struct storage *s, int (*each)(void *ctx, const struct storage_block *b),
	            void *ctx, struct err *err);
	void (*close)(struct storage *s);
};

/*
 * SQLite in WAL mode with full synchronisation: a commit that returned survives a power
 * cut. The file is created with mode 0600 and locked against a second process (-EBUSY).
 */
int storage_sqlite_open(const char *path, struct storage **out, struct err *err);

#endif
