/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Key delivery: a request of an SAE in, an answer out. ETSI GS QKD 014 and, where it is enabled,
 * Cisco SKIP, on one store. No HTTP, no TLS, no disk: https threads call kms_service_request(),
 * which never blocks; enc_keys is answered at once, dec_keys by the store thread when the spent
 * record is durable, several slaves when the peer has the grant.
 *
 *     static void reply(void *ctx, const struct kms_reply *r) { ... https_answer(ctx, ...); }
 *     kms_service_request(service, &(struct kms_request){.identity = peer->identity, ...},
 *                         clock_mono_ns(), reply, exchange);
 *
 * Who turns the wheels: the main thread calls kms_service_tick() every 50 to 100 ms and
 * kms_service_link() on what the gateway says; the store thread kms_service_arrived() after it
 * added segments. The lock order is registry, then store; kms_store_fetch()'s done() must be called
 * without the store's lock.
 */

#ifndef CONTROL_KMS_SERVICE_H
#define CONTROL_KMS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/key_request.h"
#include "control/kms/key_uuid.h"
#include "control/kms/registry.h"

struct kms_store;
struct kms_grants;

struct kms_service_config {
	const char *kme, *peer_kme; /* KME IDs, and system IDs of SKIP */
	enum key_uuid_class own;    /* the stream that this KME gives from */
	struct kms_limits limits;   /* max_sae_id_count 0: no additional slaves */
	uint64_t max_bytes;         /* of one stream in the store */
	bool skip;                  /* Cisco SKIP is served */
	/* Globs of remoteSystemIDs that mean the peer KME; none: its ID alone. Copied. */
	const char *const *skip_remote;
	size_t skip_remote_count;
	uint64_t ttl_ns;        /* of keys, for grants; 0: for ever */
	uint64_t wait_ns;       /* for key that is under way to this end; 0: 2 s */
	uint64_t grant_wait_ns; /* for the peer's acknowledgement; 0: 3 s */
	/* Requests that wait, a quarter of them of one SAE; more are 503 at once; 0: 1024. */
	uint32_t waiting_max;
};

struct kms_request {
	const char *identity;     /* of the caller, as the verified certificate has it */
	const char *method;       /* "GET", "POST", any */
	const char *target;       /* as it stands in the request line, undecoded */
	const char *content_type; /* or NULL */
	const char *body;
	size_t body_len;
};

/* To be sent; whoever gets it owns BODY from then on. */
struct kms_reply {
	int status;
	unsigned int retry_after_s; /* 0: none */
	const char *allow;          /* static; NULL: none */
	char *body;                 /* JSON */
	size_t len;
	bool secret; /* BODY is for secret_free(), else for free() */
};

/* Called exactly once a request, at once or later, from any thread; must not block. */
typedef void (*kms_reply_fn)(void *ctx, const struct kms_reply *reply);

struct kms_service;

/* STORE, REGISTRY and GRANTS (NULL: no additional slaves) must outlive it. */
int kms_service_new(const struct kms_service_config *config, struct kms_store *store,
                    struct kms_registry *registry, struct kms_grants *grants,
                    struct kms_service **out, struct err *err);
/* Answers all that wait with 503 first. No other thread may be inside; the store's done() are over.
 */
void kms_service_free(struct kms_service *s);

void kms_service_request(struct kms_service *s, const struct kms_request *call, uint64_t now_ns,
                         kms_reply_fn reply, void *ctx);

/* What the gateway says of its link. Main thread. */
struct kms_link {
	uint8_t link;
	const uint8_t *secret; /* 32 bytes, for key identifiers; copied to secret memory */
	bool simulated, relayed;
	const char *name, *protocol;
};
int kms_service_link(struct kms_service *s, const struct kms_link *link, struct err *err);
/* Session, key and words of LINK; also false, false, "gateway is away" when the socket closes. */
void kms_service_link_state(struct kms_service *s, bool up, bool making, const char *state);

/* Limits that a reload may change: key sizes, keys per request, optional_strict, skip. */
void kms_service_limits(struct kms_service *s, const struct kms_limits *limits, bool skip);

/* Segments came into the store: key is dealt, who waits for them is served. Store or main thread.
 */
void kms_service_arrived(struct kms_service *s, uint64_t now_ns);

/* Deadlines, and the shares set to what the store has. Main thread. */
void kms_service_tick(struct kms_service *s, uint64_t now_ns);

/* What is worth an alarm: taken by the main thread after each tick, oldest first. */
struct kms_event {
	const char *kind;  /* "kms-lockout", "kms-replay", "kms-unknown-sae" */
	char resource[64]; /* "sae/ID", cut where it is longer; "kms" */
	char text[160];
	bool raised; /* else it is over */
};
bool kms_service_event(struct kms_service *s, struct kms_event *out);

struct kms_service_stats {
	uint64_t requests, answered;
	uint64_t by_status[6]; /* 2xx, 400, 401, 404 and 405, 413 and other 4xx, 5xx */
	uint64_t status_calls, enc_calls, dec_calls, skip_calls;
	uint64_t keys_given, bits_given, keys_fetched, bits_fetched;
	uint64_t unknown_callers, locked_out, replays, expired, voided, not_issued, others_keys;
	uint64_t short_of_key;       /* 503: the store had not so many for this SAE */
	uint64_t waited, waited_out; /* dec_keys for key under way */
	uint64_t grants, grants_out; /* acknowledged, timed out */
	uint64_t undone;             /* dec_keys whose record could not be written */
	uint32_t waiting;            /* now */
	uint64_t events_lost;
};
void kms_service_stats_read(struct kms_service *s, struct kms_service_stats *out);

/* The link as status_extension shows it; false before the first kms_service_link(). */
struct kms_link_view {
	uint8_t link;
	bool simulated, up, making;
	char name[64], protocol[64], state[128];
};
bool kms_service_link_read(struct kms_service *s, struct kms_link_view *out);

#endif
