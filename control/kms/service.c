/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/secret.h"
#include "control/kms/service_state.h"

#define WAIT_NS       (2 * NS_PER_S)
#define WAITING_MAX   1024
#define SECRET_BYTES  32
#define NO_LINK_STATE "no gateway yet"

static int config_copy(struct kms_service *s, const struct kms_service_config *c, struct err *err)
{
	if (http_identity_fault(c->kme, strlen(c->kme)) != NULL || strlen(c->kme) >= KMS_SAE_ID)
		return err_set(err, EINVAL, "name of the KME: is no ID of 1 to 254 bytes");
	if (http_identity_fault(c->peer_kme, strlen(c->peer_kme)) != NULL ||
	    strlen(c->peer_kme) >= KMS_SAE_ID)
		return err_set(err, EINVAL, "name of the peer KME: is no ID of 1 to 254 bytes");
	if (strcmp(c->kme, c->peer_kme) == 0)
		return err_set(err, EINVAL, "name of the peer KME: is that of this one");
	if (c->limits.max_key_per_request > KMS_STORE_BATCH)
		return err_set(err, EINVAL, "keys per request: more than %d", KMS_STORE_BATCH);
	if (c->limits.max_sae_id_count >= KMS_GRANT_SLAVES)
		return err_set(err, EINVAL, "additional slaves: more than %d",
		               KMS_GRANT_SLAVES - 1);
	s->config = *c;
	snprintf(s->kme, sizeof(s->kme), "%s", c->kme);
	snprintf(s->peer_kme, sizeof(s->peer_kme), "%s", c->peer_kme);
	s->config.kme = s->kme;
	s->config.peer_kme = s->peer_kme;
	s->limits = c->limits;
	if (s->grants == NULL)
		s->limits.max_sae_id_count = 0;
	s->skip = c->skip;
	if (c->wait_ns == 0)
		s->config.wait_ns = WAIT_NS;
	if (c->waiting_max == 0)
		s->config.waiting_max = WAITING_MAX;
	return 0;
}

static void globs_free(const char *const *glob, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((void *)glob[i]);
	free((void *)glob);
}

static int globs_copy(struct kms_service *s, const struct kms_service_config *c)
{
	const char **glob = calloc(c->skip_remote_count + 1, sizeof(*glob));

	s->config.skip_remote = glob;
	s->config.skip_remote_count = 0;
	for (size_t i = 0; glob != NULL && i < c->skip_remote_count; i++) {
		glob[i] = strdup(c->skip_remote[i]);
		if (glob[i] == NULL)
			return -ENOMEM;
		s->config.skip_remote_count++;
	}
	return glob == NULL ? -ENOMEM : 0;
}

int kms_service_new(const struct kms_service_config *config, struct kms_store *store,
                    struct kms_registry *registry, struct kms_grants *grants,
                    struct kms_service **out, struct err *err)
{
	struct kms_service *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, ENOMEM, "key delivery: out of memory");
	s->store = store;
	s->registry = registry;
	s->grants = grants;
	rc = config_copy(s, config, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	if (globs_copy(s, config) < 0) {
		globs_free(s->config.skip_remote, s->config.skip_remote_count);
		free(s);
		return err_set(err, ENOMEM, "key delivery: out of memory");
	}
	pthread_rwlock_init(&s->setup, NULL);
	pthread_mutex_init(&s->waiting, NULL);
	s->wait_last = &s->wait_first;
	s->strangers = (struct lockout){
	        .failures_max = 5, .window_ns = 60 * NS_PER_S, .lock_ns = 60 * NS_PER_S};
	snprintf(s->link.state, sizeof(s->link.state), NO_LINK_STATE);
	*out = s;
	return 0;
}

void kms_service_free(struct kms_service *s)
{
	struct http_fault f;
	struct job *j;

	if (s == NULL)
		return;
	http_fault_unavailable(&f, "this KME is stopping", 5);
	while ((j = s->wait_first) != NULL) {
		s->wait_first = j->next;
		service_job_refuse(j, &f);
	}
	key_uuid_keys_free(s->keys);
	globs_free(s->config.skip_remote, s->config.skip_remote_count);
	pthread_rwlock_destroy(&s->setup);
	pthread_mutex_destroy(&s->waiting);
	free(s);
}

/* The keys of identifiers are kept as long as the secret is the same: a HELLO comes each time. */
static int keys_set(struct kms_service *s, const struct kms_link *link, struct err *err)
{
	struct key_uuid_keys *keys;
	uint8_t hash[32];

	if (EVP_Digest(link->secret, SECRET_BYTES, hash, NULL, EVP_sha256(), NULL) != 1)
		return err_set(err, EIO, "key identifiers: OpenSSL refuses SHA-256");
	if (s->keys != NULL && s->link.link == link->link &&
	    bytes_equal_ct(hash, s->secret_hash, sizeof(hash)))
		return 0;
	keys = key_uuid_keys_new(link->secret, SECRET_BYTES, link->link, err);
	if (keys == NULL)
		return -err->code;
	key_uuid_keys_free(s->keys);
	s->keys = keys;
	memcpy(s->secret_hash, hash, sizeof(hash));
	return 0;
}

int kms_service_link(struct kms_service *s, const struct kms_link *link, struct err *err)
{
	int rc;

	pthread_rwlock_wrlock(&s->setup);
	rc = keys_set(s, link, err);
	if (rc == 0) {
		s->offer = (struct kms_offer){link->simulated, link->relayed};
		s->link.link = link->link;
		s->link.simulated = link->simulated;
		snprintf(s->link.name, sizeof(s->link.name), "%s", link->name);
		snprintf(s->link.protocol, sizeof(s->link.protocol), "%s", link->protocol);
	}
	pthread_rwlock_unlock(&s->setup);
	if (rc < 0)
		return rc;
	kms_registry_lock(s->registry);
	s->linked = true;
	s->link_number = link->link;
	s->levelled_ns = 0; /* what is stored may be taken from the next request on */
	kms_registry_unlock(s->registry);
	return 0;
}

