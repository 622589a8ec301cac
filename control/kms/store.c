/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hkdf.h"
#include "common/secret.h"
#include "control/kms/store_state.h"

static int check_config(const struct kms_store_config *c, struct err *err)
{
	if (c->own != 0 && c->own != KEY_UUID_FROM_A && c->own != KEY_UUID_FROM_B)
		return err_set(err, EINVAL, STORE_WHAT ": no such stream to give from");
	if (c->max_bytes < KMS_SEGMENT_UNITS * KEY_UUID_UNIT)
		return err_set(err, EINVAL,
		               STORE_WHAT ": max-size-kib is less than a segment, %d bytes",
		               KMS_SEGMENT_UNITS * KEY_UUID_UNIT);
	if (c->high_bytes > c->max_bytes)
		return err_set(err, EINVAL, STORE_WHAT ": high-water-kib is above max-size-kib");
	if (c->low_bytes > (c->high_bytes > 0 ? c->high_bytes : c->max_bytes))
		return err_set(err, EINVAL, STORE_WHAT ": low-water-kib is above high-water-kib");
	return 0;
}

static void set_up(struct kms_store *s)
{
	pthread_mutex_init(&s->lock, NULL);
	TAILQ_INIT(&s->dirty);
	s->fetches_last = &s->fetches;
	s->jobs_last = &s->jobs;
	if (s->config.high_bytes == 0)
		s->config.high_bytes = s->config.max_bytes / 8 * 7;
	if (s->config.ahead_bytes == 0)
		s->config.ahead_bytes = AHEAD_BYTES;
	if (s->config.records == 0)
		s->config.records = KMS_STORE_RECORDS;
}

static int set_keys(struct kms_store *s, struct err *err)
{
	static const char salt[] = "lumengate kms v1", label[] = "delivery store names";

	s->keys = secret_alloc(2 * SEAL_KEY_BYTES);
	s->text = secret_alloc(CHUNK_BYTES);
	if (s->keys == NULL || s->text == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	memcpy(s->keys, s->config.storage_key, SEAL_KEY_BYTES);
	s->config.storage_key = NULL;
	if (hkdf_sha256(s->keys, SEAL_KEY_BYTES, salt, sizeof(salt) - 1, label, sizeof(label) - 1,
	                s->keys + SEAL_KEY_BYTES, SEAL_KEY_BYTES) < 0)
		return err_set(err, EIO, STORE_WHAT ": OpenSSL refuses HKDF");
	return 0;
}

static void destroy(struct kms_store *s)
{
	db_close(s);
	streams_free(s);
	secret_free(s->keys);
	secret_free(s->text);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int kms_store_open(const struct kms_store_config *config, struct kms_store **out, struct err *err)
{
	struct kms_store *s;
	struct err own;
	int rc;

	if (err == NULL)
		err = &own;
	rc = check_config(config, err);
	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": out of memory");
	s->config = *config;
	set_up(s);
	rc = set_keys(s, err);
	if (rc == 0)
		rc = db_open(s, err);
	if (rc == 0)
		rc = store_load(s, err);
	if (rc < 0) {
		destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

void kms_store_close(struct kms_store *s)
{
	struct err err;
	struct txn t;
	int rc;

	if (s == NULL)
		return;
	while (s->fetches != NULL || s->jobs != NULL) {
		s->failing = true; /* nothing more is reserved */
		kms_store_work(s, &err);
	}
	rc = txn_begin(s, &t, &err);
	if (rc == 0) {
		given_collect(s);
		rc = reserve_return(s, &err);
		if (rc == 0)
			rc = age_save(s, s->wall_ns, &err);
		rc = txn_end(s, &t, rc, &err);
	}
	if (rc == 0)
		db_checkpoint(s, &err);
	destroy(s);
}

enum key_uuid_class kms_store_own(const struct kms_store *s)
{
	return s->config.own;
}
