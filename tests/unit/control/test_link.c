/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/link.h"
#include "tests/unit/control/link_rig.h"

#include <errno.h>

static void start(void)
{
	rig_start();
	rig_link(0);
	rig_link(1);
}

static void check_rekeyed(unsigned int rekeys)
{
	struct rekey_stats a = rig_rekey(0), b = rig_rekey(1);

	CU_ASSERT(a.rekeys >= rekeys && b.rekeys >= rekeys);
	CU_ASSERT_EQUAL(a.generation, b.generation);
	CU_ASSERT_FALSE(a.stopped || b.stopped);
	CU_ASSERT_EQUAL(a.bad_messages + b.bad_messages, 0);
	CU_ASSERT_EQUAL(a.rejects + b.rejects, 0);
	CU_ASSERT_EQUAL(a.timeouts + b.timeouts, 0);
}

static void test_keys_the_tunnel(void)
{
	struct sa_info sa[2][16];
	unsigned int n[2], matches = 0;

	start();
	CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t0"));
	rig_import(0, 8, 1);
	rig_import(1, 8, 1);
	rig_run(1500);
	CU_ASSERT_TRUE(rig_stats(0).connected && rig_stats(1).connected);
	CU_ASSERT_EQUAL(rig_stats(0).sessions, 1);
	CU_ASSERT_EQUAL(rig_keys(0).voided + rig_keys(1).voided, 0);
	check_rekeyed(1);
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	CU_ASSERT_FALSE(rig_alarm("channel-down", "link/test"));
	/* Once a period. */
	rig_run(3 * RIG_PERIOD_MS);
	check_rekeyed(4);
	CU_ASSERT(rig_rekey(0).rekeys <= 5);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], 8 - rig_rekey(0).rekeys);
	/* What one end seals with, the other opens. */
	for (unsigned int i = 0; i < 2; i++)
		n[i] = tunnel_sa_list(ends[i].tunnel, sa[i], 16);
	for (unsigned int i = 0; i < n[0]; i++)
		for (unsigned int k = 0; k < n[1]; k++)
			matches += sa[0][i].spi == sa[1][k].spi &&
			           sa[0][i].generation == sa[1][k].generation &&
			           sa[0][i].generation == rig_rekey(0).generation &&
			           sa[0][i].transmit != sa[1][k].transmit;
	CU_ASSERT_EQUAL(matches, 2);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages + rig_stats(1).bad_messages, 0);
	CU_ASSERT_EQUAL(rig_stats(0).notes_dropped + rig_stats(1).notes_dropped, 0);
	CU_ASSERT_PTR_NULL(link_rekey(ends[0].link, 1));
	rig_stop();
}

static void test_stores_are_compared(void)
{
	start();
	rig_import(0, 4, 1);
	rig_import(1, 4, 1);
	/* What one end alone has is destroyed before a key of it is named. */
	rig_add(0, 2, 16);
	rig_add(1, 3, 32);
	rig_run(1500);
	CU_ASSERT_EQUAL(rig_keys(0).voided, 16);
	CU_ASSERT_EQUAL(rig_keys(1).voided, 32);
	check_rekeyed(1);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	CU_ASSERT(rig_keys(0).available[KEY_REKEY] >= 2);
	/* The pre-shared pads are the same at both ends. */
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_AUTH_A], (PSK_LEAST - PSK_PADS) / KEY_BYTES / 2);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_AUTH_B], rig_keys(1).available[KEY_AUTH_B]);
	rig_stop();
}

static void test_low_store_raises_an_alarm(void)
{
	rig_start();
	for (unsigned int site = 0; site < 2; site++) {
		ends[site].config.keystore.low_water = 4;
		rig_link(site);
	}
	rig_run(1500);
	CU_ASSERT_FALSE(rig_alarm("key-store-low", "link/test"));
	rig_import(0, 8, 1);
	rig_import(1, 8, 1);
	rig_run(1500);
	CU_ASSERT_FALSE(rig_alarm("key-store-low", "link/test"));
	rig_run(5000);
	CU_ASSERT_TRUE(rig_alarm("key-store-low", "link/test"));
	CU_ASSERT_EQUAL(alarm_find("key-store-low", "link/test")->severity, ALARM_WARNING);
	rig_import(0, 20, 2);
	rig_import(1, 20, 2);
	rig_run(1100);
	CU_ASSERT_FALSE(rig_alarm("key-store-low", "link/test"));
	rig_stop();
}

