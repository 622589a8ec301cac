/* SPDX-License-Identifier: BSD-3-Clause */

/* No packet is lost or out of order, whatever happens to the messages of rekeying. */

#include "tests/unit/dataplane/rekey_paths.h"

static void test_every_100_ms(void)
{
	struct rekey_stats a, b;

	start(lan(1));
	run(5050);
	a = rekey_wire_stats(&wire, 0);
	b = rekey_wire_stats(&wire, 1);
	CU_ASSERT(a.rekeys >= 49 && a.rekeys <= 51);
	CU_ASSERT_EQUAL(a.generation, b.generation);
	CU_ASSERT_EQUAL(a.retransmits + a.timeouts + a.deferred + b.deferred, 0);
	CU_ASSERT_EQUAL(a.peer_generation, b.generation);
	CU_ASSERT_EQUAL(a.period_ms, 100);
	CU_ASSERT_EQUAL(a.grace_ms, 220);
	CU_ASSERT_EQUAL(a.last_cause, REKEY_BY_PERIOD);
	CU_ASSERT_EQUAL(a.standing, REKEY_ON_QKD);
	/* Two cores at A, three at B: each direction has as many SAs as its sender. */
	CU_ASSERT(a.subs == 2 && a.peer_subs == 3 && b.subs == 3 && b.peer_subs == 2);
	nothing_lost();
	CU_ASSERT(paths[0].opened > 4900 && paths[1].opened > 4900);
	stop();
}

/* The clamp's edge: exactly three generations through each grace. */
static void test_at_a_third_of_the_grace(void)
{
	struct rekey_wire_config config = lan(2);
	struct rekey_stats a;

	config.lives.queue_delay_ms = 180; /* grace 100 + 20 + 180 = 300 ms */
	config.delay_ns = 10 * NS_PER_MS;
	start(config);
	run(6000);
	a = rekey_wire_stats(&wire, 0);
	CU_ASSERT_EQUAL(a.grace_ms, 300 + 20);
	CU_ASSERT(a.rekeys >= 40);
	CU_ASSERT_EQUAL(a.timeouts, 0);
	nothing_lost();
	stop();
}

/*
 * The property: seeded wires of all kinds, packets that wait in queues up to the configured
 * delay, thousands of rekeys.
 */
static void test_no_loss_on_any_wire(void)
{
	uint64_t rekeys = 0, lost = 0, retransmits = 0;

	for (uint64_t seed = 1; seed <= 48; seed++) {
		struct rekey_wire_config config = lan(seed);
		struct rekey_stats a;

		config.delay_ns = seed % 4 * 3 * NS_PER_MS + 100000;
		config.jitter_ns = seed % 5 * 20 * NS_PER_MS;
		config.drop = (double)(seed % 6) * 0.08;
		config.duplicate = (double)(seed % 3) * 0.2;
		config.reorder = (double)(seed % 4) * 0.2;
		config.cores[0] = 1 + (unsigned int)seed % 5;
		config.cores[1] = 1 + (unsigned int)seed % 3;
		config.keys = 400;
		start(config);
		path_jitter_ns = 100 * NS_PER_MS;
		run(20000);
		a = rekey_wire_stats(&wire, 0);
		/* Of 200: with 4 of 10 messages lost a round trip takes three tries, ever slower.
		 */
		CU_ASSERT(a.rekeys >= (config.drop > 0.2 ? 15 : 50));
		CU_ASSERT_EQUAL(paths[0].opened + paths[0].count + paths[0].unopened +
		                        paths[0].unsealed,
		                20000);
		nothing_lost();
		rekeys += a.rekeys;
		lost += wire.lost;
		retransmits += a.retransmits;
		stop();
	}
	CU_ASSERT(rekeys > 3000);
	CU_ASSERT(lost > 1000 && retransmits > 1000);
}

