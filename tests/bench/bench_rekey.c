/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What rekeying costs the control thread, as JSON rows:
 *
 *   rekey/exchange/SUBS   one exchange, both sites and their SAs, without storage
 *   rekey/hybrid/SUBS     the same with ML-KEM, where libcrypto has it
 *   rekey/store/AHEAD     a key out of the store and durable: SQLite in the directory given,
 *                         AHEAD keys a transaction
 *   rekey/1024            1,024 tunnels, one key a second each, ticks of 2 ms: a site's share
 *                         of a core, a rekey, the longest tick, and a tick with nothing due
 *   rekey/hybrid-1024     the same with ML-KEM
 *
 *     bench_rekey [--only ROW] [--dir DIRECTORY]
 *
 * Times are of this thread's processor clock, but for rekey/store: of the wall.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_rcu_qsbr.h>

#include "common/gcm.h"
#include "common/log.h"
#include "tests/bench/bench_rekey_wire.h"

#define TUNNELS   1024
#define TICK_NS   (2 * NS_PER_MS)
#define A_TURN    16 /* control/link_tunnels.c polls no more tunnels in a tick */
#define EXCHANGES 2000
#define STORED    500

static struct rte_rcu_qsbr *qsbr;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void die(const char *what)
{
	fprintf(stderr, "bench_rekey: %s\n", what);
	exit(1);
}

/* KEM: policy hybrid. */
static struct rekey_wire_config settings(unsigned int subs, unsigned int keys,
                                         const struct mlkem *kem)
{
	return (struct rekey_wire_config){
	        .lives = {.period_ms = 1000,
	                  .hard_life_ms = 60000,
	                  .queue_delay_ms = 100,
	                  .stretch = 1,
	                  .policy = kem != NULL ? REKEY_HYBRID : REKEY_REQUIRE_QKD,
	                  .profile = REKEY_LAN},
	        .kem = kem,
	        .delay_ns = NS_PER_MS,
	        .cores = {subs, subs},
	        .keys = keys,
	        .seed = 1,
	        .qsbr = qsbr};
}

static void exchange_row(const char *name, unsigned int subs, const struct mlkem *kem)
{
	struct rekey_wire_config config = settings(subs, EXCHANGES + 10, kem);
	struct rekey_wire *w = malloc(sizeof(*w));
	uint64_t rekeys, from, ns;
	struct err err = {0};

	if (w == NULL || rekey_wire_open(w, &config, &err) < 0)
		die(w == NULL ? "out of memory" : err.text);
	for (unsigned int i = 0; i < 100; i++)
		rekey_wire_step(w, w->now_ns + 10 * NS_PER_MS);
	rekeys = rekey_wire_stats(w, 0).rekeys;
	from = cpu_ns();
	/* 10 ms to a step: a second between two exchanges costs next to nothing. */
	while (rekey_wire_stats(w, 0).rekeys < EXCHANGES)
		rekey_wire_step(w, w->now_ns + 10 * NS_PER_MS);
	ns = cpu_ns() - from;
	rekeys = rekey_wire_stats(w, 0).rekeys - rekeys;
	printf("{\"name\": \"%s\", \"exchanges\": %llu, \"us\": %.2f}\n", name,
	       (unsigned long long)rekeys, (double)ns / 1e3 / (double)rekeys);
	rekey_wire_close(w);
	free(w);
}

static void store_row(const char *dir, unsigned int ahead)
{
	struct keystore_config kc = {.site_a = true, .storage_key = {1}};
	static uint8_t bytes[STORED * KEY_BYTES];
	struct storage *storage;
	struct keystore *ks;
	struct err err = {0};
	char path[300];
	uint64_t from;

	snprintf(path, sizeof(path), "%s/bench_rekey-%d.db", dir, (int)getpid());
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 24);
	if (storage_sqlite_open(path, &storage, &err) < 0 ||
	    keystore_open(&kc, storage, &ks, &err) < 0 ||
	    keystore_import(ks, bytes, sizeof(bytes), &err) < 0)
		die(err.text);
	keystore_ahead(ks, ahead);
	from = clock_ns(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < STORED; i++) {
		uint8_t key[KEY_BYTES];
		struct key_id id;

		if (keystore_take(ks, KEY_REKEY, &id, key, &err) < 0)
			die(err.text);
	}
	printf("{\"name\": \"rekey/store/%u\", \"keys\": %d, \"us\": %.1f}\n", ahead, STORED,
	       (double)(clock_ns(CLOCK_MONOTONIC) - from) / 1e3 / STORED);
	keystore_close(ks);
	unlink(path);
}

/* A site of a thousand tunnels: the loop of control/link_tunnels.c. */
struct many {
	struct rekey_wire *wire;
	uint64_t wake_ns[2][TUNNELS];
	unsigned int next[2], due[TUNNELS];
};

static void deliver(struct many *m, unsigned int site, unsigned int i)
{
	struct rekey_wire_site *s = &m->wire[i].site[site];
	struct rekey_wire_message msg;

	while (rekey_wire_take(s, &msg)) {
		rekey_receive(s->rekey, msg.bytes, msg.len, s->wire->now_ns);
		m->wake_ns[site][i] = 0;
	}
}

