/* SPDX-License-Identifier: BSD-3-Clause */

/* The grants that a fetcher has, found by key identifier. No lock, no disk: grant.c has both. */

#ifndef CONTROL_KMS_GRANT_TABLE_H
#define CONTROL_KMS_GRANT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/kms/grant_wire.h"

#define GRANT_ROW_NAME 33 /* with the null */

struct granted;

/* A key of a grant, in its bucket. */
struct granted_key {
	struct granted *of;
	uint32_t index;
	struct granted_key *next;
};

struct granted {
	struct granted *next; /* in the order in which they came, or of a list of the caller's */
	struct grant_parts parts;
	uint8_t *row; /* the GRANT and 4 bytes a key: bit i of it says that slave i has had it */
	size_t message_len, row_len;
	uint32_t left;    /* keys times slaves that were not fetched */
	uint32_t pending; /* marks that are not durable yet */
	bool dirty;       /* the caller's: its row is to be written */
	struct granted_key keys[];
};

struct grant_table {
	struct granted_key **buckets;
	size_t bucket_count, keys, grants;
	struct granted *first, **last;
};

int grant_table_init(struct grant_table *t, size_t keys_max);
void grant_table_fini(struct grant_table *t);

/* A grant of the bytes of a GRANT or of a row; NULL with -EPROTO or -ENOMEM in *RC. */
struct granted *granted_new(const uint8_t *bytes, size_t len, bool row, int *rc);
void granted_free(struct granted *g);

/* One whose keys have no grant yet; -ENOTUNIQ. */
int grant_table_add(struct grant_table *t, struct granted *g);
/* Out of the table, not freed. */
void grant_table_remove(struct grant_table *t, struct granted *g);
struct granted *grant_table_by_name(const struct grant_table *t, struct grant_name name);
const struct granted_key *grant_table_find(const struct grant_table *t,
                                           const uint8_t id[KEY_UUID_BYTES]);

/* Its number among the slaves; -1: it is none. And is MASTER the master? */
int granted_slave(const struct granted *g, const char *slave);
bool granted_master(const struct granted *g, const char *master);

uint32_t granted_taken(const struct granted *g, uint32_t index);
/* Mark that a slave has had a key, or take that back. */
void granted_mark(struct granted *g, uint32_t index, unsigned int slave, bool taken);

void granted_row_name(struct grant_name name, char out[GRANT_ROW_NAME]);

#endif
