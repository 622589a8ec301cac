/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the registry share. */

#ifndef CONTROL_KMS_REGISTRY_STATE_H
#define CONTROL_KMS_REGISTRY_STATE_H

#include <pthread.h>

#include "control/kms/registry.h"

#define REGISTRY_INDEX 4096 /* a quarter full at most: chains stay short; a power of two */

#define REGISTRY_SAE   "sae" /* kinds of records */
#define REGISTRY_USAGE "usage"

/* Slot numbers by hash, one more than they are: 0 ends a chain (linear probing). */
struct registry_index {
	uint16_t slot[REGISTRY_INDEX];
};

enum registry_verb { REGISTRY_ADD, REGISTRY_SET, REGISTRY_REMOVE };

/* What a control thread waits for. */
struct registry_change {
	enum registry_verb verb;
	const struct kms_sae_config *config;
	const char *id;
	enum { REGISTRY_QUEUED, REGISTRY_WRITING, REGISTRY_DONE } state;
	int rc;
	struct err err;
	struct registry_change *next;
};

struct kms_registry {
	struct kms_registry_config config;
	struct kms_records records;
	pthread_mutex_t lock;
	pthread_cond_t done; /* a change is */
	struct registry_change *changes;

	struct kms_sae sae[KMS_SAE_MAX];
	struct registry_index by_id, by_identity;
	struct key_share share;
	uint64_t serial;
	uint16_t dirty[KMS_SAE_MAX]; /* slots whose usage is to be written */
	uint32_t dirty_count;
	uint64_t flushed_ns;
	uint64_t wall_less_mono_ns; /* to write times that people read */
	uint64_t mono_ns;           /* of the last turn */
};

/* Under the lock. */
void registry_index_put(struct registry_index *index, const char *key, uint32_t slot);
void registry_index_build(struct kms_registry *r);
/* A free slot; KMS_SAE_MAX when there is none. */
uint32_t registry_slot(const struct kms_registry *r);
/* CONFIG in SLOT, new there or with other terms. */
void registry_apply(struct kms_registry *r, uint32_t slot, const struct kms_sae_config *config,
                    uint64_t mono_ns);

/* What is to be written of S; NULL without memory. */
char *registry_usage_text(const struct kms_sae *s, uint64_t wall_less_mono_ns);
int registry_load(struct kms_registry *r, uint64_t mono_ns, uint64_t wall_ns, struct err *err);

#endif
