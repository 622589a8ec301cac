/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two rekey machines, A and B, with real tunnels and key stores, joined by a wire in memory on
 * a clock that the caller moves. The wire delays, loses, repeats and reorders messages; the
 * same seed gives the same losses. For the property test and for the benchmark:
 *
 *     struct rekey_wire w;
 *
 *     if (rekey_wire_open(&w, &config, &err) < 0) ...
 *     for (each turn) {
 *             rekey_wire_step(&w, now_ns);
 *             ... seal with w.site[0].tunnel, open with w.site[1].tunnel ...
 *     }
 *     rekey_wire_close(&w);
 *
 * After secret_init() and gcm_provider_init(). No key store file: records are not kept.
 */

#ifndef TESTS_BENCH_REKEY_WIRE_H
#define TESTS_BENCH_REKEY_WIRE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"
#include "dataplane/rekey.h"
#include "dataplane/rekey_message.h"
#include "dataplane/sad.h"
#include "dataplane/tunnel.h"
#include "qkd-engine/keystore.h"
#include "qkd-engine/storage.h"

#define REKEY_WIRE_UNDER_WAY 64 /* messages; more are lost */
#define REKEY_WIRE_BYTES     REKEY_MESSAGE_MAX

struct rekey_wire_config {
	struct rekey_lives lives;
	uint64_t delay_ns, jitter_ns;    /* one way; reordered messages are late by up to jitter */
	double drop, duplicate, reorder; /* probabilities of each message */
	unsigned int cores[2]; /* forwarding cores of A and B: the SAs that each sends with */
	unsigned int keys;     /* in both stores at the start */
	uint64_t seed;
	unsigned int place; /* of the tunnel, for its SPIs */
	struct rte_rcu_qsbr *qsbr;
	const struct mlkem *kem;  /* for policy hybrid */
	struct tunnel *tunnel[2]; /* NULL: made, and destroyed, here, with a SAD each */
};

struct rekey_wire;

struct rekey_wire_message {
	uint64_t due_ns, order; /* due 0: free place */
	size_t len;
	uint8_t bytes[REKEY_WIRE_BYTES];
};

struct rekey_wire_site {
	struct rekey_wire *wire;
	struct rekey *rekey;
	struct keystore *ks;
	struct tunnel *tunnel;
	struct sad *sad; /* NULL: of the caller */
	struct rekey_wire_message to[REKEY_WIRE_UNDER_WAY];
	unsigned int to_count;
	uint64_t wake_ns;
	unsigned int rx_live, rx_most, errors; /* of tunnel calls */
	struct sa_key rx_first;                /* the first SA that was installed last */
	bool alarm_no_key, alarm_ratchet, alarm_policy;
	char policy_text[64];
};

