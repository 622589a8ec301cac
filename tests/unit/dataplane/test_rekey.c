/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "dataplane/rekey_message.h"
#include "qkd-engine/storage.h"

#define SUBS     2
#define MESSAGES 16

/* One end: its store, its rekeying, what it did to its SAs, what is on the wire to it. */
struct end {
	struct rekey *rekey;
	struct keystore *ks;
	struct end *peer;
	char path[64];
	struct {
		uint64_t generation;
		struct sa_key key[SUBS];
	} rx[TUNNEL_RX_GENERATIONS], tx;
	unsigned int rx_count, rx_most;
	bool stopped, alarm, version_alarm;
	uint8_t wire[MESSAGES][REKEY_MESSAGE_MAX];
	size_t wire_len[MESSAGES];
	unsigned int wire_count, lose; /* lose: bit per message type that is dropped */
};

static struct end ends[2];
static uint64_t now;

static int op_send(void *ctx, const void *msg, size_t len)
{
	struct end *to = ((struct end *)ctx)->peer;

	if (to->lose >> ((const uint8_t *)msg)[1] & 1)
		return 0;
	CU_ASSERT_FATAL(to->wire_count < MESSAGES);
	memcpy(to->wire[to->wire_count], msg, len);
	to->wire_len[to->wire_count++] = len;
	return 0;
}

static int op_rx_install(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct end *e = ctx;

	CU_ASSERT_EQUAL(n, SUBS);
	if (e->rx_count == TUNNEL_RX_GENERATIONS)
		return -EBUSY;
	e->rx[e->rx_count].generation = generation;
	memcpy(e->rx[e->rx_count++].key, keys, sizeof(e->rx[0].key));
	if (e->rx_count > e->rx_most)
		e->rx_most = e->rx_count;
	return 0;
}

static int op_tx_switch(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct end *e = ctx;

	CU_ASSERT_EQUAL(n, SUBS);
	e->tx.generation = generation;
	memcpy(e->tx.key, keys, sizeof(e->tx.key));
	e->stopped = false;
	return 0;
}

static void op_tx_stop(void *ctx)
{
	((struct end *)ctx)->stopped = true;
}

static void op_rx_retire(void *ctx, uint64_t generation)
{
	struct end *e = ctx;

	for (unsigned int i = 0; i < e->rx_count; i++) {
		if (e->rx[i].generation != generation)
			continue;
		e->rx[i] = e->rx[--e->rx_count];
		return;
	}
	CU_FAIL("retired a generation that was not installed");
}

static void op_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	CU_ASSERT_TRUE(strlen(text) > 0);
	if (strcmp(kind, "no-key") == 0)
		((struct end *)ctx)->alarm = raised;
	else if (strcmp(kind, "rekey-version") == 0)
		((struct end *)ctx)->version_alarm = raised;
	else
		CU_FAIL("an alarm that has no cause here");
}

static const struct rekey_ops ops = {.send = op_send,
                                     .rx_install = op_rx_install,
                                     .tx_switch = op_tx_switch,
                                     .tx_stop = op_tx_stop,
                                     .rx_retire = op_rx_retire,
                                     .alarm = op_alarm};

static struct rekey_conditions conditions;
static unsigned int peer_subs_max; /* of the rekeying that is made next; 0: any */

static struct rekey_lives lives(uint32_t period_ms, uint32_t hard_life_ms)
{
	return (struct rekey_lives){.period_ms = period_ms,
	                            .hard_life_ms = hard_life_ms,
	                            .stretch = 10,
	                            .profile = REKEY_WAN};
}

static void make_rekey(struct end *e, uint32_t hard_life_ms)
{
	struct rekey_config config = {.initiator = e == &ends[0],
	                              .link = "malta",
	                              .tunnel = "dc",
	                              .place = 3,
	                              .subs = SUBS,
	                              .peer_subs_max = peer_subs_max,
	                              .conditions = &conditions,
	                              .lives = lives(1000, hard_life_ms)};

	e->rekey = rekey_create(&config, &ops, e, e->ks, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->rekey);
}

