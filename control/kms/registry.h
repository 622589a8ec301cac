/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The SAEs that a KME knows: who they are, on which side, what they may take, what they took.
 *
 * Requests look them up by hash under the registry's lock, held for microseconds and never over a
 * disk access. Changes come from the control thread, which waits until the store thread has made
 * them durable; only then requests see them. What was consumed of quotas, and the usage, is written
 * about each second: a crash forgets at most what was taken since, a clean stop nothing.
 */

#ifndef CONTROL_KMS_REGISTRY_H
#define CONTROL_KMS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/key_share.h"
#include "control/kms/lockout.h"
#include "control/kms/record.h"
#include "control/kms/sae_config.h"
#include "control/kms/sae_meter.h"

#define KMS_SAE_MAX KEY_SHARE_MAX

/* What it did. Never which bytes. */
struct kms_sae_usage {
	uint64_t requests;
	uint64_t keys_given, bits_given;     /* enc_keys */
	uint64_t keys_fetched, bits_fetched; /* dec_keys */
	uint64_t refused;                    /* 4xx but 401 */
	uint64_t unavailable;                /* 503 */
	uint64_t unauthorized;               /* 401 */
	uint64_t replays;                    /* asked again for a key that is spent */
	uint64_t lockouts;
	uint64_t last_wall_ns; /* of the last request */
};

/* An SAE as requests see it: under the registry's lock alone. */
struct kms_sae {
	struct kms_sae_config config;
	struct kms_sae_usage usage;
	struct sae_meter meter;
	struct lockout lockout, replay;
	uint32_t slot;    /* its number, and in the shares */
	uint64_t serial;  /* of who has this slot: never the same twice */
	uint32_t waiting; /* requests of it that wait for key */
	bool used, dirty;
};

struct kms_registry_config {
	struct lockout lockout;  /* its limits; 5 failures in 60 s lock for 60 s where all are 0 */
	uint64_t low_bits;       /* of stored key: below, lower priorities leave common key alone */
	void (*wake)(void *ctx); /* there is work for the store thread; NULL: it looks by itself */
	void *wake_ctx;
	bool alone; /* there is no store thread: a change is written by whoever makes it */
};

struct kms_registry;

/*
 * Reads what was recorded. -EINVAL when a record is damaged: it is named. WALL and MONO are now: by
 * them the quota periods go on.
 */
int kms_registry_new(const struct kms_registry_config *config, const struct kms_records *records,
                     uint64_t mono_ns, uint64_t wall_ns, struct kms_registry **out,
                     struct err *err);
void kms_registry_free(struct kms_registry *r);

/*
 * Control thread. Adds, changes, or removes an SAE, durably; waits for the store thread. -EINVAL
 * names the field; -EEXIST and -ENOENT for the ID, -EADDRINUSE for an identity that another has,
 * -ENOSPC; -EIO and the like from the disk, -ETIMEDOUT when the store thread does not come. Nothing
 * is changed then. A changed allowance begins anew with full buckets; the quota's consumption
 * stays.
 */
int kms_registry_add(struct kms_registry *r, const struct kms_sae_config *c, struct err *err);
int kms_registry_set(struct kms_registry *r, const struct kms_sae_config *c, struct err *err);
int kms_registry_remove(struct kms_registry *r, const char *id, struct err *err);
/* Lifts a lock-out: -ENOENT when there is no such SAE, -EALREADY when it is not locked. */
int kms_registry_unlock_sae(struct kms_registry *r, const char *id, uint64_t now_ns,
                            struct err *err);
/* A copy of the SAE; false when there is none. */
bool kms_registry_get(struct kms_registry *r, const char *id, struct kms_sae *out);
/* Copies of up to MAX SAEs in the order of their slots, from slot FROM on; how many. */
size_t kms_registry_list(struct kms_registry *r, uint32_t from, struct kms_sae *out, size_t max);

/*
 * Store thread, each turn: writes pending changes, and about each second what was consumed. True
 * when there was something. -errno in *RC (may be NULL) when the disk refused consumption: it is
 * tried again. FLUSH: whatever is dirty, now.
 */
bool kms_registry_work(struct kms_registry *r, uint64_t mono_ns, uint64_t wall_ns, bool flush,
                       int *rc, struct err *err);

/* Any thread, for microseconds. What is found is valid until the lock is released. */
void kms_registry_lock(struct kms_registry *r);
void kms_registry_unlock(struct kms_registry *r);
struct kms_sae *kms_registry_by_identity(struct kms_registry *r, const char *identity);
struct kms_sae *kms_registry_by_id(struct kms_registry *r, const char *id);
/* The SAE that had SLOT as SERIAL; NULL when it is gone. */
struct kms_sae *kms_registry_by_slot(struct kms_registry *r, uint32_t slot, uint64_t serial);
/* It asked or took something: its usage is to be written. */
void kms_registry_touch(struct kms_registry *r, struct kms_sae *s, uint64_t mono_ns);
/* The wall clock at MONO_NS, as the store thread knows it. */
uint64_t kms_registry_wall_ns(struct kms_registry *r, uint64_t mono_ns);
struct key_share *kms_registry_share(struct kms_registry *r);

#endif