struct rekey_wire {
	struct rekey_wire_config config;
	struct rekey_wire_site site[2];
	struct rekey_conditions conditions;
	uint8_t *ratchet_secret;
	uint64_t now_ns, state, order;
	uint64_t sent, lost, duplicated, reordered;
	bool cut;          /* no session: nothing is sent */
	unsigned int lose; /* bit per message type (second byte) that is lost */
	unsigned int imports;
	/* What happens to a message on the wire, if anything. */
	void (*tamper)(struct rekey_wire *w, uint8_t *msg, size_t len);
};

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t rekey_wire_random(struct rekey_wire *w)
{
	uint64_t z = w->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline bool rekey_wire_chance(struct rekey_wire *w, double p)
{
	return (double)(rekey_wire_random(w) >> 11) * 0x1p-53 < p;
}

/* Storage that keeps counters alone: the store's memory is all else that these runs need. */
struct rekey_wire_storage {
	struct storage storage;
	uint64_t counter[STORAGE_COUNTERS];
};

static inline int rekey_wire_storage_ok(struct storage *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static inline void rekey_wire_storage_rollback(struct storage *s)
{
	(void)s;
}

static inline int rekey_wire_storage_add(struct storage *s, struct storage_block *b,
                                         struct err *err)
{
	static int64_t row;

	(void)s;
	(void)err;
	b->row = ++row;
	return 0;
}

static inline int rekey_wire_storage_spend(struct storage *s, int64_t row, uint32_t index,
                                           struct err *err)
{
	(void)s;
	(void)row;
	(void)index;
	(void)err;
	return 0;
}

static inline int rekey_wire_storage_eps_total(struct storage *s, double *out, struct err *err)
{
	*out = 0;
	return 0;
}

static inline int rekey_wire_storage_count(struct storage *s, enum storage_counter counter,
                                           uint64_t add, uint64_t *out, struct err *err)
{
	struct rekey_wire_storage *own = (struct rekey_wire_storage *)s;

	(void)err;
	*out = own->counter[counter];
	own->counter[counter] += add;
	return 0;
}

static inline int rekey_wire_storage_retire(struct storage *s, int64_t row, struct err *err)
{
	return rekey_wire_storage_spend(s, row, 0, err);
}

static inline int rekey_wire_storage_load(struct storage *s,
                                          int (*each)(void *ctx, const struct storage_block *b),
                                          void *ctx, struct err *err)
{
	(void)s;
	(void)each;
	(void)ctx;
	(void)err;
	return 0;
}

static inline void rekey_wire_storage_close(struct storage *s)
{
	free(s);
}

static inline struct storage *rekey_wire_storage(void)
{
	static const struct storage template = {.begin = rekey_wire_storage_ok,
	                                        .commit = rekey_wire_storage_ok,
	                                        .rollback = rekey_wire_storage_rollback,
	                                        .add = rekey_wire_storage_add,
	                                        .spend = rekey_wire_storage_spend,
	                                        .retire = rekey_wire_storage_retire,
	                                        .eps_total = rekey_wire_storage_eps_total,
	                                        .count = rekey_wire_storage_count,
	                                        .load = rekey_wire_storage_load,
	                                        .close = rekey_wire_storage_close};
	struct rekey_wire_storage *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->storage = template;
	s->counter[STORAGE_NEXT_PAD] = STORAGE_PADS_FROM;
	return &s->storage;
}

/* What the machines do. */

static inline void rekey_wire_put(struct rekey_wire_site *to, const void *msg, size_t len)
{
	struct rekey_wire *w = to->wire;
	uint64_t due = w->now_ns + w->config.delay_ns;

	if (rekey_wire_chance(w, w->config.reorder)) {
		w->reordered++;
		due += w->config.jitter_ns == 0 ? 0 : rekey_wire_random(w) % w->config.jitter_ns;
	}
	for (unsigned int i = 0; i < REKEY_WIRE_UNDER_WAY; i++) {
		if (to->to[i].due_ns != 0)
			continue;
		to->to_count++;
		to->to[i] =
		        (struct rekey_wire_message){.due_ns = due, .order = ++w->order, .len = len};
		memcpy(to->to[i].bytes, msg, len);
		return;
	}
	w->lost++;
}

static inline int rekey_wire_send(void *ctx, const void *msg, size_t len)
{
	struct rekey_wire_site *s = ctx;
	struct rekey_wire *w = s->wire;
	struct rekey_wire_site *to = s == &w->site[0] ? &w->site[1] : &w->site[0];
	uint8_t bytes[REKEY_WIRE_BYTES];

	if (w->cut || len > REKEY_WIRE_BYTES)
		return -ENOTCONN;
	w->sent++;
	if ((w->lose >> ((const uint8_t *)msg)[1] & 1) != 0 ||
	    rekey_wire_chance(w, w->config.drop)) {
		w->lost++;
		return 0;
	}
	memcpy(bytes, msg, len);
	if (w->tamper != NULL)
		w->tamper(w, bytes, len);
	rekey_wire_put(to, bytes, len);
	if (rekey_wire_chance(w, w->config.duplicate)) {
		w->duplicated++;
		rekey_wire_put(to, bytes, len);
	}
	return 0;
}

static inline int rekey_wire_rx_install(void *ctx, uint64_t generation, const struct sa_key *keys,
                                        unsigned int n)
{
	struct rekey_wire_site *s = ctx;
	struct err err = {0};
	int rc = tunnel_rx_install(s->tunnel, generation, keys, n, &err);

	if (rc < 0) {
		fprintf(stderr, "%s\n", err.text);
		s->errors++;
		return rc;
	}
	s->rx_first = keys[0];
	if (++s->rx_live > s->rx_most)
		s->rx_most = s->rx_live;
	return 0;
}

static inline int rekey_wire_tx_switch(void *ctx, uint64_t generation, const struct sa_key *keys,
                                       unsigned int n)
{
	struct rekey_wire_site *s = ctx;
	struct err err = {0};
	int rc = tunnel_tx_switch(s->tunnel, generation, keys, n, &err);

	if (rc < 0) {
		fprintf(stderr, "%s\n", err.text);
		s->errors++;
	}
	return rc;
}

static inline void rekey_wire_tx_stop(void *ctx)
{
	tunnel_tx_stop(((struct rekey_wire_site *)ctx)->tunnel);
}

static inline void rekey_wire_rx_retire(void *ctx, uint64_t generation)
{
	struct rekey_wire_site *s = ctx;

	s->rx_live--;
	tunnel_rx_retire(s->tunnel, generation);
}

static inline void rekey_wire_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	struct rekey_wire_site *s = ctx;

	if (strcmp(kind, "no-key") == 0)
		s->alarm_no_key = raised;
	if (strcmp(kind, "ratchet") == 0)
		s->alarm_ratchet = raised;
	if (strcmp(kind, "rekey-policy") == 0) {
		s->alarm_policy = raised;
		snprintf(s->policy_text, sizeof(s->policy_text), "%s", text);
	}
}

static inline void rekey_wire_tx_usage(void *ctx, uint64_t *packets, uint64_t *bytes)
{
	struct tunnel_totals totals;

	tunnel_totals_read(((struct rekey_wire_site *)ctx)->tunnel, &totals);
	*packets = totals.packets_sealed;
	*bytes = totals.bytes_sealed;
}

/* The machine of a site, as after a start of its gateway. */
static inline int rekey_wire_start(struct rekey_wire *w, unsigned int site, struct err *err)
{
	static const struct rekey_ops ops = {.send = rekey_wire_send,
	                                     .rx_install = rekey_wire_rx_install,
	                                     .tx_switch = rekey_wire_tx_switch,
	                                     .tx_stop = rekey_wire_tx_stop,
	                                     .rx_retire = rekey_wire_rx_retire,
	                                     .alarm = rekey_wire_alarm,
	                                     .tx_usage = rekey_wire_tx_usage};
	struct rekey_wire_site *s = &w->site[site];
	struct rekey_config rc = {.initiator = site == 0,
	                          .link = "wire",
	                          .tunnel = "t",
	                          .place = w->config.place,
	                          .subs = tunnel_subs(s->tunnel),
	                          .ratchet_secret = w->ratchet_secret,
	                          .kem = w->config.kem,
	                          .conditions = &w->conditions,
	                          .lives = w->config.lives};

	s->rx_live = 0;
	s->wake_ns = 0;
	s->rekey = rekey_create(&rc, &ops, s, s->ks, err);
	return s->rekey == NULL ? -err->code : 0;
}

/* A new session of the channel: what was under way is gone, and both ends know. */
static inline void rekey_wire_session(struct rekey_wire *w)
{
	for (unsigned int i = 0; i < 2; i++) {
		memset(w->site[i].to, 0, sizeof(w->site[i].to));
		w->site[i].to_count = 0;
		rekey_session(w->site[i].rekey, w->now_ns);
		w->site[i].wake_ns = 0;
	}
}

static inline int rekey_wire_make_tunnel(struct rekey_wire *w, unsigned int site, struct err *err)
{
	static const uint8_t address[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
	struct rekey_wire_site *s = &w->site[site];
	struct tunnel_config tc = {.name = "t", .replay_window = 1024};

	memcpy(tc.local, address[site], 4);
	memcpy(tc.remote, address[!site], 4);
	s->sad = sad_create(w->config.cores[site], 1, w->config.qsbr, err);
	if (s->sad == NULL)
		return -err->code;
	s->tunnel = tunnel_create(&tc, s->sad, err);
	return s->tunnel == NULL ? -err->code : 0;
}

static inline void rekey_wire_drop_tunnel(struct rekey_wire_site *s)
{
	if (s->sad == NULL)
		return;
	tunnel_destroy(s->tunnel);
	sad_destroy(s->sad);
	s->tunnel = NULL;
	s->sad = NULL;
}

/* KEYS more keys, the same for both ends. */
static inline int rekey_wire_import(struct rekey_wire *w, unsigned int keys, struct err *err)
{
	size_t len = (size_t)keys * KEY_BYTES;
	uint8_t *bytes = malloc(len);
	int rc = bytes == NULL ? err_set(err, ENOMEM, "out of memory") : 0;

	w->imports++;
	for (size_t i = 0; rc == 0 && i < len; i++)
		bytes[i] = (uint8_t)((i ^ w->imports * 0x9e3779b9u ^ i >> 3) * 2654435761u >> 24);
	for (unsigned int i = 0; rc == 0 && i < 2; i++)
		rc = keystore_import(w->site[i].ks, bytes, len, err);
	free(bytes);
	return rc;
}

static inline void rekey_wire_close(struct rekey_wire *w)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct rekey_wire_site *s = &w->site[i];

		rekey_destroy(s->rekey);
		if (s->ks != NULL)
			keystore_close(s->ks);
		rekey_wire_drop_tunnel(s);
		s->rekey = NULL;
		s->ks = NULL;
		s->tunnel = NULL;
	}
	secret_free(w->ratchet_secret);
	w->ratchet_secret = NULL;
}

