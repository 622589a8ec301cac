/* SPDX-License-Identifier: BSD-3-Clause */

/* Stores for tests: key that says where it belongs, a clock and a quick disk of the test's own. */

#ifndef TESTS_UNIT_CONTROL_KMS_STORE_RIG_H
#define TESTS_UNIT_CONTROL_KMS_STORE_RIG_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "control/kms/store_audit.h"
#include "tests/unit/control/kms/faulty_disk.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#define SEGMENT_BYTES (KMS_SEGMENT_UNITS * KEY_UUID_UNIT)

static char rig_directory[64], rig_path[96];
static uint8_t rig_key[32];
static uint64_t rig_wall = 1000 * NS_PER_S, rig_mono = 5 * NS_PER_S;
static struct kms_store_config rig_config;
static struct err rig_err;

/* The file by the test itself, while no store has it open. */
static inline sqlite3 *rig_sqlite(void)
{
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(
	        sqlite3_open_v2(rig_path, &db, SQLITE_OPEN_READWRITE, faulty_below->zName),
	        SQLITE_OK);
	return db;
}

/* A fresh directory, and a configuration for A's end that a test may change. */
static inline void rig_begin(void)
{
	static int started;

	faulty_disk_begin();
	if (!started) {
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
		CU_ASSERT_EQUAL_FATAL(secret_init(7 << 20, NULL), 0);
	}
	started = 1;
	strcpy(rig_directory, "/tmp/kms_store.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig_directory));
	snprintf(rig_path, sizeof(rig_path), "%s/kms.db", rig_directory);
	memset(rig_key, 0x5a, sizeof(rig_key));
	rig_config = (struct kms_store_config){.path = rig_path,
	                                       .storage_key = rig_key,
	                                       .own = KEY_UUID_FROM_A,
	                                       .max_bytes = 16 * SEGMENT_BYTES,
	                                       .ttl_s = 3600,
	                                       .ahead_bytes = 4096,
	                                       .wall_ns = rig_wall,
	                                       .mono_ns = rig_mono};
}

static inline void rig_end(void)
{
	CU_ASSERT_EQUAL(remove_tree(rig_directory), 0);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static inline struct kms_store *rig_open(void)
{
	struct kms_store *s = NULL;
	int rc;

	rig_config.wall_ns = rig_wall;
	rig_config.mono_ns = rig_mono;
	rc = kms_store_open(&rig_config, &s, &rig_err);
	if (rc < 0)
		printf("\n  open: %s\n", rig_err.text);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	return s;
}

/* The 8 bytes at POSITION: never the same twice, and no others. */
static inline void rig_unit(uint8_t link, enum key_uuid_class class, uint64_t position,
                            uint8_t out[KEY_UUID_UNIT])
{
	uint64_t v = position * UINT64_C(0x9e3779b97f4a7c15) + ((uint64_t) class << 56) + link + 1;

	v ^= v >> 29;
	put_be64(out, v * UINT64_C(0xbf58476d1ce4e5b9));
}

static inline void rig_bytes(uint8_t link, enum key_uuid_class class, uint64_t position,
                             uint32_t units, uint8_t *out)
{
	for (uint32_t i = 0; i < units; i++)
		rig_unit(link, class, position + i, out + (size_t)i * KEY_UUID_UNIT);
}

/* A segment of link 1, whose bytes are of a static buffer. */
static inline struct kms_segment rig_segment(enum key_uuid_class class, uint64_t position,
                                             uint32_t units)
{
	static uint8_t bytes[SEGMENT_BYTES];
	struct kms_segment seg = {.link = 1,
	                          .class = class,
	                          .position = position,
	                          .units = units,
	                          .time_wall_ns = rig_wall,
	                          .bytes = bytes};

	rig_bytes(1, class, position, units, bytes);
	memset(seg.block, (int)(position / KMS_SEGMENT_UNITS), sizeof(seg.block));
	sha256(bytes, (size_t)units * KEY_UUID_UNIT, seg.hash);
	return seg;
}

static inline int rig_add(struct kms_store *s, enum key_uuid_class class, uint64_t position,
                          uint32_t units)
{
	struct kms_segment seg = rig_segment(class, position, units);

	return kms_store_add(s, &seg, &rig_err);
}

static inline void rig_work(struct kms_store *s)
{
	struct err err;

	while (kms_store_work(s, &err))
		;
}

static inline void rig_tick(struct kms_store *s, uint64_t seconds)
{
	rig_wall += seconds * NS_PER_S;
	rig_mono += seconds * NS_PER_S;
	kms_store_tick(s, rig_wall, rig_mono, &rig_err);
}

/* Is KEY what lies at P? */
static inline int rig_is_key(const struct key_uuid_place *p, const uint8_t *key)
{
	uint8_t want[KEY_UUID_LENGTH];

	rig_bytes(p->link, p->class, p->position, (p->length + KEY_UUID_UNIT - 1u) / KEY_UUID_UNIT,
	          want);
	return memcmp(want, key, p->length) == 0;
}

static inline struct key_uuid_place rig_place(enum key_uuid_class class, uint64_t position,
                                              uint16_t length)
{
	return (struct key_uuid_place){
	        .link = 1, .class = class, .position = position, .length = length};
}

/* What done() said; RIG_WAITS before. */
#define RIG_WAITS 1
static inline void rig_done(void *ctx, int rc)
{
	*(int *)ctx = rc;
}

static inline int rig_give(struct kms_store *s, uint32_t number, uint32_t key_bytes,
                           struct key_uuid_place *place, uint8_t *keys)
{
	const struct kms_take take = {.link = 1, .number = number, .key_bytes = key_bytes};

	return kms_store_give(s, &take, place, keys);
}

/* Each byte that came is somewhere, and the segments say the same as the counts. */
static inline void rig_check_sums(struct kms_store *s)
{
	struct kms_store_stats st;

	kms_store_stats_read(s, &st);
	for (int i = 0; i < 2; i++) {
		const struct kms_stream_stats *t = i == 0 ? &st.from_a : &st.from_b;

		CU_ASSERT_EQUAL(t->came, t->available + t->reserved + t->pending + t->delivered +
		                                 t->expired + t->voided + t->lost);
		CU_ASSERT_EQUAL(t->destroyed, t->delivered + t->expired + t->voided + t->lost);
		CU_ASSERT(t->available <= t->held);
		CU_ASSERT(t->delivered_both <= t->delivered);
	}
}

#endif
