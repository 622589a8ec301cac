/* SPDX-License-Identifier: BSD-3-Clause */

/* Changes of the registry: asked for by the control thread, made by the store thread. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "control/kms/registry_state.h"

#define WAIT_S        5 /* for the store thread */
#define FLUSH_NS      NS_PER_S
#define FLUSH_AT_ONCE 64 /* SAEs a transaction */

/* Is the change good for the table as it is? Under the lock; SLOT is where it goes. */
static int judge(struct kms_registry *r, struct registry_change *c, uint32_t *slot)
{
	const char *id = c->verb == REGISTRY_REMOVE ? c->id : c->config->id;
	struct kms_sae *s = kms_registry_by_id(r, id), *other;
	char name[KMS_SAE_SHORT];

	if (c->verb == REGISTRY_ADD && s != NULL)
		return err_set(&c->err, EEXIST, "id: there is an SAE %s already",
		               kms_sae_id_short(id, name));
	if (c->verb != REGISTRY_ADD && s == NULL)
		return err_set(&c->err, ENOENT, "id: there is no SAE %s",
		               kms_sae_id_short(id, name));
	*slot = s != NULL ? s->slot : registry_slot(r);
	if (*slot == KMS_SAE_MAX)
		return err_set(&c->err, ENOSPC, "id: there are %d SAEs already", KMS_SAE_MAX);
	if (c->verb == REGISTRY_REMOVE || !c->config->local)
		return 0;
	other = kms_registry_by_identity(r, c->config->identity);
	if (other != NULL && other != s)
		return err_set(&c->err, EADDRINUSE, "identity: SAE %.64s has it", other->config.id);
	return 0;
}

static int write_config(struct kms_registry *r, const struct kms_sae_config *config,
                        struct err *err)
{
	json_t *o = kms_sae_config_json(config);
	char *text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	int rc;

	json_decref(o);
	if (text == NULL)
		return err_set(err, ENOMEM, "registry of SAEs: out of memory");
	rc = r->records.write(r->records.ctx,
	                      &(struct kms_record){REGISTRY_SAE, config->id, text, strlen(text)}, 1,
	                      err);
	free(text);
	return rc;
}

static int write_change(struct kms_registry *r, struct registry_change *c)
{
	const struct kms_record gone[] = {{REGISTRY_SAE, c->id, NULL, 0},
	                                  {REGISTRY_USAGE, c->id, NULL, 0}};

	if (c->verb == REGISTRY_REMOVE)
		return r->records.write(r->records.ctx, gone, 2, &c->err);
	return write_config(r, c->config, &c->err);
}

/* Its number may go to another at once; who asks with the old serial finds nobody. */
static void forget(struct kms_registry *r, uint32_t slot)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < r->dirty_count; i++)
		if (r->dirty[i] != slot)
			r->dirty[left++] = r->dirty[i];
	r->dirty_count = left;
	if (slot < r->share.count)
		key_share_remove(&r->share, slot);
	memset(&r->sae[slot], 0, sizeof(r->sae[slot]));
}

/* Under the lock, which is given up while the disk is written. */
static void make(struct kms_registry *r, struct registry_change *c, uint64_t mono_ns)
{
	uint32_t slot = 0;

	c->state = REGISTRY_WRITING;
	c->rc = judge(r, c, &slot);
	if (c->rc == 0) {
		kms_registry_unlock(r);
		c->rc = write_change(r, c);
		kms_registry_lock(r);
	}
	if (c->rc == 0) {
		if (c->verb == REGISTRY_REMOVE)
			forget(r, slot);
		else
			registry_apply(r, slot, c->config, mono_ns);
		registry_index_build(r);
	}
	c->state = REGISTRY_DONE;
	pthread_cond_broadcast(&r->done);
}

static void unlink_change(struct kms_registry *r, struct registry_change *c)
{
	struct registry_change **at = &r->changes;

	while (*at != NULL && *at != c)
		at = &(*at)->next;
	if (*at == c)
		*at = c->next;
}

static void wait_for(struct kms_registry *r, struct registry_change *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	while (c->state != REGISTRY_DONE) {
		/* Once it is being written nothing but the end tells what became of it. */
		if (c->state == REGISTRY_WRITING) {
			pthread_cond_wait(&r->done, &r->lock);
		} else if (pthread_cond_timedwait(&r->done, &r->lock, &until) == ETIMEDOUT &&
		           c->state == REGISTRY_QUEUED) {
			unlink_change(r, c);
			c->rc = err_set(&c->err, ETIMEDOUT,
			                "the database does not answer: nothing is changed");
			return;
		}
	}
}