static void reconfigure(uint32_t period_ms, uint32_t hard_life_ms)
{
	const struct rekey_lives next = lives(period_ms, hard_life_ms);

	for (int i = 0; i < 2; i++)
		rekey_reconfigure(ends[i].rekey, &next);
}

static void set_up(unsigned int keys)
{
	static char dir[] = "/tmp/rekey-XXXXXX";
	uint8_t *file = malloc(32 * keys);

	if (gcm_provider() == NULL) {
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, NULL), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	}
	now = 1000 * NS_PER_S;
	conditions = (struct rekey_conditions){0};
	for (size_t i = 0; i < 32 * keys; i++)
		file[i] = (uint8_t)(i * 13 + i / 32);
	for (int i = 0; i < 2; i++) {
		struct keystore_config config = {.site_a = i == 0, .storage_key = {1}};
		struct storage *storage = NULL;

		ends[i] = (struct end){.peer = &ends[1 - i], .stopped = true};
		snprintf(ends[i].path, sizeof(ends[i].path), "%s/%d.db", dir, i);
		CU_ASSERT_EQUAL_FATAL(storage_sqlite_open(ends[i].path, &storage, NULL), 0);
		CU_ASSERT_EQUAL_FATAL(keystore_open(&config, storage, &ends[i].ks, NULL), 0);
		CU_ASSERT_EQUAL_FATAL(keystore_import(ends[i].ks, file, 32 * keys, NULL), 0);
		make_rekey(&ends[i], 60000);
	}
	free(file);
}

static void tear_down(void)
{
	for (int i = 0; i < 2; i++) {
		rekey_destroy(ends[i].rekey);
		keystore_close(ends[i].ks);
		unlink(ends[i].path);
	}
}

/* The sealing keys of one end are among the opening keys of the other, core by core. */
static bool opens(const struct end *from)
{
	for (unsigned int g = 0; g < from->peer->rx_count; g++)
		if (memcmp(from->tx.key, from->peer->rx[g].key, sizeof(from->tx.key)) == 0)
			return true;
	return false;
}

static void deliver(void)
{
	for (bool any = true; any;) {
		any = false;
		for (int i = 0; i < 2; i++) {
			struct end *e = &ends[i];
			unsigned int n = e->wire_count;
			uint8_t msg[MESSAGES][REKEY_MESSAGE_MAX];

			memcpy(msg, e->wire, sizeof(msg));
			e->wire_count = 0;
			any |= n > 0;
			for (unsigned int k = 0; k < n; k++)
				rekey_receive(e->rekey, msg[k], e->wire_len[k], now);
		}
	}
}

/* Run for MS, checking in every step that what is sealed can be opened. */
static void run(unsigned int ms, bool connected)
{
	for (unsigned int t = 0; t < ms; t += 10, now += 10 * NS_PER_MS) {
		for (int i = 0; i < 2; i++)
			rekey_poll(ends[i].rekey, connected, now);
		if (connected)
			deliver();
		for (int i = 0; i < 2; i++)
			CU_ASSERT_TRUE(ends[i].tx.generation == 0 || opens(&ends[i]));
	}
}

static uint64_t rekeys(int i)
{
	struct rekey_stats stats;

	rekey_stats_read(ends[i].rekey, now, &stats);
	return stats.rekeys;
}