static void test_restarted_end_is_keyed_again(void)
{
	uint64_t generation;

	start();
	rig_import(0, 20, 1);
	rig_import(1, 20, 1);
	rig_run(1500);
	for (unsigned int site = 0; site < 2; site++) {
		generation = rig_rekey(!site).generation;
		link_destroy(ends[site].link);
		tunnel_alone_destroy(ends[site].tunnel);
		channel_mux_destroy(ends[site].mux);
		rig_end(site);
		rig_link(site);
		CU_ASSERT_TRUE(rig_rekey(site).stopped);
		CU_ASSERT_FALSE(rig_stats(site).connected);
		rig_run(4000);
		CU_ASSERT_EQUAL(rig_stats(site).sessions, 1);
		CU_ASSERT_EQUAL(rig_stats(!site).sessions, 2);
		CU_ASSERT_TRUE(rig_stats(0).connected && rig_stats(1).connected);
		CU_ASSERT_EQUAL(rig_rekey(0).generation, rig_rekey(1).generation);
		CU_ASSERT(rig_rekey(0).generation != generation);
		CU_ASSERT_FALSE(rig_rekey(site).stopped);
	}
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	rig_stop();
}

static void test_thresholds_and_lives_change_live(void)
{
	struct config next;
	uint64_t rekeys;

	start();
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(1500);
	next = ends[0].config;
	next.tunnels[0].rekey_period_ms = 250;
	next.tunnels[0].hard_life_ms = 1200;
	link_reconfigure(ends[0].link, &next);
	rig_run(1000);
	rekeys = rig_rekey(0).rekeys;
	rig_run(2000);
	CU_ASSERT(rig_rekey(0).rekeys >= rekeys + 6 && rig_rekey(0).rekeys <= rekeys + 8);
	check_rekeyed(8);
	/* The hard life is A's alone. */
	rig_cut = true;
	rig_run(1500);
	CU_ASSERT_TRUE(rig_rekey(0).stopped);
	CU_ASSERT_FALSE(rig_rekey(1).stopped);
	CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t0"));
	rig_stop();
}

/* Both sites ask on command; B's goes over the wire. */
static void test_rekeys_on_command(void)
{
	start();
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(1500);
	for (unsigned int site = 0; site < 2; site++) {
		uint64_t rekeys = rig_rekey(site).rekeys;

		CU_ASSERT_EQUAL(link_rekey_now(ends[site].link, 0), 0);
		rig_run(100);
		CU_ASSERT_EQUAL(rig_rekey(site).rekeys, rekeys + 1);
		CU_ASSERT_EQUAL(rig_rekey(site).last_cause, REKEY_BY_COMMAND);
		CU_ASSERT_EQUAL(link_rekey_now(ends[site].link, 1), -ENOENT);
		rig_run(200);
	}
	rig_stop();
}

/* The ratchet's secret follows from the pre-shared one at both ends. */
static void test_ratchet_when_keys_run_out(void)
{
	struct config next;

	rig_start();
	for (unsigned int site = 0; site < 2; site++) {
		ends[site].config.tunnels[0].policy = CONFIG_RATCHET;
		ends[site].config.tunnels[0].ratchet_life_s = 3600;
		ends[site].config.tunnels[0].hard_life_ms = 3000;
		rig_link(site);
	}
	rig_import(0, 2, 1);
	rig_import(1, 2, 1);
	rig_run(8000);
	for (unsigned int site = 0; site < 2; site++) {
		CU_ASSERT_TRUE(rig_alarm("ratchet", "tunnel/t0"));
		CU_ASSERT_EQUAL(rig_rekey(site).standing, REKEY_ON_RATCHET);
		CU_ASSERT(rig_rekey(site).ratchet_steps >= 4);
	}
	CU_ASSERT_EQUAL(rig_rekey(0).rekeys - rig_rekey(0).ratchet_steps, 2);
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	/* No longer wanted: what derives from the last key may not be used any more. */
	next = ends[0].config;
	next.tunnels[0].policy = CONFIG_REQUIRE_QKD;
	for (unsigned int site = 0; site < 2; site++)
		link_reconfigure(ends[site].link, &next);
	rig_run(10);
	CU_ASSERT_TRUE(rig_rekey(0).stopped && rig_rekey(1).stopped);
	CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t0"));
	CU_ASSERT_FALSE(rig_alarm("ratchet", "tunnel/t0"));
	rig_stop();
}

