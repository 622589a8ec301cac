/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Grants in memory: what of control/kms/grant.h the service calls. What one end sends lies at the
 * other when the test says so.
 */

#ifndef TESTS_UNIT_CONTROL_KMS_FAKE_GRANTS_H
#define TESTS_UNIT_CONTROL_KMS_FAKE_GRANTS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/grant.h"

#define FAKE_GRANTS 256

struct kms_grants {
	struct kms_grants *peer;
	int refuse; /* of the next send */
	struct fake_grant {
		uint8_t id[KEY_UUID_BYTES];
		char master[256], slave[KMS_GRANT_SLAVES][256];
		bool has[KMS_GRANT_SLAVES]; /* it had the key */
		size_t slaves;
	} grant[FAKE_GRANTS];
	size_t count;
	kms_grant_done sent, fetched; /* of one each */
	void *sent_ctx, *fetched_ctx;
};

int kms_grant_send(struct kms_grants *g, const struct kms_grant *grant, uint64_t now_ns,
                   kms_grant_done done, void *ctx)
{
	if (g->refuse != 0)
		return g->refuse;
	for (size_t i = 0; i < grant->count; i++) {
		struct fake_grant *p = &g->peer->grant[g->peer->count++];

		memset(p, 0, sizeof(*p));
		memcpy(p->id, grant->ids[i], KEY_UUID_BYTES);
		snprintf(p->master, sizeof(p->master), "%s", grant->master);
		p->slaves = grant->slave_count;
		for (size_t k = 0; k < grant->slave_count; k++)
			snprintf(p->slave[k], sizeof(p->slave[k]), "%s", grant->slaves[k]);
	}
	g->sent = done;
	g->sent_ctx = ctx;
	return 0;
}

/* The peer's answer, or that there is none: then it has forgotten what came. */
static inline void fake_ack(struct kms_grants *g, int rc)
{
	kms_grant_done done = g->sent;

	g->sent = NULL;
	if (rc < 0)
		g->peer->count = 0;
	done(g->sent_ctx, rc);
}

static inline struct fake_grant *fake_grant_of(struct kms_grants *g, const uint8_t *id)
{
	for (size_t i = 0; i < g->count; i++)
		if (memcmp(g->grant[i].id, id, KEY_UUID_BYTES) == 0)
			return &g->grant[i];
	return NULL;
}

enum kms_grant_found kms_grant_find(struct kms_grants *g, const uint8_t id[KEY_UUID_BYTES],
                                    const char *master, const char *slave, bool *last)
{
	struct fake_grant *p = fake_grant_of(g, id);
	enum kms_grant_found found = KMS_GRANT_OTHERS;
	size_t others = 0;

	*last = false;
	if (p == NULL)
		return KMS_GRANT_NONE;
	for (size_t k = 0; k < p->slaves; k++) {
		others += !p->has[k] && strcmp(p->slave[k], slave) != 0;
		if (strcmp(p->master, master) == 0 && strcmp(p->slave[k], slave) == 0)
			found = p->has[k] ? KMS_GRANT_TAKEN : KMS_GRANT_GIVEN;
	}
	*last = found != KMS_GRANT_OTHERS && others == 0;
	return found;
}

int kms_grant_fetched(struct kms_grants *g, const uint8_t (*ids)[KEY_UUID_BYTES], size_t count,
                      const char *slave, kms_grant_done done, void *ctx)
{
	bool last;

	for (size_t i = 0; i < count; i++) {
		struct fake_grant *p = fake_grant_of(g, ids[i]);

		if (p == NULL)
			return -ENOENT;
		if (kms_grant_find(g, ids[i], p->master, slave, &last) != KMS_GRANT_GIVEN)
			return -EALREADY;
	}
	for (size_t i = 0; i < count; i++) {
		struct fake_grant *p = fake_grant_of(g, ids[i]);

		for (size_t k = 0; k < p->slaves; k++)
			p->has[k] |= strcmp(p->slave[k], slave) == 0;
	}
	g->fetched = done;
	g->fetched_ctx = ctx;
	return 0;
}

static inline void fake_grants_commit(struct kms_grants *g, int rc)
{
	kms_grant_done done = g->fetched;

	g->fetched = NULL;
	done(g->fetched_ctx, rc);
}

#endif