static unsigned int tick(struct many *m, unsigned int site, uint64_t now)
{
	unsigned int polls = 0;

	for (unsigned int n = 0; n < TUNNELS && polls < A_TURN; n++) {
		unsigned int i = m->next[site];
		struct rekey_wire_site *s = &m->wire[i].site[site];

		m->next[site] = i + 1 < TUNNELS ? i + 1 : 0;
		if (now < m->wake_ns[site][i])
			continue;
		m->wake_ns[site][i] = rekey_poll(s->rekey, true, now);
		polls++;
	}
	for (unsigned int n = 0; n < A_TURN; n++)
		tunnel_reclaim(m->wire[(now / TICK_NS * A_TURN + n) % TUNNELS].site[site].tunnel);
	return polls;
}

static void many_row(const char *name, const struct mlkem *kem)
{
	struct rekey_wire_config config = settings(1, 20, kem);
	struct many *m = calloc(1, sizeof(*m));
	uint64_t busy = 0, idle = 0, idle_ticks = 0, longest = 0, rekeys = 0, first = 0;
	struct err err = {0};

	if (m == NULL || (m->wire = calloc(TUNNELS, sizeof(*m->wire))) == NULL)
		die("out of memory");
	for (unsigned int i = 0; i < TUNNELS; i++) {
		config.place = i;
		if (rekey_wire_open(&m->wire[i], &config, &err) < 0)
			die(err.text);
	}
	for (uint64_t now = NS_PER_S; now < 12 * NS_PER_S; now += TICK_NS) {
		for (unsigned int i = 0; i < TUNNELS; i++)
			m->wire[i].now_ns = now;
		for (unsigned int site = 0; site < 2; site++) {
			unsigned int polls, with = 0;
			uint64_t from, ns;

			/* Whom a message is for, the channel says: not part of the cost. */
			for (unsigned int i = 0; i < TUNNELS; i++)
				if (m->wire[i].site[site].to_count > 0)
					m->due[with++] = i;
			from = cpu_ns();
			for (unsigned int i = 0; i < with; i++)
				deliver(m, site, m->due[i]);
			polls = tick(m, site, now);
			ns = cpu_ns() - from;
			busy += ns;
			if (polls == 0 && with == 0) {
				idle += ns;
				idle_ticks++;
			}
			if (ns > longest)
				longest = ns;
		}
		if (now == 2 * NS_PER_S)
			for (unsigned int i = 0; i < TUNNELS; i++)
				first += rekey_wire_stats(&m->wire[i], 0).rekeys;
	}
	for (unsigned int i = 0; i < TUNNELS; i++) {
		rekeys += rekey_wire_stats(&m->wire[i], 0).rekeys;
		rekey_wire_close(&m->wire[i]);
	}
	printf("{\"name\": \"%s\", \"rekeys\": %llu, \"share_of_core\": %.3f, "
	       "\"us_a_rekey\": %.1f, \"longest_tick_us\": %.0f, \"idle_tick_us\": %.2f, "
	       "\"keyed_in_first_s\": %llu}\n",
	       name, (unsigned long long)rekeys, (double)busy / 2 / (11.0 * NS_PER_S),
	       (double)busy / 2 / 1e3 / (double)rekeys, (double)longest / 1e3,
	       idle_ticks == 0 ? 0.0 : (double)idle / 1e3 / (double)idle_ticks,
	       (unsigned long long)first);
	free(m->wire);
	free(m);
}

static bool wanted(const char *only, const char *name)
{
	return only == NULL || strncmp(name, only, strlen(only)) == 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	        {"only", required_argument, NULL, 'o'}, {"dir", required_argument, NULL, 'd'}, {0}};
	static const unsigned int subs[] = {1, 4, 16};
	const struct mlkem *kem = mlkem_find(NULL);
	const char *only = NULL, *dir = "/tmp";
	struct err err = {0};
	char name[32];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'o')
			only = optarg;
		else if (c == 'd')
			dir = optarg;
		else
			return 2;
	}
	log_level_set("*", LOG_LEVEL_ERR);
	qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(4) + 63) / 64 * 64);
	if (qsbr == NULL || rte_rcu_qsbr_init(qsbr, 4) != 0)
		die("QSBR");
	if (secret_init(192u << 20, &err) < 0 || gcm_provider_init(NULL, &err) < 0)
		die(err.text);
	for (unsigned int i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		snprintf(name, sizeof(name), "rekey/exchange/%u", subs[i]);
		if (wanted(only, name))
			exchange_row(name, subs[i], NULL);
		snprintf(name, sizeof(name), "rekey/hybrid/%u", subs[i]);
		if (kem != NULL && wanted(only, name))
			exchange_row(name, subs[i], kem);
	}
	for (unsigned int ahead = 1; ahead <= 64; ahead *= 64) {
		snprintf(name, sizeof(name), "rekey/store/%u", ahead);
		if (wanted(only, name))
			store_row(dir, ahead);
	}
	if (wanted(only, "rekey/1024"))
		many_row("rekey/1024", NULL);
	if (kem != NULL && wanted(only, "rekey/hybrid-1024"))
		many_row("rekey/hybrid-1024", kem);
	return 0;
}