/* W stays where it is. 0 or negative errno with a sentence in ERR, and W is closed. */
static inline int rekey_wire_open(struct rekey_wire *w, const struct rekey_wire_config *config,
                                  struct err *err)
{
	int rc = 0;

	memset(w, 0, sizeof(*w));
	w->config = *config;
	w->state = config->seed;
	w->now_ns = NS_PER_S;
	w->conditions.rtt_ns = 2 * config->delay_ns;
	w->ratchet_secret = secret_alloc(REKEY_SECRET_BYTES);
	if (w->ratchet_secret == NULL)
		return err_set(err, ENOMEM, "secret memory is full");
	memset(w->ratchet_secret, 0x5a, REKEY_SECRET_BYTES);
	for (unsigned int i = 0; rc == 0 && i < 2; i++) {
		struct keystore_config kc = {.site_a = i == 0, .storage_key = {1}};

		w->site[i].wire = w;
		w->site[i].tunnel = config->tunnel[i];
		rc = keystore_open(&kc, rekey_wire_storage(), &w->site[i].ks, err);
		if (rc == 0 && w->site[i].tunnel == NULL)
			rc = rekey_wire_make_tunnel(w, i, err);
		if (rc == 0)
			rc = rekey_wire_start(w, i, err);
	}
	if (rc == 0 && config->keys > 0)
		rc = rekey_wire_import(w, config->keys, err);
	if (rc < 0)
		rekey_wire_close(w);
	else
		rekey_wire_session(w);
	return rc;
}