/* Where the library has ML-KEM both machines agree over a real channel; else nothing is keyed. */
static void test_hybrid(void)
{
	bool possible = mlkem_find(NULL) != NULL;

	rig_start();
	for (unsigned int site = 0; site < 2; site++) {
		ends[site].config.tunnels[0].policy = CONFIG_HYBRID;
		rig_link(site);
	}
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(8000);
	for (unsigned int site = 0; site < 2; site++) {
		CU_ASSERT_EQUAL(rig_rekey(site).standing,
		                possible ? REKEY_ON_HYBRID : REKEY_STOPPED);
		CU_ASSERT_EQUAL(rig_rekey(site).rekeys > 5, possible);
		CU_ASSERT_EQUAL(rig_rekey(site).hybrid_failed > 0, !possible && site == 0);
	}
	CU_ASSERT_EQUAL(rig_alarm("no-key", "tunnel/t0"), !possible);
	CU_ASSERT_FALSE(rig_alarm("rekey-policy", "tunnel/t0"));
	rig_stop();
}

/* The alarm of policies that differ reaches the operator. */
static void test_hybrid_at_one_end(void)
{
	rig_start();
	ends[1].config.tunnels[0].policy = CONFIG_HYBRID;
	rig_link(0);
	rig_link(1);
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(3000);
	for (unsigned int site = 0; site < 2; site++)
		CU_ASSERT_TRUE(rig_rekey(site).stopped);
	CU_ASSERT_TRUE(rig_alarm("rekey-policy", "tunnel/t0"));
	rig_stop();
}

static void test_cut_channel_stops_offers_and_comes_back(void)
{
	uint64_t offers;

	start();
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(1500);
	rig_cut = true;
	rig_run(12000);
	CU_ASSERT_TRUE(rig_alarm("channel-down", "link/test"));
	CU_ASSERT_FALSE(rig_stats(0).connected || rig_stats(1).connected);
	CU_ASSERT_TRUE(rig_rekey(0).stopped && rig_rekey(1).stopped);
	offers = rig_rekey(0).offers;
	rig_run(2000);
	CU_ASSERT_EQUAL(rig_rekey(0).offers, offers);
	rig_cut = false;
	rig_run(6000);
	CU_ASSERT_FALSE(rig_alarm("channel-down", "link/test"));
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	CU_ASSERT_FALSE(rig_rekey(0).stopped || rig_rekey(1).stopped);
	CU_ASSERT_EQUAL(rig_rekey(0).generation, rig_rekey(1).generation);
	rig_stop();
}

static void test_other_secret_raises_an_alarm(void)
{
	rig_start();
	rig_file("psk", 1, PSK_LEAST, 99);
	rig_link(0);
	rig_link(1);
	rig_run(2000);
	CU_ASSERT_FALSE(rig_stats(0).connected || rig_stats(1).connected);
	CU_ASSERT_TRUE(rig_alarm("authentication", "link/test"));
	CU_ASSERT_TRUE(rig_alarm("channel-down", "link/test"));
	rig_stop();
}

static struct {
	unsigned int count;
	uint16_t tunnel;
	uint8_t msg[8];
	size_t len;
} wire_got;

static bool wire_take(uint16_t tunnel, const uint8_t *msg, size_t len)
{
	wire_got.count++;
	wire_got.tunnel = tunnel;
	wire_got.len = len;
	memcpy(wire_got.msg, msg, len < sizeof(wire_got.msg) ? len : sizeof(wire_got.msg));
	return len == 5;
}

static void test_words_of_pseudowires_cross(void)
{
	start();
	CU_ASSERT_EQUAL(link_session(ends[0].link), 0);
	rig_run(2000);
	CU_ASSERT_NOT_EQUAL(link_session(ends[0].link), 0);
	link_wire_receiver(ends[1].link, wire_take);
	wire_got.tunnel = 7;
	CU_ASSERT_EQUAL(link_wire_send(ends[0].link, 1, "abcde", 5), -ENOENT);
	CU_ASSERT_EQUAL(link_wire_send(ends[0].link, 0, "abcde", 5), 0);
	rig_run(500);
	CU_ASSERT_EQUAL(wire_got.count, 1);
	CU_ASSERT_EQUAL(wire_got.tunnel, 0);
	CU_ASSERT_EQUAL(wire_got.len, 5);
	CU_ASSERT_EQUAL(memcmp(wire_got.msg, "abcde", 5), 0);
	CU_ASSERT_EQUAL(rig_stats(1).bad_messages, 0);
	/* What the receiver refuses, and what nobody receives, is bad. */
	link_wire_send(ends[0].link, 0, "abcd", 4);
	link_wire_send(ends[1].link, 0, "abcde", 5);
	rig_run(500);
	CU_ASSERT_EQUAL(rig_stats(1).bad_messages, 1);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages, 1);
	rig_stop();
}

