/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the service share. Locks in this order: registry, store; setup and waiting are
 * held alone. */

#ifndef CONTROL_KMS_SERVICE_STATE_H
#define CONTROL_KMS_SERVICE_STATE_H

#include <pthread.h>

#include "control/kms/answer.h"
#include "control/kms/grant.h"
#include "control/kms/key_ids.h"
#include "control/kms/service.h"
#include "control/kms/store.h"
#include "control/kms/target.h"

#define SERVICE_EVENTS 64
#define SERVICE_RAISED 256 /* SAEs with an alarm of ours at a time */
#define SERVICE_NAME   256 /* an SAE ID, or a KME ID with the mark before it (skip.h) */

/* Who asked, and what is to be accounted with the answer. */
struct exchange {
	struct kms_service *s;
	kms_reply_fn reply;
	void *ctx;
	uint64_t now_ns;
	bool known; /* the caller is in the registry: */
	uint32_t slot;
	uint64_t serial;
	char sae[KMS_SAE_ID + 1];
	bool skip; /* answer in the form of SKIP */

	bool others; /* it asked for keys of others */
	bool replay; /* for keys that are spent */
	uint32_t keys_given, keys_fetched;
	uint64_t bits;
};

/* A request for keys, from its first try to its answer. */
struct job {
	struct exchange x;
	bool dec, waited;
	char master[SERVICE_NAME], slave[SERVICE_NAME]; /* of the pair tag */
	uint64_t deadline_ns;                           /* to wait for key */
	struct kms_key_request request;                 /* enc */
	struct kms_take take;                           /* enc */

	uint32_t count;
	uint8_t (*uuid)[KEY_UUID_BYTES];
	struct key_uuid_place *place;
	struct kms_container_key *entry; /* of the answer */
	uint32_t *answer_at;             /* dec: where in the answer */
	uint32_t plain;                  /* dec: of these by the pair tag, the others by a grant */

	uint8_t *keys; /* secret memory, one behind the other */
	char *text;    /* the answer; secret memory */
	size_t text_len;

	uint32_t parts; /* dec: who comes last answers */
	int rc;         /* of the store */
	struct job *next;
};

/* An alarm that is to end. */
struct raised {
	const char *kind;
	uint32_t slot;
	uint64_t serial;
	char resource[64];
};

struct kms_service {
	struct kms_service_config config;
	char kme[KMS_SAE_ID + 1], peer_kme[KMS_SAE_ID + 1];
	struct kms_store *store;
	struct kms_registry *registry;
	struct kms_grants *grants;

	/* Main thread writes, requests read. */
	pthread_rwlock_t setup;
	struct kms_limits limits;
	bool skip;
	struct key_uuid_keys *keys; /* NULL: no link yet */
	uint8_t secret_hash[32];    /* to see whether it is another */
	struct kms_offer offer;
	struct kms_link_view link;

	/* Under the registry's lock. */
	struct kms_service_stats stats;
	bool linked, making; /* as link, for the shares */
	uint8_t link_number;
	uint64_t levelled_ns;
	double arrival_bits_per_s;
	struct lockout strangers;
	struct kms_event event[SERVICE_EVENTS];
	uint32_t event_first, event_count;
	struct raised raised[SERVICE_RAISED];
	uint32_t raised_count;

	pthread_mutex_t waiting;
	struct job *wait_first, **wait_last;
	uint32_t wait_count;
};

/* service_answer.c: each ends X: accounts for it and calls reply(). */
void service_refuse(struct exchange *x, const struct http_fault *f);
void service_answer(struct exchange *x, char *body, size_t len, bool secret);

/* Under the registry's lock. */
void service_raise(struct kms_service *s, const char *kind, const struct kms_sae *sae,
                   const char *text);
void service_event(struct kms_service *s, const char *kind, const char *resource, bool raised,
                   const char *text);
void service_clear_over(struct kms_service *s, uint64_t now_ns);

/* service_job.c */
struct job *service_job_new(const struct exchange *x, bool dec, uint32_t count);
void service_job_free(struct job *j);
/* Secret memory for the keys at its places and the text, unless it has it: 0, or -503 with F set.
 */
int service_job_room(struct job *j, struct http_fault *f);
/* Answers with the text, or with F; J is gone. */
void service_job_done(struct job *j);
void service_job_refuse(struct job *j, const struct http_fault *f);
/* Tries J now, and as long as it must wait at each turn until its deadline. */
void service_job_run(struct job *j, uint64_t now_ns);
/* The key container, or SKIP's key, of J into its text. */
void service_job_text(struct job *j);

enum service_try { SERVICE_OVER, SERVICE_WAIT };

/* service_enc.c, service_dec.c: one try; J is gone when it is over. LATE: no more waiting. */
enum service_try service_enc_try(struct job *j, uint64_t now_ns, bool late);
enum service_try service_dec_try(struct job *j, uint64_t now_ns, bool late);

/* Calls of ETSI GS QKD 014 and of SKIP; they end X. */
void service_status(struct exchange *x, const struct kms_target *t);
void service_enc(struct exchange *x, const struct kms_target *t, const struct kms_request *r);
void service_dec(struct exchange *x, const struct kms_target *t, const struct kms_request *r);
/* REQUEST is moved into the job. MASTER and SLAVE are those of the pair tag. */
void service_enc_start(struct exchange *x, struct kms_key_request *request, const char *master,
                       const char *slave);
/* IDS is moved into the job. */
void service_dec_start(struct exchange *x, struct kms_key_ids *ids, const char *master,
                       const char *slave);
/* True when the target is SKIP's: X is ended. */
bool service_skip(struct exchange *x, const struct kms_request *r);

/* 0 when ID, which the request's NAME names, is an SAE of the peer that may have keys. */
int service_peer_sae(struct exchange *x, const char *name, const char *id, struct http_fault *f);
/* Copies of what a reload may change. */
void service_setup(struct kms_service *s, struct kms_limits *limits, struct kms_offer *offer);

/* service_level.c: shares follow the store; under the registry's lock. */
void service_level(struct kms_service *s, uint64_t now_ns);
/* Seconds until about BITS more have come for an SAE. */
unsigned int service_retry_s(const struct kms_service *s, uint64_t bits);

#endif
