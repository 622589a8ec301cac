/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dec_keys: the caller is who the identifiers were issued for, by the pair tag or, where the keys
 * have several slaves, by a grant. Answered when it is on disk that they are spent. Key that was
 * issued at the other end and has not come here yet is waited for.
 *
 * In a job the keys by pair tag stand first, those by grant behind them; the answer has them in
 * the order of the request.
 */

#include <errno.h>
#include <string.h>

#include "common/secret.h"
#include "control/kms/service_state.h"

static int not_found(struct job *j, enum kms_found why, struct http_fault *f)
{
	struct kms_service *s = j->x.s;
	const char *reason = why == KMS_SPENT     ? "was delivered before"
	                     : why == KMS_EXPIRED ? "has expired"
	                                          : "was voided by the KMEs";

	http_fault_set(f, 400, KMS_KEY_NOT_FOUND);
	http_fault_add(f, "key_IDs", "a key %s", reason);
	j->x.replay = why == KMS_SPENT;
	kms_registry_lock(s->registry);
	s->stats.expired += why == KMS_EXPIRED;
	s->stats.voided += why == KMS_VOIDED;
	kms_registry_unlock(s->registry);
	return -400;
}

static void complete(struct job *j)
{
	struct kms_service *s = j->x.s;
	struct http_fault f;

	if (j->rc == 0) {
		j->x.keys_fetched = j->count;
		for (uint32_t i = 0; i < j->count; i++)
			j->x.bits += 8 * (uint64_t)j->place[i].length;
		service_job_done(j);
		return;
	}
	kms_registry_lock(s->registry);
	s->stats.undone++;
	kms_registry_unlock(s->registry);
	http_fault_unavailable(&f, "it cannot be recorded that these keys are delivered", 5);
	service_job_refuse(j, &f);
}

/* Who comes last, the store or the thread that asked it, answers. */
static void over(struct job *j)
{
	if (__atomic_sub_fetch(&j->parts, 1, __ATOMIC_ACQ_REL) == 0)
		complete(j);
}

static void fetched(void *ctx, int rc)
{
	struct job *j = ctx;

	j->rc = rc;
	over(j);
}

static enum service_try stop(struct job *j, enum kms_found why, bool late)
{
	struct kms_service *s = j->x.s;
	struct http_fault f;

	if (why == KMS_NOT_YET && !late)
		return SERVICE_WAIT;
	if (why == KMS_NOT_YET)
		http_fault_unavailable(&f, "a key is on its way to this KME and not yet here", 1);
	else if (why == KMS_BUSY)
		http_fault_unavailable(&f, "too many requests wait for the disk", 1);
	else
		not_found(j, why, &f);
	kms_registry_lock(s->registry);
	s->stats.waited_out += why == KMS_NOT_YET;
	kms_registry_unlock(s->registry);
	service_job_refuse(j, &f);
	return SERVICE_OVER;
}

/* Keys by pair tag alone, or, with the others copied before, the last step. */
static enum service_try fetch(struct job *j, bool late)
{
	enum kms_found found;

	j->parts = 2;
	found = kms_store_fetch(j->x.s->store, j->place, j->plain, j->keys, fetched, j);
	if (found != KMS_FOUND)
		return stop(j, found, late);
	service_job_text(j);
	over(j);
	return SERVICE_OVER;
}

static void nothing(void *ctx, int rc)
{
}

/* All slaves have had it: its bytes go. Another may be doing the same; then it is spent. */
static void destroy_granted(struct job *j)
{
	struct kms_service *s = j->x.s;
	uint8_t *scratch;
	bool last;

	for (uint32_t i = j->plain; i < j->count; i++) {
		/* Its own mark is made: GIVEN it is no more. */
		kms_grant_find(s->grants, j->uuid[i], j->master, j->x.sae, &last);
		if (!last)
			continue;
		scratch = secret_alloc(j->place[i].length);
		if (scratch != NULL)
			kms_store_fetch(s->store, &j->place[i], 1, scratch, nothing, NULL);
		secret_free(scratch);
	}
}

/* It is on disk that this slave has those by grant. */
static void granted(void *ctx, int rc)
{
	struct job *j = ctx;

	j->rc = rc;
	if (rc == 0)
		destroy_granted(j);
	if (rc == 0 && j->plain > 0) {
		fetch(j, true);
		return;
	}
	if (rc == 0)
		service_job_text(j);
	complete(j);
}

static enum service_try fetch_granted(struct job *j, bool late)
{
	struct kms_service *s = j->x.s;
	size_t offset = 0;
	enum kms_found found = KMS_FOUND;
	int rc;

	for (uint32_t i = 0; i < j->plain; i++)
		offset += j->place[i].length;
	/* A first look at the plain ones: only a race may refuse them once the others are marked.
	 */
	if (j->plain > 0)
		found = kms_store_peek(s->store, j->place, j->plain, j->keys);
	if (found == KMS_FOUND)
		found = kms_store_peek(s->store, j->place + j->plain, j->count - j->plain,
		                       j->keys + offset);
	if (found != KMS_FOUND)
		return stop(j, found, late);
	rc = kms_grant_fetched(s->grants, (const uint8_t(*)[KEY_UUID_BYTES])j->uuid + j->plain,
	                       j->count - j->plain, j->x.sae, granted, j);
	if (rc == 0)
		return SERVICE_OVER; /* granted() has it, perhaps already done */
	return stop(j, rc == -EALREADY ? KMS_SPENT : rc == -ENOBUFS ? KMS_BUSY : KMS_VOIDED, late);
}