/* Each end has a tunnel that the other has not. */
static void test_tunnel_of_one_end(void)
{
	uint64_t keys;

	rig_start();
	strcpy(ends[1].config.tunnels[0].name, "other");
	rig_link(0);
	rig_link(1);
	rig_import(0, 8, 1);
	rig_import(1, 8, 1);
	rig_run(2000);
	CU_ASSERT_TRUE(rig_stats(0).connected);
	CU_ASSERT_TRUE(rig_alarm("tunnel-not-at-peer", "tunnel/t0"));
	CU_ASSERT_TRUE(link_tunnel_absent(ends[0].link, 0));
	CU_ASSERT_FALSE(link_tunnel_absent(ends[0].link, 1));
	CU_ASSERT_FALSE(rig_alarm("tunnel-not-at-peer", "tunnel/other"));
	/* B offers nothing: it asks. */
	rig_run(5000);
	CU_ASSERT_TRUE(rig_alarm("tunnel-not-at-peer", "tunnel/other"));
	/* No key is spent on it, but for the first offer's. */
	keys = rig_keys(0).available[KEY_REKEY];
	CU_ASSERT(keys >= 7);
	rig_run(20000);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], keys);
	CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t0"));
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages + rig_stats(1).bad_messages, 0);
	/* It is added at B, which starts again with it. */
	link_destroy(ends[1].link);
	strcpy(ends[1].config.tunnels[0].name, "t0");
	rig_link(1);
	rig_run(4000);
	CU_ASSERT_FALSE(rig_alarm("tunnel-not-at-peer", "tunnel/t0"));
	CU_ASSERT(rig_rekey(0).rekeys >= 1 && rig_rekey(1).rekeys >= 1);
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	rig_stop();
}

static struct rekey_stats rekey_at(unsigned int site, unsigned int place)
{
	struct rekey_stats s;

	rekey_stats_read(link_rekey(ends[site].link, place), rig_worker.now_ns, &s);
	return s;
}

static void add(unsigned int site, unsigned int place, struct tunnel *tunnel)
{
	static struct tunnel *list[CONFIG_TUNNELS_MAX];
	struct err err = {0};

	memset(list, 0, sizeof(list));
	list[0] = ends[site].tunnel;
	list[place] = tunnel;
	CU_ASSERT_EQUAL(link_add_tunnels(ends[site].link, &ends[site].config, list, &err), 0);
	link_reconfigure(ends[site].link, &ends[site].config);
}

static void drop(unsigned int site, unsigned int place, struct tunnel *tunnel)
{
	memset(&ends[site].config.tunnels[place], 0, sizeof(struct config_tunnel));
	link_drop_tunnels(ends[site].link, &ends[site].config);
	link_reconfigure(ends[site].link, &ends[site].config);
	tunnel_alone_destroy(tunnel);
}

/*
 * A tunnel comes at one end, then at the other, at another place; goes and comes at either. The
 * first one is rekeyed on as if nothing were.
 */
