/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A store in memory: what of control/kms/store.h the service calls. The byte at a position is the
 * same at both ends. The test is the store thread: fake_commit() makes fetches durable, or not.
 */

#ifndef TESTS_UNIT_CONTROL_KMS_FAKE_STORE_H
#define TESTS_UNIT_CONTROL_KMS_FAKE_STORE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/store.h"

#ifndef FAKE_UNITS
#define FAKE_UNITS (1 << 20)
#endif
#define FAKE_PENDING 4096

struct kms_store {
	pthread_mutex_t lock;
	enum key_uuid_class own;
	uint8_t link;
	bool simulated;
	uint64_t next, reserved, stored; /* units of the own stream: given up to, ... */
	uint64_t come;                   /* units of the other's stream that are here */
	uint8_t *state;                  /* of these, 0 or what a fetch says: enum kms_found */
	struct fake_pending {
		void (*done)(void *ctx, int rc);
		void *ctx;
		struct key_uuid_place place[KMS_STORE_BATCH];
		uint32_t n;
	} * pending;
	uint32_t pending_count;
};

static inline void fake_init(struct kms_store *s, enum key_uuid_class own)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->own = own;
	s->link = 3;
	s->state = calloc(1, FAKE_UNITS);
	s->pending = calloc(FAKE_PENDING, sizeof(*s->pending));
}

static inline void fake_fini(struct kms_store *s)
{
	pthread_mutex_destroy(&s->lock);
	free(s->state);
	free(s->pending);
}

/* UNITS more of both streams, reserved at once. */
static inline void fake_come(struct kms_store *s, uint64_t units)
{
	pthread_mutex_lock(&s->lock);
	s->stored += units;
	s->reserved += units;
	s->come += units;
	pthread_mutex_unlock(&s->lock);
}

static inline uint8_t fake_byte(enum key_uuid_class class, uint64_t at)
{
	uint64_t v = (at + 1) * 0x9e3779b97f4a7c15ULL * class;

	return (uint8_t)(v >> 40);
}

static inline void fake_bytes(const struct key_uuid_place *p, uint8_t *out)
{
	for (uint32_t i = 0; i < p->length; i++)
		out[i] = fake_byte(p->class, p->position * KEY_UUID_UNIT + i);
}

static inline uint64_t fake_units(uint32_t bytes)
{
	return (bytes + KEY_UUID_UNIT - 1) / KEY_UUID_UNIT;
}

int kms_store_give(struct kms_store *s, const struct kms_take *take, struct key_uuid_place *place,
                   uint8_t *keys)
{
	uint64_t units = fake_units(take->key_bytes);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (take->link != s->link || (take->want_real && s->simulated) ||
	    (take->want_simulated && !s->simulated) || s->next + units * take->number > s->reserved)
		rc = -EAGAIN;
	for (uint32_t i = 0; rc == 0 && i < take->number; i++) {
		place[i] = (struct key_uuid_place){.link = s->link,
		                                   .class = s->own,
		                                   .position = s->next,
		                                   .length = (uint16_t)take->key_bytes};
		fake_bytes(&place[i], keys + (size_t)i * take->key_bytes);
		s->next += units;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static inline enum kms_found fake_look(struct kms_store *s, const struct key_uuid_place *place,
                                       uint32_t n)
{
	enum kms_found found = KMS_FOUND;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = place[i].position + fake_units(place[i].length);

		if (end > s->come) {
			found = KMS_NOT_YET;
			continue;
		}
		if (s->state[place[i].position] != KMS_FOUND)
			return s->state[place[i].position];
	}
	return found;
}

enum kms_found kms_store_peek(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                              uint8_t *keys)
{
	enum kms_found found;

	pthread_mutex_lock(&s->lock);
	found = fake_look(s, place, n);
	for (uint32_t i = 0; found == KMS_FOUND && i < n; i++) {
		fake_bytes(&place[i], keys);
		keys += place[i].length;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

enum kms_found kms_store_fetch(struct kms_store *s, const struct key_uuid_place *place, uint32_t n,
                               uint8_t *keys, void (*done)(void *ctx, int rc), void *ctx)
{
	enum kms_found found;
	struct fake_pending *p;

	pthread_mutex_lock(&s->lock);
	found = s->pending_count == FAKE_PENDING ? KMS_BUSY : fake_look(s, place, n);
	if (found == KMS_FOUND) {
		p = &s->pending[s->pending_count++];
		p->done = done;
		p->ctx = ctx;
		p->n = n;
		memcpy(p->place, place, n * sizeof(*place));
		for (uint32_t i = 0; i < n; i++) {
			fake_bytes(&place[i], keys);
			keys += place[i].length;
			s->state[place[i].position] = KMS_SPENT;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* One turn of the store thread: what was fetched is durable (0), or the disk failed. */
static inline bool fake_commit(struct kms_store *s, int rc)
{
	struct fake_pending *p = calloc(1, sizeof(*p));
	bool did = false;

	pthread_mutex_lock(&s->lock);
	while (s->pending_count > 0) {
		*p = s->pending[--s->pending_count];
		for (uint32_t i = 0; rc < 0 && i < p->n; i++)
			s->state[p->place[i].position] = KMS_FOUND;
		pthread_mutex_unlock(&s->lock);
		p->done(p->ctx, rc);
		did = true;
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	free(p);
	return did;
}

uint64_t kms_store_bytes(struct kms_store *s, uint8_t link, enum key_uuid_class class)
{
	uint64_t units;

	pthread_mutex_lock(&s->lock);
	units = link == s->link && class == s->own ? s->stored - s->next : 0;
	pthread_mutex_unlock(&s->lock);
	return units * KEY_UUID_UNIT;
}

#endif