static void test_a_rekey_each_second_fresh_keys_bounded_generations(void)
{
	struct sa_key before[SUBS];

	set_up(100);
	run(10, true);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_EQUAL(rekeys(1), 1);
	memcpy(before, ends[0].tx.key, sizeof(before));
	/* Every direction and core has a key of its own. */
	CU_ASSERT_NOT_EQUAL(memcmp(before[0].key, before[1].key, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(before[0].key, ends[1].tx.key[0].key, 32), 0);
	/* The SPI says sub-SA and tunnel. */
	CU_ASSERT_EQUAL(before[1].spi % TUNNEL_SUBS_MAX, 1);
	CU_ASSERT_EQUAL(before[1].spi / TUNNEL_SUBS_MAX % REKEY_PLACES_MAX, 3);
	run(20000, true);
	CU_ASSERT(rekeys(0) >= 19 && rekeys(0) <= 21);
	CU_ASSERT_EQUAL(rekeys(0), rekeys(1));
	CU_ASSERT_NOT_EQUAL(memcmp(before, ends[0].tx.key, sizeof(before)), 0);
	CU_ASSERT(ends[0].rx_most <= TUNNEL_RX_GENERATIONS);
	CU_ASSERT(ends[1].rx_most <= TUNNEL_RX_GENERATIONS);
	rekey_request(ends[0].rekey);
	run(10, true);
	CU_ASSERT(rekeys(0) >= 20);
	tear_down();
}

static void test_survives_the_loss_of_any_message(void)
{
	for (unsigned int type = 1; type <= 5; type++) {
		set_up(100);
		run(2500, true);
		for (int i = 0; i < 2; i++)
			ends[i].lose = 1u << type;
		run(1500, true);
		/* An outage: nothing arrives, time passes, what is sealed opens. */
		run(10000, false);
		for (int i = 0; i < 2; i++) {
			ends[i].lose = 0;
			rekey_session(ends[i].rekey, now);
		}
		run(5000, true);
		CU_ASSERT(rekeys(0) >= 6);
		CU_ASSERT_EQUAL(ends[0].tx.generation, ends[1].tx.generation);
		tear_down();
	}
}

static void test_restart_of_either_end(void)
{
	for (int i = 0; i < 2; i++) {
		set_up(100);
		run(3300, true);
		rekey_destroy(ends[i].rekey);
		make_rekey(&ends[i], 60000);
		ends[i].rx_count = 0;
		ends[i].tx.generation = 0;
		ends[i].wire_count = ends[1 - i].wire_count = 0;
		for (int k = 0; k < 2; k++)
			rekey_session(ends[k].rekey, now);
		rekey_poll(ends[0].rekey, true, now);
		deliver();
		run(3000, true);
		CU_ASSERT_EQUAL(ends[0].tx.generation, ends[1].tx.generation);
		CU_ASSERT(rekeys(i) >= 3);
		tear_down();
	}
}

static void test_no_key_alarm_then_hard_stop_then_back(void)
{
	uint8_t more[32 * 4] = {7};

	set_up(2);
	run(5000, true);
	CU_ASSERT_EQUAL(rekeys(0), 2);
	CU_ASSERT_TRUE(ends[0].alarm);
	CU_ASSERT_FALSE(ends[0].stopped);
	run(60000, true);
	CU_ASSERT_TRUE(ends[0].stopped);
	CU_ASSERT_TRUE(ends[1].stopped);
	CU_ASSERT_TRUE(ends[1].alarm);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(keystore_import(ends[i].ks, more, sizeof(more), NULL), 0);
	run(1000, true);
	CU_ASSERT_FALSE(ends[0].stopped);
	CU_ASSERT_FALSE(ends[1].stopped);
	CU_ASSERT_FALSE(ends[0].alarm);
	CU_ASSERT_FALSE(ends[1].alarm);
	tear_down();
}

/* A new hard life counts for the key in use, and so does a new period for the next one. */
static void test_reconfigured_live(void)
{
	set_up(2);
	run(5000, true);
	CU_ASSERT_FALSE(ends[0].stopped);
	reconfigure(1000, 20000);
	run(13000, true);
	CU_ASSERT_FALSE(ends[0].stopped);
	run(5000, true);
	CU_ASSERT_TRUE(ends[0].stopped);
	CU_ASSERT_TRUE(ends[1].stopped);
	tear_down();
	set_up(40);
	run(1500, true);
	reconfigure(5000, 60000);
	run(20000, true);
	CU_ASSERT(rekeys(0) >= 5 && rekeys(0) <= 7);
	tear_down();
}

/* A key that only A has is refused, lost, and the next one taken. */
static void test_unknown_key_is_refused(void)
{
	struct key_id id;
	struct rekey_stats stats;
	uint8_t key[32];

	set_up(20);
	CU_ASSERT_EQUAL(keystore_take(ends[1].ks, KEY_REKEY, &id, key, NULL), 0);
	run(500, true);
	rekey_stats_read(ends[0].rekey, now, &stats);
	CU_ASSERT_EQUAL(stats.rejects, 1);
	CU_ASSERT_EQUAL(stats.rekeys, 1);
	tear_down();
}

static struct rekey_stats stats_of(int i)
{
	struct rekey_stats stats;

	rekey_stats_read(ends[i].rekey, now, &stats);
	return stats;
}

/* Few keys: the period grows as they get fewer, within stretch and half of the hard life. */
static void test_period_stretches_when_keys_are_few(void)
{
	set_up(40);
	run(1500, true);
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 1000);
	conditions = (struct rekey_conditions){.keys = 50, .low_water = 100};
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 2000);
	conditions.keys = 1;
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 10000);
	reconfigure(1000, 8000);
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 4000);
	conditions.keys = 100;
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 1000);
	conditions.keys = 0;
	run(20000, true);
	CU_ASSERT(rekeys(0) >= 6 && rekeys(0) <= 8);
	CU_ASSERT_FALSE(ends[0].stopped || ends[1].stopped);
	tear_down();
}

