/* SPDX-License-Identifier: BSD-3-Clause */

/* The feed's state, for kme_feed*.c only: kme_feed.c (both ends), kme_feed_a.c, kme_feed_b.c. */

#ifndef CONTROL_KME_FEED_STATE_H
#define CONTROL_KME_FEED_STATE_H

#include "common/clock.h"
#include "control/kme_feed.h"

/* Identifiers that are remembered, so that a KME that repeats one is noticed. */
#define KME_SEEN 8192

enum kme_phase {
	KME_PHASE_IDLE,
	KME_PHASE_ASKED,   /* the client has a request */
	KME_PHASE_OFFERED, /* A: the peer has the identifiers */
	KME_PHASE_AGAIN    /* B: the next attempt waits for its time */
};

struct kme_feed {
	struct kme_feed_config config;
	struct kme_feed_ops ops;
	void *ctx;
	struct kme_feed_stats stats;
	bool status_good;    /* the last word of the client about its KME was not bad */
	uint64_t client_ns;  /* it came or went; 0: not yet looked */
	bool status_refused; /* the alarm kme-refused is about the status */

	enum kme_phase phase;
	uint64_t since_ns; /* the phase */
	uint32_t request;  /* the last one */
	uint16_t number;   /* keys under way */
	uint8_t block[KME_BLOCK_BYTES];
	uint8_t ids[KME_KEYS_MAX * KME_ID_BYTES];
	uint8_t *keys; /* secret memory: KME_KEYS_MAX * KME_KEY_BYTES */

	/* A */
	bool filling;
	uint64_t next_ns, wait_ns; /* not before it; how long the last wait was */
	uint64_t look_ns;          /* at the store */
	uint16_t peer_most;

	/* B */
	uint64_t offered_ns, again_ns;
	unsigned int attempts;
	bool told_ready, told; /* what A knows */
	uint16_t told_most;

	uint64_t seen[KME_SEEN];
	unsigned int next_seen;
};

/* What was under way is over; its keys are wiped. */
void kme_feed_idle(struct kme_feed *f);
/* And it is counted as dropped. */
void kme_feed_dropped(struct kme_feed *f);
void kme_feed_phase(struct kme_feed *f, enum kme_phase phase, uint64_t now);
/* Count and show what WHO's KME did. */
void kme_feed_fault(struct kme_feed *f, enum kme_fault fault, const char *who, const char *text);
void kme_feed_good(struct kme_feed *f); /* a block came into the store */
/* Is an identifier of N at IDS, EACH bytes apart, among those seen, or there twice? */
bool kme_feed_repeats(const struct kme_feed *f, const uint8_t *ids, unsigned int n, size_t each);
void kme_feed_remember(struct kme_feed *f, const uint8_t *ids, unsigned int n, size_t each);
/* The batch under way. */
struct kme_batch kme_feed_batch(const struct kme_feed *f);

void kme_feed_a_keys(struct kme_feed *f, const struct kme_message *m, uint64_t now);
void kme_feed_a_failed(struct kme_feed *f, const struct kme_message *m, uint64_t now);
bool kme_feed_a_peer(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now);
void kme_feed_a_poll(struct kme_feed *f, bool connected, uint64_t now);

void kme_feed_b_keys(struct kme_feed *f, const struct kme_message *m, uint64_t now);
void kme_feed_b_failed(struct kme_feed *f, const struct kme_message *m, uint64_t now);
bool kme_feed_b_peer(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now);
void kme_feed_b_poll(struct kme_feed *f, bool connected, uint64_t now);

#endif
