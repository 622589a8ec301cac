/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The audit: do both KMEs hold the same segments? The giver of a stream asks, epoch by epoch (a
 * range of positions), the fetcher answers, over the authenticated channel:
 *
 *     giver                                          fetcher
 *     ASK(range, count, HMAC over its segments) ->   the same: SAME
 *                                               <-   SAME, next epoch; or DIFFERS(its segments)
 *     voids what it has alone or otherwise,
 *     then VOID(what both shall not have)       ->   voids likewise, VOIDED
 *     ASK again, until SAME
 *
 * What was voided has a tombstone at both ends: should it come later, it is refused. Segments are
 * compared only when they are older than a grace and both ends were joined for as long, so that
 * what is under way is not taken for a difference. After a while, and after a restart, the audit
 * begins again at the oldest segment that has key.
 *
 * The fetcher reports besides which keys were fetched: FETCHED(bitmaps) -> FETCHED_ACK, from which
 * the giver knows what is delivered at both ends.
 *
 * And the giver says what it will not give: WITHDRAWN(ranges) -> WITHDRAWN_ACK, so that the fetcher
 * need not keep it until it expires. A crash of the giver voids nothing at the fetcher: some of
 * what it had reserved may have been given, and must be there to be fetched. That is withdrawn when
 * it is too old to be asked for.
 *
 * A pure state machine but for its store; all of it runs on the store thread, but receive() and
 * session(), which any thread may call. Messages: peer_message.h.
 */

#ifndef CONTROL_KMS_AUDIT_H
#define CONTROL_KMS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "control/kms/key_uuid.h"

/* A segment as the audit sees it: its bytes may be gone, its record is there. */
struct kms_audit_segment {
	uint64_t position;
	uint32_t units;
	uint8_t hash[32];
	bool voided;
	uint64_t added_wall_ns; /* came into this store */
};

/* Which units of a segment were fetched: bit i mod 8 of byte i / 8. */
struct kms_audit_use {
	uint64_t position;
	uint32_t units;
	uint8_t bitmap[512];
};

/* Units of the own stream that will not be given; ID names them to the store. */
struct kms_audit_range {
	int64_t id;
	uint64_t position, units;
};

/* What it asks of the store (store_audit.h has it); store thread. Counts, 0, or -errno. */
struct kms_audit_store {
	/* The least position whose segment has key left; UINT64_MAX: there is none. */
	int (*oldest)(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t *position);
	/* Up to MAX segments that begin at FROM or later, by position, voided ones too. */
	int (*list)(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t from,
	            struct kms_audit_segment *out, int max);
	/*
	 * Destroy what begins in [POSITION, POSITION + UNITS), and refuse from now on what would.
	 * Durable on return; the number of segments that were not void before.
	 */
	int (*void_range)(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t position,
	                  uint64_t units);
	/* Up to MAX segments of CLASS with fetched units that were not reported yet. */
	int (*fetched)(void *ctx, uint8_t link, enum key_uuid_class class,
	               struct kms_audit_use *out, int max);
	/* These were reported, as they are here. */
	int (*reported)(void *ctx, uint8_t link, enum key_uuid_class class,
	                const struct kms_audit_use *use, int n);
	/* The peer fetched these of CLASS, this end's own stream. */
	int (*both)(void *ctx, uint8_t link, enum key_uuid_class class,
	            const struct kms_audit_use *use, int n);
	/* Up to MAX ranges of the own stream that the peer may drop now; and they were told. */
	int (*withdrawn)(void *ctx, uint8_t link, struct kms_audit_range *out, int max);
	int (*forget)(void *ctx, const struct kms_audit_range *range, int n);
	/* The peer will not give these of CLASS. */
	int (*withdraw)(void *ctx, uint8_t link, enum key_uuid_class class,
	                const struct kms_audit_range *range, int n);
	void *ctx;
};

struct kms_audit_config {
	struct kms_audit_store store;
	enum key_uuid_class own; /* the stream that this end gives from */
	bool (*send)(void *ctx, const uint8_t *msg, size_t len); /* false: no session or no room */
	void (*wake)(void *ctx); /* any thread: there is work for the store thread; may be NULL */
	void *ctx;
	uint64_t grace_ns; /* 0: 10 s */
	uint64_t again_ns; /* begin anew at the oldest; 0: 10 minutes */
};

struct kms_audit;

int kms_audit_new(const struct kms_audit_config *config, struct kms_audit **out, struct err *err);
void kms_audit_free(struct kms_audit *a);

/* Which link, and the secret of 32 bytes that both ends share; after the gateway's HELLO. */
int kms_audit_link(struct kms_audit *a, uint8_t link, const uint8_t *secret, struct err *err);

/* The session with the other KME began, or ended. */
void kms_audit_session(struct kms_audit *a, bool up, uint64_t now_ns);

/* A message of the other KME, of a kind that is the audit's (peer_message.h). */
void kms_audit_receive(struct kms_audit *a, const uint8_t *msg, size_t len);

/* Store thread, each turn. True when there was something. */
bool kms_audit_work(struct kms_audit *a, uint64_t now_ns, uint64_t wall_ns);

struct kms_audit_stats {
	uint64_t epochs, segments;   /* that were the same, as the giver */
	uint64_t differences;        /* epochs that were not, at either end */
	uint64_t voided;             /* segments, here */
	uint64_t reported, both;     /* segments: said to be fetched; heard so */
	uint64_t withdrawn, dropped; /* ranges: told to the peer; heard from it */
	uint64_t bad_messages, store_errors;
	uint64_t position; /* as the giver: all before it were compared */
	uint64_t last_difference_wall_ns;
	char last_difference[160]; /* in words */
};
void kms_audit_stats_read(struct kms_audit *a, struct kms_audit_stats *out);

#endif