/* A third of the grace is the least, and the grace follows the round trip. */
static void test_period_is_clamped_to_the_grace(void)
{
	set_up(40);
	reconfigure(100, 60000);
	CU_ASSERT_EQUAL(stats_of(0).grace_ms, 2000);
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 666);
	run(10000, true);
	CU_ASSERT(rekeys(0) >= 14 && rekeys(0) <= 16);
	CU_ASSERT(ends[0].rx_most <= TUNNEL_RX_GENERATIONS);
	CU_ASSERT(ends[1].rx_most <= TUNNEL_RX_GENERATIONS);
	conditions.rtt_ns = 1500 * NS_PER_MS;
	CU_ASSERT_EQUAL(stats_of(0).grace_ms, 3000);
	CU_ASSERT_EQUAL(stats_of(0).period_ms, 1000);
	tear_down();
}

/* A peer of another version is told, takes no key, and costs one only. */
static void test_another_version_is_refused(void)
{
	uint8_t offer[64] = {REKEY_VERSION_HYBRID + 1, REKEY_OFFER, 0, 0, 0, 0, 0, 0, 0, 9};
	struct keystore_stats before, after;
	struct rekey_message answer;

	set_up(20);
	keystore_stats_read(ends[1].ks, &before);
	rekey_receive(ends[1].rekey, offer, sizeof(offer), now);
	CU_ASSERT_TRUE(ends[1].version_alarm);
	CU_ASSERT_EQUAL(ends[0].wire_count, 1);
	CU_ASSERT_EQUAL_FATAL(rekey_decode(ends[0].wire[0], ends[0].wire_len[0], &answer), 0);
	CU_ASSERT_EQUAL(answer.type, REKEY_REJECT);
	CU_ASSERT_EQUAL(answer.generation, 9);
	CU_ASSERT_EQUAL(answer.reason, REKEY_OTHER_VERSION);
	ends[0].wire_count = 0;
	/* The initiator's side: such refusals, five in a row. */
	for (unsigned int i = 0; i < 5; i++) {
		uint8_t reject[REKEY_MESSAGE_MAX];
		struct rekey_message offered;
		size_t len;

		for (unsigned int t = 0; t < 100 && ends[1].wire_count == 0;
		     t++, now += 10 * NS_PER_MS)
			rekey_poll(ends[0].rekey, true, now);
		CU_ASSERT_EQUAL_FATAL(ends[1].wire_count, 1);
		CU_ASSERT_EQUAL(rekey_decode(ends[1].wire[0], ends[1].wire_len[0], &offered), 0);
		ends[1].wire_count = 0;
		answer.generation = offered.generation;
		len = rekey_encode(&answer, reject);
		rekey_receive(ends[0].rekey, reject, len, now);
	}
	keystore_stats_read(ends[0].ks, &after);
	CU_ASSERT_EQUAL(before.available[KEY_REKEY] - after.available[KEY_REKEY], 1);
	CU_ASSERT_STRING_EQUAL(stats_of(0).last_reject, "another version of the protocol");
	/* Updated: the same key is good. */
	run(1000, true);
	CU_ASSERT_EQUAL(rekeys(0), 1);
	CU_ASSERT_FALSE(ends[1].version_alarm);
	keystore_stats_read(ends[0].ks, &after);
	CU_ASSERT_EQUAL(before.available[KEY_REKEY] - after.available[KEY_REKEY], 1);
	tear_down();
}

