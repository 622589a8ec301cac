/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "control/kms/registry_state.h"

/* FNV-1a (draft-eastlake-fnv-21 section 2). Only the operator's words are in the table. */
static uint32_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (const unsigned char *p = (const unsigned char *)key; *p != '\0'; p++)
		h = (h ^ *p) * 0x100000001b3ULL;
	return (uint32_t)(h ^ h >> 32);
}

void registry_index_put(struct registry_index *index, const char *key, uint32_t slot)
{
	uint32_t at = hash(key) % REGISTRY_INDEX;

	while (index->slot[at] != 0)
		at = (at + 1) % REGISTRY_INDEX;
	index->slot[at] = (uint16_t)(slot + 1);
}

void registry_index_build(struct kms_registry *r)
{
	memset(&r->by_id, 0, sizeof(r->by_id));
	memset(&r->by_identity, 0, sizeof(r->by_identity));
	for (uint32_t i = 0; i < KMS_SAE_MAX; i++) {
		if (!r->sae[i].used)
			continue;
		registry_index_put(&r->by_id, r->sae[i].config.id, i);
		if (r->sae[i].config.local)
			registry_index_put(&r->by_identity, r->sae[i].config.identity, i);
	}
}

uint32_t registry_slot(const struct kms_registry *r)
{
	uint32_t i = 0;

	while (i < KMS_SAE_MAX && r->sae[i].used)
		i++;
	return i;
}

static struct lockout limits(const struct kms_registry *r)
{
	return (struct lockout){.failures_max = r->config.lockout.failures_max,
	                        .window_ns = r->config.lockout.window_ns,
	                        .lock_ns = r->config.lockout.lock_ns};
}

/*
 * Of the common key the lowest priority leaves alone as much as the low mark, the highest nothing,
 * those between in proportion.
 */
static uint64_t reserve(const struct kms_registry *r, const struct kms_sae_config *c)
{
	return r->config.low_bits / KMS_PRIORITY_MAX * (KMS_PRIORITY_MAX - c->priority);
}

void registry_apply(struct kms_registry *r, uint32_t slot, const struct kms_sae_config *config,
                    uint64_t mono_ns)
{
	struct kms_sae *s = &r->sae[slot];
	bool refill = !s->used || memcmp(&s->config.allowance, &config->allowance,
	                                 sizeof(config->allowance)) != 0;
	uint64_t start = s->used ? s->meter.period_start_ns : mono_ns;
	uint64_t bits = s->used ? s->meter.period_bits : 0;

	if (!s->used) {
		memset(s, 0, sizeof(*s));
		s->used = true;
		s->slot = slot;
		s->serial = ++r->serial;
		s->lockout = limits(r);
		s->replay = limits(r);
	}
	s->config = *config;
	if (refill) {
		sae_meter_init(&s->meter, &config->allowance, start);
		s->meter.period_bits = bits;
	}
	if (config->local && config->enabled)
		key_share_put(&r->share, slot, config->weight, config->cap_bits,
		              reserve(r, config));
	else if (slot < r->share.count)
		key_share_remove(&r->share, slot);
}

static void locks_init(struct kms_registry *r)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->done, &attr);
	pthread_condattr_destroy(&attr);
}

int kms_registry_new(const struct kms_registry_config *config, const struct kms_records *records,
                     uint64_t mono_ns, uint64_t wall_ns, struct kms_registry **out, struct err *err)
{
	struct kms_registry *r = calloc(1, sizeof(*r));
	struct lockout *l;
	int rc;

	*out = NULL;
	if (r == NULL)
		return err_set(err, ENOMEM, "registry of SAEs: out of memory");
	r->config = *config;
	r->records = *records;
	l = &r->config.lockout;
	if (l->failures_max == 0)
		*l = (struct lockout){
		        .failures_max = 5, .window_ns = 60 * NS_PER_S, .lock_ns = 60 * NS_PER_S};
	locks_init(r);
	rc = registry_load(r, mono_ns, wall_ns, err);
	if (rc < 0) {
		kms_registry_free(r);
		return rc;
	}
	registry_index_build(r);
	*out = r;
	return 0;
}

void kms_registry_free(struct kms_registry *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->done);
	free(r);
}

void kms_registry_lock(struct kms_registry *r)
{
	pthread_mutex_lock(&r->lock);
}

void kms_registry_unlock(struct kms_registry *r)
{
	pthread_mutex_unlock(&r->lock);
}

static struct kms_sae *find(struct kms_registry *r, const struct registry_index *index,
                            const char *key, bool identity)
{
	uint32_t at = hash(key) % REGISTRY_INDEX;

	for (; index->slot[at] != 0; at = (at + 1) % REGISTRY_INDEX) {
		struct kms_sae *s = &r->sae[index->slot[at] - 1];

		if (strcmp(identity ? s->config.identity : s->config.id, key) == 0)
			return s;
	}
	return NULL;
}

struct kms_sae *kms_registry_by_identity(struct kms_registry *r, const char *identity)
{
	return find(r, &r->by_identity, identity, true);
}

struct kms_sae *kms_registry_by_id(struct kms_registry *r, const char *id)
{
	return find(r, &r->by_id, id, false);
}

struct kms_sae *kms_registry_by_slot(struct kms_registry *r, uint32_t slot, uint64_t serial)
{
	struct kms_sae *s = &r->sae[slot];

	return s->used && s->serial == serial ? s : NULL;
}

uint64_t kms_registry_wall_ns(struct kms_registry *r, uint64_t mono_ns)
{
	uint64_t wall;

	kms_registry_lock(r);
	wall = mono_ns + r->wall_less_mono_ns;
	kms_registry_unlock(r);
	return wall;
}

struct key_share *kms_registry_share(struct kms_registry *r)
{
	return &r->share;
}

void kms_registry_touch(struct kms_registry *r, struct kms_sae *s, uint64_t mono_ns)
{
	s->usage.last_wall_ns = mono_ns + r->wall_less_mono_ns;
	if (s->dirty)
		return;
	s->dirty = true;
	r->dirty[r->dirty_count++] = (uint16_t)s->slot;
}

bool kms_registry_get(struct kms_registry *r, const char *id, struct kms_sae *out)
{
	struct kms_sae *s;

	kms_registry_lock(r);
	s = kms_registry_by_id(r, id);
	if (s != NULL)
		*out = *s;
	kms_registry_unlock(r);
	return s != NULL;
}

size_t kms_registry_list(struct kms_registry *r, uint32_t from, struct kms_sae *out, size_t max)
{
	size_t n = 0;

	/* The lock is had anew for each: a long list keeps no request waiting. */
	for (uint32_t i = from; i < KMS_SAE_MAX && n < max; i++) {
		kms_registry_lock(r);
		if (r->sae[i].used)
			out[n++] = r->sae[i];
		kms_registry_unlock(r);
	}
	return n;
}