void kms_service_link_state(struct kms_service *s, bool up, bool making, const char *state)
{
	pthread_rwlock_wrlock(&s->setup);
	s->link.up = up;
	s->link.making = making;
	snprintf(s->link.state, sizeof(s->link.state), "%s", state);
	pthread_rwlock_unlock(&s->setup);
	kms_registry_lock(s->registry);
	s->making = making;
	kms_registry_unlock(s->registry);
}

bool kms_service_link_read(struct kms_service *s, struct kms_link_view *out)
{
	bool known;

	pthread_rwlock_rdlock(&s->setup);
	*out = s->link;
	known = s->keys != NULL;
	pthread_rwlock_unlock(&s->setup);
	return known;
}

void kms_service_limits(struct kms_service *s, const struct kms_limits *limits, bool skip)
{
	pthread_rwlock_wrlock(&s->setup);
	s->limits = *limits;
	if (s->grants == NULL)
		s->limits.max_sae_id_count = 0;
	s->skip = skip;
	pthread_rwlock_unlock(&s->setup);
}

void service_setup(struct kms_service *s, struct kms_limits *limits, struct kms_offer *offer)
{
	pthread_rwlock_rdlock(&s->setup);
	*limits = s->limits;
	*offer = s->offer;
	pthread_rwlock_unlock(&s->setup);
}

void kms_service_stats_read(struct kms_service *s, struct kms_service_stats *out)
{
	kms_registry_lock(s->registry);
	*out = s->stats;
	kms_registry_unlock(s->registry);
	out->waiting = __atomic_load_n(&s->wait_count, __ATOMIC_RELAXED);
}

static int stranger(struct exchange *x, struct http_fault *f)
{
	struct kms_service *s = x->s;

	s->stats.unknown_callers++;
	if (lockout_failure(&s->strangers, x->now_ns))
		service_event(s, "kms-unknown-sae", "kms", true,
		              "certificates of our CA that no SAE is registered for");
	return http_fault_set(f, 401, "no SAE is registered for this certificate");
}

/* Who is it, and may it ask now? */
static int admit(struct exchange *x, const char *identity, struct http_fault *f)
{
	struct kms_service *s = x->s;
	struct kms_sae *sae;
	int rc;

	kms_registry_lock(s->registry);
	s->stats.requests++;
	sae = kms_registry_by_identity(s->registry, identity);
	if (sae == NULL) {
		rc = stranger(x, f);
		kms_registry_unlock(s->registry);
		return rc;
	}
	x->known = true;
	x->slot = sae->slot;
	x->serial = sae->serial;
	memcpy(x->sae, sae->config.id, strlen(sae->config.id) + 1);
	if (!sae->config.enabled) {
		rc = http_fault_set(f, 401, "this SAE is disabled");
	} else {
		rc = lockout_check(&sae->lockout, x->now_ns, f);
		s->stats.locked_out += rc < 0;
		if (rc == 0)
			rc = sae_meter_request(&sae->meter, x->now_ns, f);
	}
	kms_registry_unlock(s->registry);
	return rc;
}

int service_peer_sae(struct exchange *x, const char *name, const char *id, struct http_fault *f)
{
	struct kms_registry *r = x->s->registry;
	const struct kms_sae *sae;
	int rc = 0;

	if (strcmp(id, x->sae) == 0)
		return http_fault_field(f, 400, name, "is the caller itself");
	kms_registry_lock(r);
	sae = kms_registry_by_id(r, id);
	if (sae == NULL)
		rc = http_fault_field(f, 400, name, "is not a registered SAE");
	else if (!sae->config.enabled)
		rc = http_fault_field(f, 400, name, "is disabled");
	else if (sae->config.local)
		rc = http_fault_field(f, 400, name,
		                      "is an SAE of this KME: keys are shared with the peer's");
	kms_registry_unlock(r);
	return rc;
}

static void count_call(struct kms_service *s, enum kms_call call)
{
	kms_registry_lock(s->registry);
	s->stats.status_calls += call == KMS_STATUS;
	s->stats.enc_calls += call == KMS_ENC_KEYS;
	s->stats.dec_calls += call == KMS_DEC_KEYS;
	kms_registry_unlock(s->registry);
}

void kms_service_request(struct kms_service *s, const struct kms_request *r, uint64_t now_ns,
                         kms_reply_fn reply, void *ctx)
{
	struct exchange x = {.s = s, .reply = reply, .ctx = ctx, .now_ns = now_ns};
	struct kms_target t;
	struct http_fault f;
	bool skip;

	if (admit(&x, r->identity, &f) < 0) {
		service_refuse(&x, &f);
		return;
	}
	pthread_rwlock_rdlock(&s->setup);
	skip = s->skip;
	pthread_rwlock_unlock(&s->setup);
	if (skip && service_skip(&x, r))
		return;
	if (kms_target_parse(r->method, r->target, strlen(r->target), &t, &f) < 0) {
		service_refuse(&x, &f);
		return;
	}
	count_call(s, t.call);
	if (t.call == KMS_STATUS)
		service_status(&x, &t);
	else if (t.call == KMS_ENC_KEYS)
		service_enc(&x, &t, r);
	else
		service_dec(&x, &t, r);
}