/* End I takes no more than MOST sub-SAs of its peer from now on. */
static void peer_subs_at_most(int i, unsigned int most)
{
	rekey_destroy(ends[i].rekey);
	peer_subs_max = most;
	make_rekey(&ends[i], 60000);
	peer_subs_max = 0;
	rekey_session(ends[1 - i].rekey, now);
}

/* B refuses an offer for more SAs than it has memory for; that costs no key at either end. */
static void test_offer_of_too_many_subs_is_refused(void)
{
	struct keystore_stats before[2], after[2];

	set_up(20);
	peer_subs_at_most(1, SUBS - 1);
	for (int i = 0; i < 2; i++)
		keystore_stats_read(ends[i].ks, &before[i]);
	log_level_set("*", LOG_LEVEL_ERR);
	run(5000, true);
	log_level_set("*", LOG_LEVEL_INFO);
	for (int i = 0; i < 2; i++) {
		keystore_stats_read(ends[i].ks, &after[i]);
		CU_ASSERT_STRING_EQUAL(stats_of(i).last_reject, "more sub-SAs than peer-sub-sas");
		CU_ASSERT_EQUAL(rekeys(i), 0);
	}
	CU_ASSERT(stats_of(1).peer_subs_refused >= 5);
	CU_ASSERT_EQUAL(stats_of(1).rejects, stats_of(1).peer_subs_refused);
	CU_ASSERT_EQUAL(stats_of(1).peer_subs_max, SUBS - 1);
	CU_ASSERT_EQUAL(stats_of(0).peer_subs_refused, 0);
	CU_ASSERT_EQUAL(before[0].available[KEY_REKEY] - after[0].available[KEY_REKEY], 1);
	CU_ASSERT_EQUAL(before[1].available[KEY_REKEY], after[1].available[KEY_REKEY]);
	CU_ASSERT_EQUAL(ends[1].rx_count, 0);
	peer_subs_at_most(1, SUBS);
	run(1000, true);
	CU_ASSERT(rekeys(0) >= 1 && rekeys(1) == rekeys(0));
	CU_ASSERT_TRUE(opens(&ends[0]) && opens(&ends[1]));
	tear_down();
}

/* A does not take up an answer with more SAs than it has memory for. */
static void test_answer_of_too_many_subs_is_refused(void)
{
	set_up(40);
	peer_subs_at_most(0, SUBS - 1);
	log_level_set("*", LOG_LEVEL_ERR);
	run(5000, true);
	log_level_set("*", LOG_LEVEL_INFO);
	CU_ASSERT(stats_of(0).peer_subs_refused >= 5);
	CU_ASSERT_STRING_EQUAL(stats_of(0).last_reject, "more sub-SAs than peer-sub-sas");
	CU_ASSERT_EQUAL(rekeys(0), 0);
	CU_ASSERT_EQUAL(rekeys(1), 0);
	CU_ASSERT_EQUAL(ends[0].rx_count, 0);
	CU_ASSERT(ends[1].rx_most <= TUNNEL_RX_GENERATIONS);
	CU_ASSERT_TRUE(ends[0].alarm && ends[1].alarm);
	tear_down();
}

/* poll() says when it has something to do: an idle machine is not looked at for a second. */
static void test_polls_are_few(void)
{
	unsigned int polls = 0, nothing = 0;
	uint64_t wake[2] = {0, 0};

	set_up(40);
	run(1500, true);
	for (unsigned int t = 0; t < 10000; t++, now += NS_PER_MS) {
		for (int i = 0; i < 2; i++) {
			struct rekey_stats before = stats_of(i);

			if (ends[i].wire_count > 0)
				wake[i] = 0;
			for (unsigned int k = 0; k < ends[i].wire_count; k++)
				rekey_receive(ends[i].rekey, ends[i].wire[k], ends[i].wire_len[k],
				              now);
			ends[i].wire_count = 0;
			if (now < wake[i])
				continue;
			polls++;
			wake[i] = rekey_poll(ends[i].rekey, true, now);
			nothing += before.rekeys == stats_of(i).rekeys;
			CU_ASSERT(wake[i] > now);
		}
		CU_ASSERT_TRUE(opens(&ends[0]) && opens(&ends[1]));
	}
	/* 10 rekeys with 2 messages in, and a retirement each, a side. */
	CU_ASSERT(polls <= 2 * 10 * 5);
	CU_ASSERT(rekeys(0) >= 10 && rekeys(0) <= 12);
	tear_down();
}