static int change(struct kms_registry *r, struct registry_change *c, struct err *err)
{
	struct registry_change **at = &r->changes;

	kms_registry_lock(r);
	if (r->config.alone) {
		make(r, c, r->mono_ns);
	} else {
		while (*at != NULL)
			at = &(*at)->next;
		*at = c;
		if (r->config.wake != NULL) {
			kms_registry_unlock(r);
			r->config.wake(r->config.wake_ctx);
			kms_registry_lock(r);
		}
		wait_for(r, c);
	}
	kms_registry_unlock(r);
	if (c->rc < 0 && err != NULL)
		*err = c->err;
	return c->rc;
}

int kms_registry_add(struct kms_registry *r, const struct kms_sae_config *config, struct err *err)
{
	return change(r, &(struct registry_change){.verb = REGISTRY_ADD, .config = config}, err);
}

int kms_registry_set(struct kms_registry *r, const struct kms_sae_config *config, struct err *err)
{
	return change(r, &(struct registry_change){.verb = REGISTRY_SET, .config = config}, err);
}

int kms_registry_remove(struct kms_registry *r, const char *id, struct err *err)
{
	return change(r, &(struct registry_change){.verb = REGISTRY_REMOVE, .id = id}, err);
}

int kms_registry_unlock_sae(struct kms_registry *r, const char *id, uint64_t now_ns,
                            struct err *err)
{
	char name[KMS_SAE_SHORT];
	struct kms_sae *s;
	int rc = 0;

	kms_sae_id_short(id, name);
	kms_registry_lock(r);
	s = kms_registry_by_id(r, id);
	if (s == NULL)
		rc = err_set(err, ENOENT, "id: there is no SAE %s", name);
	else if (now_ns >= s->lockout.until_ns)
		rc = err_set(err, EALREADY, "id: SAE %s is not locked out", name);
	else
		s->lockout.until_ns = 0;
	kms_registry_unlock(r);
	return rc;
}

/* Up to FLUSH_AT_ONCE of the dirty ones; how many, or -errno: then they stay dirty. */
static int flush_some(struct kms_registry *r, struct err *err)
{
	struct kms_record row[FLUSH_AT_ONCE];
	struct kms_sae *copy = calloc(FLUSH_AT_ONCE, sizeof(*copy));
	int n = 0, rc = 0;

	if (copy == NULL)
		return err_set(err, ENOMEM, "registry of SAEs: out of memory");
	kms_registry_lock(r);
	while (n < FLUSH_AT_ONCE && r->dirty_count > 0) {
		struct kms_sae *s = &r->sae[r->dirty[--r->dirty_count]];

		s->dirty = false;
		copy[n++] = *s;
	}
	kms_registry_unlock(r);
	for (int i = 0; i < n; i++) {
		char *text = registry_usage_text(&copy[i], r->wall_less_mono_ns);

		row[i] = (struct kms_record){REGISTRY_USAGE, copy[i].config.id, text,
		                             text != NULL ? strlen(text) : 0};
		if (text == NULL)
			rc = err_set(err, ENOMEM, "registry of SAEs: out of memory");
	}
	if (rc == 0 && n > 0)
		rc = r->records.write(r->records.ctx, row, (size_t)n, err);
	kms_registry_lock(r);
	for (int i = 0; i < n; i++) {
		struct kms_sae *s = kms_registry_by_slot(r, copy[i].slot, copy[i].serial);

		free((void *)row[i].data);
		if (rc < 0 && s != NULL && !s->dirty) {
			s->dirty = true;
			r->dirty[r->dirty_count++] = (uint16_t)s->slot;
		}
	}
	kms_registry_unlock(r);
	free(copy);
	return rc < 0 ? rc : n;
}

bool kms_registry_work(struct kms_registry *r, uint64_t mono_ns, uint64_t wall_ns, bool flush,
                       int *rc, struct err *err)
{
	bool did = false;
	int n = 0;

	kms_registry_lock(r);
	r->mono_ns = mono_ns;
	r->wall_less_mono_ns = wall_ns - mono_ns;
	while (r->changes != NULL) {
		struct registry_change *c = r->changes;

		r->changes = c->next;
		make(r, c, mono_ns);
		did = true;
	}
	flush |= mono_ns - r->flushed_ns >= FLUSH_NS;
	if (flush)
		r->flushed_ns = mono_ns;
	kms_registry_unlock(r);
	while (flush && (n = flush_some(r, err)) > 0)
		did = true;
	if (rc != NULL)
		*rc = n < 0 ? n : 0;
	return did;
}