/* Each message, lost for good for a while, then the wire heals. Packets never stop. */
static void lose(unsigned int types, uint64_t ms)
{
	struct rekey_stats a, b;

	start(lan(types + ms));
	run(450);
	wire.lose = types;
	run(ms);
	nothing_lost();
	wire.lose = 0;
	run(5000);
	a = rekey_wire_stats(&wire, 0);
	b = rekey_wire_stats(&wire, 1);
	CU_ASSERT(a.rekeys >= 20);
	CU_ASSERT_EQUAL(a.standing, REKEY_ON_QKD);
	CU_ASSERT(b.rekeys >= 20);
	nothing_lost();
	stop();
}

static void test_each_message_lost_for_long(void)
{
	static const enum rekey_type types[] = {REKEY_OFFER, REKEY_ACCEPT, REKEY_CONFIRM,
	                                        REKEY_DONE, REKEY_REJECT};

	for (unsigned int i = 0; i < 5; i++) {
		lose(1u << types[i], 150);
		/* Longer than an exchange, a grace, and several of each. */
		lose(1u << types[i], 9000);
		for (unsigned int k = 0; k < i; k++)
			lose(1u << types[i] | 1u << types[k], 7000);
	}
}

/*
 * Two CONFIRMs lost in a row, then the ACCEPTs: B, which heard of neither switch, once took
 * each further offer for a reason to retire what it had accepted before, although A sealed
 * with that: its packets died at B.
 */
static void test_two_lost_confirms_in_a_row(void)
{
	uint64_t lost_from, unsealed;

	start(lan(7));
	run(450);
	unsealed = paths[0].unsealed; /* before the first key */
	wire.lose = 1u << REKEY_CONFIRM;
	lost_from = rekey_wire_stats(&wire, 0).generation;
	while (rekey_wire_stats(&wire, 0).generation < lost_from + 2)
		step();
	wire.lose |= 1u << REKEY_ACCEPT;
	run(8000);
	nothing_lost();
	CU_ASSERT_EQUAL(paths[0].unsealed, unsealed);
	/* A got no further, and B followed, for each offer says what A seals with. */
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).generation, lost_from + 2);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 1).generation, lost_from + 2);
	CU_ASSERT(rekey_wire_stats(&wire, 1).offers > 6);
	wire.lose = 0;
	run(5000);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).generation,
	                rekey_wire_stats(&wire, 1).generation);
	nothing_lost();
	stop();
}

/* Sessions that come and go in every phase of an exchange, without a restart. */
static void test_new_sessions(void)
{
	start(lan(8));
	for (unsigned int i = 0; i < 150; i++) {
		run(20 + i % 37);
		rekey_wire_session(&wire);
		nothing_lost();
		if (i % 10 == 9) {
			wire.cut = true;
			run(700);
			wire.cut = false;
		}
		/* Each session takes a key, some two. */
		if (i % 25 == 0)
			CU_ASSERT_EQUAL(rekey_wire_import(&wire, 60, NULL), 0);
	}
	run(1000);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).generation,
	                rekey_wire_stats(&wire, 1).generation);
	CU_ASSERT(rekey_wire_stats(&wire, 0).rekeys > 60);
	nothing_lost();
	stop();
}

static void restart(unsigned int site)
{
	struct err err = {0};

	rekey_destroy(wire.site[site].rekey);
	rekey_wire_drop_tunnel(&wire.site[site]);
	CU_ASSERT_EQUAL_FATAL(rekey_wire_make_tunnel(&wire, site, &err), 0);
	CU_ASSERT_EQUAL_FATAL(rekey_wire_start(&wire, site, &err), 0);
	rekey_wire_session(&wire);
}

/*
 * A restart in each millisecond of an exchange. What the restarted end seals opens; what the
 * other sealed with keys that are gone is lost until it has new ones: 4 ways, and up to a
 * third of a grace when its receive generations are all taken; and the queue.
 */