/* The places of a site spread the second rekey of a session over half a period. */
static void test_tunnels_are_spread(void)
{
	unsigned int first_half = 0, n = 0;

	set_up(2);
	for (unsigned int place = 0; place < REKEY_PLACES_MAX; place += 37, n++) {
		struct rekey_config config = {.initiator = true,
		                              .link = "malta",
		                              .tunnel = "dc",
		                              .place = place,
		                              .subs = 1,
		                              .lives = lives(60000, 120000)};
		struct rekey *r = rekey_create(&config, &ops, &ends[0], ends[0].ks, NULL);
		struct rekey_stats s;

		CU_ASSERT_PTR_NOT_NULL_FATAL(r);
		rekey_session(r, 0);
		rekey_stats_read(r, 0, &s);
		CU_ASSERT(s.next_rekey_ms >= 30000 && s.next_rekey_ms <= 60000);
		first_half += s.next_rekey_ms < 45000;
		rekey_destroy(r);
	}
	CU_ASSERT(first_half >= n / 3 && first_half <= n * 2 / 3);
	tear_down();
}

static void test_bad_configuration_is_refused(void)
{
	struct rekey_config config = {.subs = TUNNEL_SUBS_MAX + 1};
	struct err err = {0};

	set_up(2);
	CU_ASSERT_PTR_NULL(rekey_create(&config, &ops, &ends[0], ends[0].ks, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "65 SAs"));
	config.subs = 0;
	CU_ASSERT_PTR_NULL(rekey_create(&config, &ops, &ends[0], ends[0].ks, &err));
	config = (struct rekey_config){.subs = 1, .place = REKEY_PLACES_MAX};
	CU_ASSERT_PTR_NULL(rekey_create(&config, &ops, &ends[0], ends[0].ks, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tunnel 1024"));
	config = (struct rekey_config){.subs = 1, .peer_subs_max = TUNNEL_SUBS_MAX + 1};
	CU_ASSERT_PTR_NULL(rekey_create(&config, &ops, &ends[0], ends[0].ks, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "65 SAs a direction of the peer"));
	tear_down();
}

static void test_garbage_changes_nothing(void)
{
	struct rekey_stats stats;
	uint8_t msg[64];

	set_up(20);
	run(1500, true);
	for (unsigned int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(msg); k++)
			msg[k] = (uint8_t)((i * 2654435761u) >> (k % 24)) ^ (uint8_t)(k * i);
		rekey_receive(ends[i % 2].rekey, msg, i % sizeof(msg), now);
	}
	rekey_stats_read(ends[0].rekey, now, &stats);
	CU_ASSERT(stats.bad_messages > 0);
	run(3000, true);
	CU_ASSERT_EQUAL(ends[0].tx.generation, ends[1].tx.generation);
	tear_down();
}

UNIT_MAIN(UNIT(test_a_rekey_each_second_fresh_keys_bounded_generations),
          UNIT(test_survives_the_loss_of_any_message), UNIT(test_restart_of_either_end),
          UNIT(test_no_key_alarm_then_hard_stop_then_back), UNIT(test_reconfigured_live),
          UNIT(test_unknown_key_is_refused), UNIT(test_period_stretches_when_keys_are_few),
          UNIT(test_period_is_clamped_to_the_grace), UNIT(test_another_version_is_refused),
          UNIT(test_offer_of_too_many_subs_is_refused),
          UNIT(test_answer_of_too_many_subs_is_refused), UNIT(test_polls_are_few),
          UNIT(test_tunnels_are_spread), UNIT(test_bad_configuration_is_refused),
          UNIT(test_garbage_changes_nothing))