/* A message to the site that is due, the first one, copied to OUT. */
static inline bool rekey_wire_take(struct rekey_wire_site *s, struct rekey_wire_message *out)
{
	struct rekey_wire_message *first = NULL;

	for (unsigned int i = 0; s->to_count > 0 && i < REKEY_WIRE_UNDER_WAY; i++) {
		struct rekey_wire_message *m = &s->to[i];

		if (m->due_ns == 0 || m->due_ns > s->wire->now_ns)
			continue;
		if (first == NULL || m->due_ns < first->due_ns ||
		    (m->due_ns == first->due_ns && m->order < first->order))
			first = m;
	}
	if (first == NULL)
		return false;
	*out = *first;
	first->due_ns = 0;
	s->to_count--;
	return true;
}

static inline void rekey_wire_poll(struct rekey_wire_site *s)
{
	struct rekey_wire *w = s->wire;

	if (w->now_ns >= s->wake_ns)
		s->wake_ns = rekey_poll(s->rekey, !w->cut, w->now_ns);
}

/* It is NOW_NS: deliver, poll, free. Costs some 100 ns when nothing is due. */
static inline void rekey_wire_step(struct rekey_wire *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	for (unsigned int i = 0; i < 2; i++) {
		struct rekey_wire_site *s = &w->site[i];
		struct rekey_wire_message m;

		while (rekey_wire_take(s, &m)) {
			rekey_receive(s->rekey, m.bytes, m.len, now_ns);
			s->wake_ns = 0;
		}
		rekey_wire_poll(s);
		tunnel_reclaim(s->tunnel);
	}
}

static inline struct rekey_stats rekey_wire_stats(const struct rekey_wire *w, unsigned int site)
{
	struct rekey_stats s;

	rekey_stats_read(w->site[site].rekey, w->now_ns, &s);
	return s;
}

#endif
