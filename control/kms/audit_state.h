/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The state of the audit, for audit.c (life, messages in), audit_ask.c (the giver's turns),
 * audit_answer.c (the fetcher's), audit_withdraw.c and audit_epoch.c (what a range of segments
 * looks like) alone.
 */

#ifndef CONTROL_KMS_AUDIT_STATE_H
#define CONTROL_KMS_AUDIT_STATE_H

#include <pthread.h>

#include "control/kms/audit.h"

#define AUDIT_KEY_BYTES  32
#define AUDIT_MAC_BYTES  16 /* of one segment */
#define AUDIT_ASKED      64 /* segments in an epoch of the giver's: a few ms of the store thread */
#define AUDIT_LISTED     1024 /* that are told when they differ */
#define AUDIT_REPORTED   48   /* segments in a FETCHED */
#define AUDIT_RANGES     1024 /* in a WITHDRAWN */
#define AUDIT_TIMEOUT_NS (5 * NS_PER_S)

/* Segments of a range, without those that are void. */
struct epoch {
	uint64_t from, to; /* TO: the first position that does not belong to it */
	bool more;         /* there are segments at TO and behind */
	uint64_t end;      /* behind the last segment; FROM: there is none */
	unsigned int count;
	struct kms_audit_segment segment[AUDIT_LISTED + 1];
};

struct audit_inbound {
	struct audit_inbound *next;
	size_t len;
	uint8_t bytes[];
};

struct kms_audit {
	struct kms_audit_config config;
	/* all threads */
	pthread_mutex_t lock;
	struct audit_inbound *first, **last;
	unsigned int waiting;
	bool up, linked;
	uint64_t up_ns;
	uint8_t link;
	uint8_t *new_key; /* secret memory: that of the last HELLO */
	bool key_changed;
	struct kms_audit_stats stats;
	/* store thread */
	uint8_t *key; /* secret memory */
	uint64_t now_ns, wall_ns;
	bool running; /* the session is up, and for as long as the grace */
	uint32_t number;
	enum { ASK_IDLE, ASK_SENT, ASK_VOIDING } ask;
	uint32_t asked; /* number */
	uint64_t cursor, next_ask_ns, deadline_ns, again_ns;
	struct epoch epoch;        /* the one that was asked for, or is being listed */
	struct epoch answer_epoch; /* of the other's stream */
	uint32_t void_number;      /* the last VOID that was taken, so that one is counted once */
	uint32_t report;           /* number; 0: none is under way */
	uint64_t report_ns, next_report_ns;
	struct kms_audit_use use[AUDIT_REPORTED];
	int used;
	uint32_t withdrawal; /* number; 0: none is under way */
	uint64_t withdrawal_ns, next_withdrawal_ns;
	struct kms_audit_range range[AUDIT_RANGES];
	int ranges;
	uint8_t message[32768];
	uint8_t voids[32768]; /* the VOID that has no answer yet */
	size_t voids_len;
};

enum key_uuid_class audit_others(const struct kms_audit *a);

/* audit_epoch.c. -errno of the store; a listing of at most MAX segments that begin in [FROM, TO).
 */
int audit_list(struct kms_audit *a, enum key_uuid_class class, uint64_t from, uint64_t to,
               unsigned int max, struct epoch *out);
int audit_epoch_mac(const struct kms_audit *a, enum key_uuid_class class, const struct epoch *e,
                    uint8_t mac[32]);
int audit_segment_mac(const struct kms_audit *a, enum key_uuid_class class,
                      const struct kms_audit_segment *s, uint8_t mac[AUDIT_MAC_BYTES]);
/* The youngest of them came less than the grace ago; its index, or COUNT: none. */
unsigned int audit_young(const struct kms_audit *a, const struct epoch *e);

/* Counters and words, under the lock. */
void audit_differs(struct kms_audit *a, enum key_uuid_class class, uint64_t from, uint64_t to,
                   unsigned int ranges, int voided);
void audit_store_failed(struct kms_audit *a);
void audit_bad(struct kms_audit *a);
bool audit_send(struct kms_audit *a, size_t len); /* a->message */

/* Turns. True: there was something. */
bool audit_ask_turn(struct kms_audit *a);
bool audit_report_turn(struct kms_audit *a);
bool audit_withdraw_turn(struct kms_audit *a);
/* Messages; malformed ones are counted. */
void audit_on_same(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_wait(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_differs(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_voided(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_ask(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_void(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_fetched(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_fetched_ack(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_withdrawn(struct kms_audit *a, const uint8_t *msg, size_t len);
void audit_on_withdrawn_ack(struct kms_audit *a, const uint8_t *msg, size_t len);

#endif
