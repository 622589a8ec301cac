/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * enc_keys: from memory, at once. It waits where the store is just about to reserve more, and for
 * the peer where the keys have several slaves.
 */

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "control/kms/service_state.h"

#define RESERVE_WAIT_NS NS_PER_S /* for the store thread to reserve more */
#define FOR_EVER_NS     ((uint64_t)100 * 365 * 86400 * NS_PER_S)

/* What the shares are charged with: keys take whole units of their stream. */
static uint64_t stored_bits(const struct kms_take *t)
{
	uint64_t units = (t->key_bytes + KEY_UUID_UNIT - 1) / KEY_UUID_UNIT;

	return t->number * units * KEY_UUID_UNIT * 8;
}

static int short_of(struct kms_service *s, uint64_t bits, struct http_fault *f)
{
	s->stats.short_of_key++;
	return http_fault_unavailable(f, "not so many keys are stored for this SAE now",
	                              service_retry_s(s, bits));
}

/* -EAGAIN: there is key, but it is not reserved yet. Under the registry's lock. */
static int take(struct job *j, uint64_t now_ns, struct http_fault *f)
{
	struct kms_service *s = j->x.s;
	struct key_share *share = kms_registry_share(s->registry);
	struct kms_sae *sae = kms_registry_by_slot(s->registry, j->x.slot, j->x.serial);
	uint64_t bits = (uint64_t)j->take.number * j->take.key_bytes * 8;
	uint64_t stored = stored_bits(&j->take);
	int rc;

	if (sae == NULL || !sae->config.enabled)
		return http_fault_set(f, 401, "this SAE is no longer registered");
	/* The link has just been named: the first to ask need not wait for the clock's turn. */
	if (s->levelled_ns == 0)
		service_level(s, now_ns);
	rc = sae_meter_bits(&sae->meter, now_ns, bits, f);
	if (rc < 0)
		return rc;
	if (stored > key_share_bits(share, j->x.slot)) {
		rc = short_of(s, stored - key_share_bits(share, j->x.slot), f);
	} else if (kms_store_give(s->store, &j->take, j->place, j->keys) < 0) {
		rc = kms_store_bytes(s->store, j->take.link, s->config.own) * 8 >= stored
		             ? -EAGAIN
		             : short_of(s, stored, f);
	} else {
		key_share_take(share, j->x.slot, stored);
		j->x.bits = bits;
		return 0;
	}
	sae_meter_give_back(&sae->meter, bits);
	return rc;
}

/* Identifiers of the keys that were taken. */
static int issue(struct job *j, struct http_fault *f)
{
	struct kms_service *s = j->x.s;
	int rc = 0;

	pthread_rwlock_rdlock(&s->setup);
	for (uint32_t i = 0; rc == 0 && i < j->count; i++)
		rc = key_uuid_issue(s->keys, &j->place[i], j->master, j->slave, j->uuid[i], NULL);
	pthread_rwlock_unlock(&s->setup);
	/* These keys are gone: nobody can name them. */
	return rc == 0 ? 0 : http_fault_set(f, 500, "the key identifiers could not be made");
}

static void granted(void *ctx, int rc)
{
	struct job *j = ctx;
	struct kms_service *s = j->x.s;
	struct http_fault f;

	kms_registry_lock(s->registry);
	s->stats.grants += rc == 0;
	s->stats.grants_out += rc != 0;
	kms_registry_unlock(s->registry);
	if (rc == 0) {
		j->x.keys_given = j->count;
		service_job_done(j);
		return;
	}
	http_fault_unavailable(&f, "the other KME did not take the grant for several slaves", 5);
	service_job_refuse(j, &f);
}