static void test_tunnels_come_and_go(void)
{
	static const unsigned int place[2] = {1, 3};
	struct tunnel *tunnel[2];

	for (unsigned int first = 0; first < 2; first++) {
		start();
		rig_import(0, 64, 1);
		rig_import(1, 64, 1);
		rig_run(2000);
		tunnel[first] = rig_tunnel(first, place[first], "t1");
		add(first, place[first], tunnel[first]);
		CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t1"));
		rig_run(500);
		CU_ASSERT_TRUE(link_tunnel_absent(ends[first].link, place[first]));
		CU_ASSERT_TRUE(rig_alarm("tunnel-not-at-peer", "tunnel/t1"));
		tunnel[!first] = rig_tunnel(!first, place[!first], "t1");
		add(!first, place[!first], tunnel[!first]);
		rig_run(500);
		CU_ASSERT_FALSE(rig_alarm("tunnel-not-at-peer", "tunnel/t1"));
		CU_ASSERT_TRUE(tunnel_has_key(tunnel[0]) && tunnel_has_key(tunnel[1]));
		CU_ASSERT_EQUAL(rekey_at(0, 1).generation, rekey_at(1, 3).generation);
		rig_run(2000);
		CU_ASSERT(rekey_at(0, 1).rekeys >= 2);
		/* A path that is free is none. */
		CU_ASSERT_PTR_NULL(link_rekey(ends[1].link, 1));
		CU_ASSERT_EQUAL(link_rekey_now(ends[1].link, 2), -ENOENT);
		/* It goes and comes again at one end, whose count of generations begins anew. */
		for (unsigned int i = 0; i < 4; i++) {
			drop(i % 2, place[i % 2], tunnel[i % 2]);
			CU_ASSERT_FALSE(link_tunnel_absent(ends[i % 2].link, place[i % 2]));
			rig_run(200);
			CU_ASSERT_TRUE(link_tunnel_absent(ends[!(i % 2)].link, place[!(i % 2)]));
			CU_ASSERT_TRUE(rig_alarm("tunnel-not-at-peer", "tunnel/t1"));
			tunnel[i % 2] = rig_tunnel(i % 2, place[i % 2], "t1");
			add(i % 2, place[i % 2], tunnel[i % 2]);
			rig_run(300);
			CU_ASSERT_FALSE(rig_alarm("tunnel-not-at-peer", "tunnel/t1"));
			CU_ASSERT_TRUE(tunnel_has_key(tunnel[i % 2]));
			CU_ASSERT_EQUAL(rekey_at(0, 1).generation, rekey_at(1, 3).generation);
		}
		for (unsigned int site = 0; site < 2; site++)
			drop(site, place[site], tunnel[site]);
		rig_run(1500);
		CU_ASSERT_EQUAL(rekey_at(0, 0).timeouts + rekey_at(1, 0).rejects, 0);
		CU_ASSERT(rekey_at(0, 0).rekeys >= 6);
		CU_ASSERT_EQUAL(rig_stats(0).bad_messages + rig_stats(1).bad_messages, 0);
		CU_ASSERT_EQUAL(rig_keys(0).voided + rig_keys(1).voided, 0);
		rig_stop();
	}
}

static void check_refused(const char *what)
{
	struct err err = {0};

	CU_ASSERT_PTR_NULL(link_create(&ends[0].config, ends[0].mux, &ends[0].tunnel, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, what));
	CU_ASSERT(err.code > 0);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* By the name of a credential, which the service's environment leads to. */
static void test_storage_key_from_a_credential(void)
{
	rig_start();
	strcpy(ends[0].config.keystore.storage_key, "credential:storage-key0");
	unsetenv("CREDENTIALS_DIRECTORY");
	check_refused("keystore/storage-key: credential:storage-key0: CREDENTIALS_DIRECTORY is not "
	              "set");
	setenv("CREDENTIALS_DIRECTORY", rig_dir, 1);
	rig_link(0);
	rig_link(1);
	rig_import(0, 32, 1);
	rig_import(1, 32, 1);
	rig_run(1500);
	CU_ASSERT(rig_rekey(0).rekeys >= 1 && rig_rekey(1).rekeys >= 1);
	unsetenv("CREDENTIALS_DIRECTORY");
	rig_stop();
}

static void test_refuses_bad_secrets(void)
{
	struct err err = {0};
	char path[256];

	rig_start();
	CU_ASSERT_PTR_NULL(link_create(&ends[0].config, NULL, &ends[0].tunnel, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "channel"));
	rig_file("psk", 0, PSK_LEAST - 1, 1);
	check_refused("pre-shared secret");
	rig_file("psk", 0, PSK_LEAST, 1);
	rig_file("storage-key", 0, 31, 1);
	check_refused("keystore/storage-key: ");
	rig_file("storage-key", 0, 32, 2);
	chmod(rig_path(path, "storage-key", 0), 0640);
	check_refused("keystore/storage-key: ");
	rig_file("storage-key", 0, 32, 2);
	strcpy(ends[0].config.keystore.path, "/nonexistent/keys");
	check_refused("/nonexistent/keys");
	rig_config(0);
	ends[0].config.qkd.enabled = true;
	check_refused("block-bits");
	rig_config(0);
	rig_link(0);
	rig_stop();
	rmdir(rig_dir);
}

UNIT_MAIN(UNIT(test_keys_the_tunnel), UNIT(test_stores_are_compared),
          UNIT(test_low_store_raises_an_alarm), UNIT(test_restarted_end_is_keyed_again),
          UNIT(test_thresholds_and_lives_change_live), UNIT(test_rekeys_on_command),
          UNIT(test_ratchet_when_keys_run_out), UNIT(test_hybrid), UNIT(test_hybrid_at_one_end),
          UNIT(test_cut_channel_stops_offers_and_comes_back),
          UNIT(test_other_secret_raises_an_alarm), UNIT(test_words_of_pseudowires_cross),
          UNIT(test_tunnel_of_one_end), UNIT(test_tunnels_come_and_go),
          UNIT(test_storage_key_from_a_credential), UNIT(test_refuses_bad_secrets))
