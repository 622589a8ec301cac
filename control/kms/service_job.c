/* SPDX-License-Identifier: BSD-3-Clause */

/* Requests for keys that may have to wait: for key under way, for the disk, for the peer. */

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"
#include "control/kms/service_state.h"
#include "control/kms/skip.h"

#define LEVEL_NS (20 * NS_PER_MS) /* between two looks at what the store has */

/* One block: the job, places, entries of the answer, identifiers. */
struct job *service_job_new(const struct exchange *x, bool dec, uint32_t count)
{
	struct job *j;
	size_t per = sizeof(*j->place) + sizeof(*j->entry) + sizeof(*j->answer_at) + KEY_UUID_BYTES;

	j = calloc(1, sizeof(*j) + count * per);

	if (j == NULL)
		return NULL;
	j->x = *x;
	j->dec = dec;
	j->count = count;
	j->place = (struct key_uuid_place *)(j + 1);
	j->entry = (struct kms_container_key *)(j->place + count);
	j->answer_at = (uint32_t *)(j->entry + count);
	j->uuid = (uint8_t(*)[KEY_UUID_BYTES])(j->answer_at + count);
	for (uint32_t i = 0; i < count; i++)
		j->answer_at[i] = i;
	return j;
}

/* Who waits holds no secret memory. */
static void room_free(struct job *j)
{
	secret_free(j->keys);
	secret_free(j->text);
	j->keys = NULL;
	j->text = NULL;
}

void service_job_free(struct job *j)
{
	kms_key_request_free(&j->request);
	room_free(j);
	free(j);
}

static size_t text_room(const struct job *j)
{
	if (j->x.skip)
		return kms_skip_key_bytes(j->place[0].length);
	for (uint32_t i = 0; i < j->count; i++)
		j->entry[i].bytes = j->place[i].length;
	return kms_container_room(j->entry, j->count);
}

int service_job_room(struct job *j, struct http_fault *f)
{
	size_t n = 0;

	if (j->keys != NULL)
		return 0;
	for (uint32_t i = 0; i < j->count; i++)
		n += j->place[i].length;
	j->keys = secret_alloc(n);
	j->text = secret_alloc(text_room(j));
	if (j->keys != NULL && j->text != NULL)
		return 0;
	return http_fault_unavailable(f, "out of secret memory", 1);
}

void service_job_text(struct job *j)
{
	size_t at = 0;

	if (j->x.skip) {
		j->text_len = kms_skip_key_write(j->text, j->uuid[0], j->keys, j->place[0].length);
		return;
	}
	for (uint32_t i = 0; i < j->count; i++) {
		j->entry[j->answer_at[i]] =
		        (struct kms_container_key){j->uuid[i], j->keys + at, j->place[i].length};
		at += j->place[i].length;
	}
	j->text_len = kms_container_put(j->text, j->entry, j->count);
}

void service_job_done(struct job *j)
{
	char *text = j->text;

	j->text = NULL;
	service_answer(&j->x, text, j->text_len, true);
	service_job_free(j);
}

void service_job_refuse(struct job *j, const struct http_fault *f)
{
	service_refuse(&j->x, f);
	service_job_free(j);
}

/* One more request of its SAE waits, or one less: false when it has its share of those that may. */
static bool count_of_sae(struct job *j, bool more)
{
	struct kms_service *s = j->x.s;
	struct kms_sae *sae;
	bool may;

	kms_registry_lock(s->registry);
	sae = kms_registry_by_slot(s->registry, j->x.slot, j->x.serial);
	may = sae == NULL || !more || sae->waiting < (s->config.waiting_max + 3) / 4;
	if (sae != NULL && may)
		sae->waiting += more ? 1 : -1;
	kms_registry_unlock(s->registry);
	return may;
}

static bool put_to_wait(struct job *j)
{
	struct kms_service *s = j->x.s;
	bool room;

	if (!count_of_sae(j, true))
		return false;
	room_free(j);
	pthread_mutex_lock(&s->waiting);
	room = s->wait_count < s->config.waiting_max;
	if (room) {
		j->next = NULL;
		*s->wait_last = j;
		s->wait_last = &j->next;
		__atomic_store_n(&s->wait_count, s->wait_count + 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&s->waiting);
	if (!room)
		count_of_sae(j, false);
	return room;
}

static enum service_try try(struct job *j, uint64_t now_ns, bool late)
{
	return j->dec ? service_dec_try(j, now_ns, late) : service_enc_try(j, now_ns, late);
}

static void count_waiting(struct job *j)
{
	if (j->waited)
		return;
	j->waited = true;
	kms_registry_lock(j->x.s->registry);
	j->x.s->stats.waited++;
	kms_registry_unlock(j->x.s->registry);
}

void service_job_run(struct job *j, uint64_t now_ns)
{
	if (try(j, now_ns, now_ns >= j->deadline_ns) == SERVICE_OVER)
		return;
	count_waiting(j);
	if (!put_to_wait(j))
		try(j, now_ns, true);
}

/* All that wait try again; a turn of its own for each, so that the list's lock is not held. */
static void retry(struct kms_service *s, uint64_t now_ns)
{
	struct job *j, *next;

	if (__atomic_load_n(&s->wait_count, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&s->waiting);
	j = s->wait_first;
	s->wait_first = NULL;
	s->wait_last = &s->wait_first;
	__atomic_store_n(&s->wait_count, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&s->waiting);
	for (; j != NULL; j = next) {
		next = j->next;
		count_of_sae(j, false);
		service_job_run(j, now_ns);
	}
}

static void level(struct kms_service *s, uint64_t now_ns, bool always)
{
	kms_registry_lock(s->registry);
	if (always || now_ns - s->levelled_ns >= LEVEL_NS)
		service_level(s, now_ns);
	if (always)
		service_clear_over(s, now_ns);
	kms_registry_unlock(s->registry);
}

void kms_service_arrived(struct kms_service *s, uint64_t now_ns)
{
	level(s, now_ns, false);
	retry(s, now_ns);
}

void kms_service_tick(struct kms_service *s, uint64_t now_ns)
{
	level(s, now_ns, true);
	retry(s, now_ns);
}