static void test_restart_in_each_state(void)
{
	for (unsigned int site = 0; site < 2; site++) {
		for (unsigned int ms = 0; ms < 30; ms++) {
			uint64_t lost;

			start(lan(9));
			path_jitter_ns = 80 * NS_PER_MS;
			run(400 + ms);
			nothing_lost();
			restart(site);
			run(200);
			CU_ASSERT_EQUAL(paths[site].unopened, 0);
			CU_ASSERT_EQUAL(paths[site].reordered, 0);
			lost = paths[!site].unopened;
			CU_ASSERT(lost > 0);
			run(1000);
			CU_ASSERT_EQUAL(paths[!site].unopened, lost);
			CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).standing, REKEY_ON_QKD);
			CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 1).standing, REKEY_ON_QKD);
			stop();
		}
	}
}

/* By volume: each site's own limit, B's through its request; not faster than the grace. */
static void test_limits_by_volume(void)
{
	struct rekey_wire_config config = lan(10);
	struct rekey_stats a, b;

	config.lives.period_ms = 3600000;
	config.lives.packets = 300;
	start(config);
	run(3100);
	a = rekey_wire_stats(&wire, 0);
	/* 300 packets are 300 ms. */
	CU_ASSERT(a.rekeys >= 9 && a.rekeys <= 11);
	CU_ASSERT_EQUAL(a.last_cause, REKEY_BY_PACKETS);
	nothing_lost();
	stop();

	config.lives.packets = 0;
	start(config);
	config.lives.bytes = 64 * 500;
	rekey_reconfigure(wire.site[1].rekey, &config.lives);
	wire.site[1].wake_ns = 0;
	run(3100);
	a = rekey_wire_stats(&wire, 0);
	b = rekey_wire_stats(&wire, 1);
	CU_ASSERT(b.rekeys >= 5 && b.rekeys <= 7);
	CU_ASSERT_EQUAL(a.last_cause, REKEY_BY_BYTES);
	CU_ASSERT(b.requests >= 5 && a.requests >= 5 && a.requests <= b.requests);
	nothing_lost();
	config.lives.bytes = 1;
	rekey_reconfigure(wire.site[1].rekey, &config.lives);
	run(2200);
	/* A grace of 220 ms has room for three. */
	CU_ASSERT(rekey_wire_stats(&wire, 1).rekeys - b.rekeys <= 31);
	CU_ASSERT(rekey_wire_stats(&wire, 1).rekeys - b.rekeys >= 20);
	nothing_lost();
	stop();
}

static void test_on_command_at_either_site(void)
{
	struct rekey_wire_config config = lan(11);

	config.lives.period_ms = 3600000;
	start(config);
	run(500);
	for (unsigned int site = 0; site < 2; site++) {
		uint64_t before = rekey_wire_stats(&wire, 0).rekeys;

		rekey_request(wire.site[site].rekey);
		wire.site[site].wake_ns = 0;
		run(300);
		CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).rekeys, before + 1);
		CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 1).last_cause, REKEY_BY_COMMAND);
	}
	nothing_lost();
	stop();
}

/* The ratchet: through losses, then the store is filled again. */
static void test_ratchet_when_keys_run_out(void)
{
	struct rekey_wire_config config = lan(12);
	struct rekey_stats a, b;

	config.lives.policy = REKEY_RATCHET;
	config.lives.hard_life_ms = 3000;
	config.keys = 5;
	config.drop = 0.15;
	config.duplicate = 0.1;
	start(config);
	run(8000);
	a = rekey_wire_stats(&wire, 0);
	b = rekey_wire_stats(&wire, 1);
	CU_ASSERT_EQUAL(a.standing, REKEY_ON_RATCHET);
	CU_ASSERT_EQUAL(b.standing, REKEY_ON_RATCHET);
	CU_ASSERT(wire.site[0].alarm_ratchet && wire.site[1].alarm_ratchet);
	CU_ASSERT_FALSE(wire.site[0].alarm_no_key || wire.site[1].alarm_no_key);
	CU_ASSERT(a.ratchet_steps >= 30 && b.ratchet_steps >= 30);
	CU_ASSERT_EQUAL(a.rekeys - a.ratchet_steps, 5);
	CU_ASSERT_EQUAL(a.policy_changes, 2);
	CU_ASSERT_EQUAL(paths[0].unsealed - paths[1].unsealed,
	                paths[0].unsealed - paths[1].unsealed);
	nothing_lost();
	CU_ASSERT_EQUAL(rekey_wire_import(&wire, 50, NULL), 0);
	run(2000);
	a = rekey_wire_stats(&wire, 0);
	CU_ASSERT_EQUAL(a.standing, REKEY_ON_QKD);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 1).standing, REKEY_ON_QKD);
	CU_ASSERT_FALSE(wire.site[0].alarm_ratchet || wire.site[1].alarm_ratchet);
	CU_ASSERT_EQUAL(a.policy_changes, 3);
	nothing_lost();
	stop();
}