/* Several slaves: the keys are answered when the peer knows who may fetch them. */
static void send_grant(struct job *j, uint64_t now_ns)
{
	struct kms_service *s = j->x.s;
	const char *slave[KMS_GRANT_SLAVES] = {j->slave};
	uint64_t ttl = s->config.ttl_ns != 0 ? s->config.ttl_ns : FOR_EVER_NS;
	struct kms_grant g = {.ids = (const uint8_t(*)[KEY_UUID_BYTES])j->uuid,
	                      .count = j->count,
	                      .master = j->master,
	                      .slaves = slave,
	                      .slave_count = 1 + j->request.slaves};
	int rc;

	for (uint32_t i = 0; i < j->request.slaves; i++)
		slave[1 + i] = j->request.slave[i];
	g.expiry_wall_ns = kms_registry_wall_ns(s->registry, now_ns) + ttl;
	rc = kms_grant_send(s->grants, &g, now_ns, granted, j);
	if (rc < 0)
		granted(j, rc);
}

enum service_try service_enc_try(struct job *j, uint64_t now_ns, bool late)
{
	struct kms_service *s = j->x.s;
	struct http_fault f;
	int rc;

	rc = service_job_room(j, &f);
	if (rc < 0) {
		service_job_refuse(j, &f);
		return SERVICE_OVER;
	}
	kms_registry_lock(s->registry);
	rc = take(j, now_ns, &f);
	if (rc == -EAGAIN && late)
		rc = short_of(s, 0, &f);
	kms_registry_unlock(s->registry);
	if (rc == -EAGAIN)
		return SERVICE_WAIT;
	if (rc == 0)
		rc = issue(j, &f);
	if (rc < 0) {
		service_job_refuse(j, &f);
		return SERVICE_OVER;
	}
	service_job_text(j);
	if (j->request.slaves > 0) {
		send_grant(j, now_ns);
		return SERVICE_OVER;
	}
	j->x.keys_given = j->count;
	service_job_done(j);
	return SERVICE_OVER;
}

void service_enc_start(struct exchange *x, struct kms_key_request *request, const char *master,
                       const char *slave)
{
	struct kms_service *s = x->s;
	struct job *j = service_job_new(x, false, request->number);
	struct http_fault f;
	int rc = 0;

	if (j == NULL) {
		kms_key_request_free(request);
		http_fault_unavailable(&f, "out of memory", 1);
		service_refuse(x, &f);
		return;
	}
	j->request = *request;
	memcpy(j->master, master, strlen(master) + 1);
	memcpy(j->slave, slave, strlen(slave) + 1);
	j->take = (struct kms_take){.number = request->number,
	                            .key_bytes = request->size / 8,
	                            .want_real = request->real,
	                            .want_simulated = request->simulated};
	pthread_rwlock_rdlock(&s->setup);
	if (s->keys == NULL)
		rc = http_fault_unavailable(&f, "there is no link to make keys yet", 10);
	j->take.link = s->link.link;
	pthread_rwlock_unlock(&s->setup);
	for (uint32_t i = 0; i < j->count; i++)
		j->place[i].length = (uint16_t)j->take.key_bytes;
	if (rc < 0) {
		service_job_refuse(j, &f);
		return;
	}
	j->deadline_ns = x->now_ns + RESERVE_WAIT_NS;
	service_job_run(j, x->now_ns);
}

static int slaves_check(struct exchange *x, const struct kms_key_request *r, struct http_fault *f)
{
	static const char name[] = "additional_slave_SAE_IDs";
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < r->slaves; i++) {
		if (strcmp(r->slave[i], x->sae) == 0)
			return http_fault_field(f, 400, name, "entry %u is the caller itself", i);
		rc = service_peer_sae(x, name, r->slave[i], f);
	}
	return rc;
}

void service_enc(struct exchange *x, const struct kms_target *t, const struct kms_request *r)
{
	struct kms_key_request request = {0};
	struct kms_limits limits;
	struct kms_offer offer;
	struct http_fault f;
	int rc;

	service_setup(x->s, &limits, &offer);
	rc = service_peer_sae(x, "slave_SAE_ID", t->sae, &f);
	if (rc == 0)
		rc = kms_key_request_read(t, r->body, r->body_len, &limits, &offer, &request, &f);
	if (rc == 0)
		rc = slaves_check(x, &request, &f);
	if (rc < 0) {
		kms_key_request_free(&request);
		service_refuse(x, &f);
		return;
	}
	service_enc_start(x, &request, x->sae, t->sae);
}