/* The caller may have gone while its request waited. */
static bool still_there(struct job *j)
{
	struct kms_sae *sae;
	bool is;

	kms_registry_lock(j->x.s->registry);
	sae = kms_registry_by_slot(j->x.s->registry, j->x.slot, j->x.serial);
	is = sae != NULL && sae->config.enabled;
	kms_registry_unlock(j->x.s->registry);
	return is;
}

enum service_try service_dec_try(struct job *j, uint64_t now_ns, bool late)
{
	struct http_fault f;

	if (!still_there(j)) {
		http_fault_set(&f, 401, "this SAE is no longer registered");
		service_job_refuse(j, &f);
		return SERVICE_OVER;
	}
	if (service_job_room(j, &f) < 0) {
		service_job_refuse(j, &f);
		return SERVICE_OVER;
	}
	return j->plain == j->count ? fetch(j, late) : fetch_granted(j, late);
}

struct verdict {
	bool unknown, others, taken;
};

/* Where key I of the request lies, by what right; it is put behind the plain or the granted. */
static void judge(struct job *j, const uint8_t uuid[KEY_UUID_BYTES], uint32_t i,
                  struct verdict *out)
{
	struct kms_service *s = j->x.s;
	struct key_uuid_place place;
	enum key_uuid_verdict v = key_uuid_check(s->keys, uuid, j->master, j->slave, &place);
	enum kms_grant_found g = KMS_GRANT_NONE;
	uint32_t at;
	bool last;

	if (v != KEY_UUID_NOT_ISSUED && s->grants != NULL)
		g = kms_grant_find(s->grants, uuid, j->master, j->slave, &last);
	if (g != KMS_GRANT_NONE)
		key_uuid_issued(s->keys, uuid, &place);
	out->taken |= g == KMS_GRANT_TAKEN;
	out->others |= g == KMS_GRANT_OTHERS || (g == KMS_GRANT_NONE && v == KEY_UUID_OTHER_PAIR);
	/* Of the own stream nothing is fetched: its keys go to the other end. */
	out->unknown |= v == KEY_UUID_NOT_ISSUED || place.class == s->config.own;
	/* The granted from the end on; turned round later. */
	at = g == KMS_GRANT_GIVEN ? j->count - 1 - (i - j->plain) : j->plain++;
	memcpy(j->uuid[at], uuid, KEY_UUID_BYTES);
	j->place[at] = place;
	j->answer_at[at] = i;
}

/* 401 before all else: whoever asks for others' keys hears that first. */
static int rights(struct job *j, const struct kms_key_ids *ids, struct http_fault *f)
{
	struct kms_service *s = j->x.s;
	struct verdict v = {0};

	pthread_rwlock_rdlock(&s->setup);
	if (s->keys == NULL) {
		pthread_rwlock_unlock(&s->setup);
		return http_fault_unavailable(f, "there is no link to know identifiers by yet", 10);
	}
	for (uint32_t i = 0; i < ids->count; i++)
		judge(j, ids->uuid[i], i, &v);
	pthread_rwlock_unlock(&s->setup);
	if (v.others) {
		j->x.others = true;
		return http_fault_set(f, j->x.skip ? 400 : 401, KMS_KEY_OF_OTHERS);
	}
	if (v.unknown) {
		kms_registry_lock(s->registry);
		s->stats.not_issued++;
		kms_registry_unlock(s->registry);
		return http_fault_set(f, 400, KMS_KEY_NOT_FOUND);
	}
	return v.taken ? not_found(j, KMS_SPENT, f) : 0;
}

void service_dec_start(struct exchange *x, struct kms_key_ids *ids, const char *master,
                       const char *slave)
{
	struct job *j = service_job_new(x, true, ids->count);
	struct http_fault f;
	int rc;

	if (j == NULL) {
		kms_key_ids_free(ids);
		http_fault_unavailable(&f, "out of memory", 1);
		service_refuse(x, &f);
		return;
	}
	memcpy(j->master, master, strlen(master) + 1);
	memcpy(j->slave, slave, strlen(slave) + 1);
	rc = rights(j, ids, &f);
	kms_key_ids_free(ids);
	if (rc < 0) {
		service_job_refuse(j, &f);
		return;
	}
	j->deadline_ns = x->now_ns + x->s->config.wait_ns;
	service_job_run(j, x->now_ns);
}

void service_dec(struct exchange *x, const struct kms_target *t, const struct kms_request *r)
{
	struct kms_key_ids ids = {0};
	struct kms_limits limits;
	struct kms_offer offer;
	struct http_fault f;
	bool known;
	int rc;

	service_setup(x->s, &limits, &offer);
	kms_registry_lock(x->s->registry);
	known = kms_registry_by_id(x->s->registry, t->sae) != NULL;
	kms_registry_unlock(x->s->registry);
	rc = known ? kms_key_ids_read(t, r->body, r->body_len, limits.max_key_per_request, &ids, &f)
	           : http_fault_field(&f, 400, "master_SAE_ID", "is not a registered SAE");
	if (rc < 0) {
		service_refuse(x, &f);
		return;
	}
	service_dec_start(x, &ids, t->sae, x->sae);
}