static void test_ratchet_has_a_limited_life(void)
{
	struct rekey_wire_config config = lan(13);

	config.lives.policy = REKEY_RATCHET;
	config.lives.ratchet_life_s = 3;
	config.keys = 3;
	start(config);
	run(2500);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).standing, REKEY_ON_RATCHET);
	run(1500);
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t unsealed = paths[i].unsealed;

		CU_ASSERT_EQUAL(rekey_wire_stats(&wire, i).standing, REKEY_STOPPED);
		CU_ASSERT_TRUE(wire.site[i].alarm_no_key);
		CU_ASSERT_FALSE(wire.site[i].alarm_ratchet);
		run(10);
		CU_ASSERT_EQUAL(paths[i].unsealed, unsealed + 10);
	}
	nothing_lost();
	stop();
}

/* A peer without the chain refuses: the ratchet cannot outlive a restart. */
static void test_ratchet_ends_with_a_restart(void)
{
	struct rekey_wire_config config = lan(14);
	struct rekey_stats a;

	config.lives.policy = REKEY_RATCHET;
	config.lives.hard_life_ms = 2000;
	config.keys = 3;
	start(config);
	run(1000);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).standing, REKEY_ON_RATCHET);
	restart(1);
	run(3000);
	a = rekey_wire_stats(&wire, 0);
	CU_ASSERT_EQUAL(a.standing, REKEY_STOPPED);
	CU_ASSERT_EQUAL(a.rejects, 1);
	CU_ASSERT_STRING_EQUAL(a.last_reject, "ratchet step unknown");
	CU_ASSERT_TRUE(wire.site[0].alarm_no_key);
	CU_ASSERT_EQUAL(paths[1].opened + paths[1].unsealed + paths[1].count, 4000);
	stop();
}

/* Another policy at B: no ratchet, no traffic past the hard life. */
static void test_ratchet_needs_both_ends(void)
{
	struct rekey_wire_config config = lan(15);

	config.lives.policy = REKEY_RATCHET;
	config.lives.hard_life_ms = 1500;
	config.keys = 3;
	start(config);
	config.lives.policy = REKEY_REQUIRE_QKD;
	rekey_reconfigure(wire.site[1].rekey, &config.lives);
	run(3000);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).standing, REKEY_STOPPED);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 1).standing, REKEY_STOPPED);
	CU_ASSERT_EQUAL(rekey_wire_stats(&wire, 0).ratchet_steps, 0);
	CU_ASSERT_STRING_EQUAL(rekey_wire_stats(&wire, 0).last_reject,
	                       "the policy there is not ratchet");
	nothing_lost();
	stop();
}

UNIT_MAIN(UNIT(test_every_100_ms), UNIT(test_at_a_third_of_the_grace),
          UNIT(test_no_loss_on_any_wire), UNIT(test_each_message_lost_for_long),
          UNIT(test_two_lost_confirms_in_a_row), UNIT(test_new_sessions),
          UNIT(test_restart_in_each_state), UNIT(test_limits_by_volume),
          UNIT(test_on_command_at_either_site), UNIT(test_ratchet_when_keys_run_out),
          UNIT(test_ratchet_has_a_limited_life), UNIT(test_ratchet_ends_with_a_restart),
          UNIT(test_ratchet_needs_both_ends))
