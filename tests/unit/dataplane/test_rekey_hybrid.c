/* SPDX-License-Identifier: BSD-3-Clause */

/* Policy hybrid: by a fake of ML-KEM everywhere, and by ML-KEM itself where libcrypto has it. */

#include "common/bytes.h"
#include "tests/unit/dataplane/fake_kem.h"
#include "tests/unit/dataplane/rekey_paths.h"

static struct rekey_wire_config hybrid(uint64_t seed)
{
	struct rekey_wire_config config = lan(seed);

	config.lives.policy = REKEY_HYBRID;
	config.kem = &fake_kem;
	memset(&fake_kem_calls, 0, sizeof(fake_kem_calls));
	return config;
}

static struct rekey_stats stats(unsigned int site)
{
	return rekey_wire_stats(&wire, site);
}

static uint64_t keys_left(unsigned int site)
{
	struct keystore_stats s;

	keystore_stats_read(wire.site[site].ks, &s);
	return s.available[KEY_REKEY];
}

static void set_policy(unsigned int site, enum rekey_policy policy)
{
	struct rekey_lives lives = wire.config.lives;

	lives.policy = policy;
	rekey_reconfigure(wire.site[site].rekey, &lives);
	wire.site[site].wake_ns = 0;
}

/* Both ends seal with keys of the store and of ML-KEM from one generation on. */
static void check_hybrid(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(stats(i).standing, REKEY_ON_HYBRID);
		CU_ASSERT_FALSE(wire.site[i].alarm_no_key || wire.site[i].alarm_policy);
	}
	CU_ASSERT_EQUAL(stats(0).generation, stats(1).generation);
}

static void test_each_rekey_has_a_key_of_its_own(void)
{
	start(hybrid(1));
	run(5050);
	check_hybrid();
	CU_ASSERT(stats(0).rekeys >= 49 && stats(0).rekeys <= 51);
	CU_ASSERT_EQUAL(fake_kem_calls.keys, stats(0).offers);
	CU_ASSERT_EQUAL(fake_kem_calls.encapsulations, stats(1).offers);
	CU_ASSERT_EQUAL(fake_kem_calls.decapsulations, stats(0).rekeys);
	CU_ASSERT_EQUAL(stats(0).hybrid_failed + stats(1).hybrid_failed, 0);
	CU_ASSERT_EQUAL(100 - keys_left(0), stats(0).offers);
	nothing_lost();
	CU_ASSERT(paths[0].opened > 4900 && paths[1].opened > 4900);
	stop();
}

/* A repeated OFFER gets the same ACCEPT, and so the same secret. */
static void test_no_loss_on_any_wire(void)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rekey_wire_config config = hybrid(seed);

		config.delay_ns = seed % 4 * 3 * NS_PER_MS + 100000;
		config.jitter_ns = seed % 5 * 20 * NS_PER_MS;
		config.drop = (double)(seed % 6) * 0.08;
		config.duplicate = (double)(seed % 3) * 0.2;
		config.reorder = (double)(seed % 4) * 0.2;
		config.keys = 400;
		start(config);
		path_jitter_ns = 100 * NS_PER_MS;
		run(10000);
		CU_ASSERT(stats(0).rekeys >= 8);
		CU_ASSERT_EQUAL(stats(0).hybrid_failed + stats(1).hybrid_failed, 0);
		CU_ASSERT_EQUAL(fake_kem_calls.encapsulations, stats(1).offers);
		CU_ASSERT_EQUAL(stats(0).standing, REKEY_ON_HYBRID);
		nothing_lost();
		stop();
	}
}

static void test_each_message_lost_for_long(void)
{
	static const enum rekey_type types[] = {REKEY_OFFER, REKEY_ACCEPT, REKEY_CONFIRM,
	                                        REKEY_DONE};

	for (unsigned int i = 0; i < 4; i++) {
		start(hybrid(20 + i));
		run(450);
		wire.lose = 1u << types[i];
		run(7000);
		nothing_lost();
		wire.lose = 0;
		run(3000);
		check_hybrid();
		CU_ASSERT(stats(0).rekeys >= 20);
		nothing_lost();
		stop();
	}
}

/* What the wire carried last, and the secret that the sender of ACCEPT had. */
static struct {
	uint8_t offer[REKEY_MESSAGE_MAX], accept[REKEY_MESSAGE_MAX], shared[MLKEM_SHARED_BYTES];
	size_t offer_len, accept_len;
} seen;

static void see(struct rekey_wire *w, uint8_t *msg, size_t len)
{
	if (msg[1] == REKEY_OFFER)
		memcpy(seen.offer, msg, seen.offer_len = len);
	if (msg[1] == REKEY_ACCEPT)
		memcpy(seen.accept, msg, seen.accept_len = len);
}

static int see_encapsulate(const uint8_t ek[MLKEM_KEY_BYTES], uint8_t ct[MLKEM_CIPHERTEXT_BYTES],
                           uint8_t shared[MLKEM_SHARED_BYTES])
{
	int rc = fake_kem_encapsulate(ek, ct, shared);

	memcpy(seen.shared, shared, sizeof(seen.shared));
	return rc;
}

/* By hand, as docs/protocol.md has it, from what was on the wire: SA key 0 from A to B. */
static void test_keys_follow_from_both_secrets_and_all_that_was_said(void)
{
	static const struct mlkem seeing = {fake_kem_key, see_encapsulate, fake_kem_decapsulate};
	struct rekey_wire_config config = hybrid(2);
	uint8_t said[2 * REKEY_MESSAGE_MAX], ikm[64], salt[32], info[128], combined[48], sa[36];
	struct rekey_message offer, accept;
	int n;

	config.kem = &seeing;
	config.keys = 1;
	start(config);
	wire.tamper = see;
	run(100);
	CU_ASSERT_EQUAL(stats(0).rekeys, 1);
	CU_ASSERT_EQUAL(seen.offer_len, 1245);
	CU_ASSERT_EQUAL(seen.accept_len, 1143);
	CU_ASSERT_EQUAL_FATAL(rekey_decode(seen.offer, seen.offer_len, &offer), 0);
	CU_ASSERT_EQUAL_FATAL(rekey_decode(seen.accept, seen.accept_len, &accept), 0);
	memcpy(ikm, seen.shared, 32);
	for (size_t i = 0; i < 32; i++) /* the first key of rekey_wire_import() */
		ikm[32 + i] = (uint8_t)((i ^ 0x9e3779b9u ^ i >> 3) * 2654435761u >> 24);
	memcpy(salt, offer.nonce, 16);
	memcpy(salt + 16, accept.nonce, 16);
	memcpy(said, seen.offer, seen.offer_len);
	memcpy(said + seen.offer_len, seen.accept, seen.accept_len);
	n = snprintf((char *)info, sizeof(info), "lumengate hybrid 1|wire|t|%llu|",
	             (unsigned long long)offer.generation);
	sha256(said, seen.offer_len + seen.accept_len - 16, info + n);
	CU_ASSERT_EQUAL(hkdf_sha256(ikm, 64, salt, 32, info, (size_t)n + 32, combined, 48), 0);
	CU_ASSERT_EQUAL(memcmp(combined + 32, seen.accept + seen.accept_len - 16, 16), 0);
	n = snprintf((char *)info, sizeof(info), "lumengate esp 2|wire|t|a-b|%llu",
	             (unsigned long long)offer.generation);
	CU_ASSERT_EQUAL(hkdf_sha256(combined, 32, salt, 32, info, (size_t)n, sa, 36), 0);
	CU_ASSERT_EQUAL(memcmp(wire.site[1].rx_first.key, sa, 32), 0);
	CU_ASSERT_EQUAL(memcmp(wire.site[1].rx_first.salt, sa + 32, 4), 0);
	CU_ASSERT_EQUAL(wire.site[1].rx_first.spi, accept.spi_base);
	stop();
}

static size_t tamper_at; /* from the end of an ACCEPT, or a byte of an OFFER */

static void tamper_accept(struct rekey_wire *w, uint8_t *msg, size_t len)
{
	if (msg[1] == REKEY_ACCEPT)
		msg[len - tamper_at] ^= 0x10;
}

static void tamper_offer(struct rekey_wire *w, uint8_t *msg, size_t len)
{
	/* Another cause, which nothing but the transcript depends on. */
	if (msg[1] == REKEY_OFFER)
		msg[tamper_at] = msg[tamper_at] == 1 ? 2 : 1;
}

static void check_tampered(void (*tamper)(struct rekey_wire *, uint8_t *, size_t), size_t at)
{
	uint64_t generation, unsealed;
	unsigned int live;

	start(hybrid(at));
	run(2000);
	check_hybrid();
	unsealed = paths[0].unsealed + paths[1].unsealed;
	tamper_at = at;
	wire.tamper = tamper;
	run(500); /* what was under way is through */
	generation = stats(0).generation;
	live = wire.site[0].rx_live;
	run(4000);
	/* A noticed before it installed or switched anything, and says so. */
	CU_ASSERT_EQUAL(stats(0).generation, generation);
	CU_ASSERT_EQUAL(stats(1).generation, generation);
	CU_ASSERT(wire.site[0].rx_live <= live);
	CU_ASSERT(stats(0).hybrid_failed >= 3);
	CU_ASSERT_STRING_EQUAL(stats(0).last_reject, "the keys of the two ends differ");
	CU_ASSERT_EQUAL(stats(0).standing, REKEY_ON_HYBRID);
	nothing_lost();
	wire.tamper = NULL;
	run(3000);
	CU_ASSERT(stats(0).generation > generation);
	check_hybrid();
	nothing_lost();
	CU_ASSERT_EQUAL(paths[0].unsealed + paths[1].unsealed, unsealed);
	stop();
}

static void test_keys_that_differ_are_noticed_before_the_switch(void)
{
	check_tampered(tamper_accept, 16 + MLKEM_CIPHERTEXT_BYTES); /* its ciphertext's begin, */
	check_tampered(tamper_accept, 17);                          /* its end, */
	check_tampered(tamper_accept, 1);                           /* the word, */
	check_tampered(tamper_accept, 16 + MLKEM_CIPHERTEXT_BYTES + 4); /* B's SPI */
	check_tampered(tamper_offer, 18);                               /* the cause of the offer */
}

/* One end hybrid and the other not: no key, no traffic, and both ends say why. */
static void check_mismatch(unsigned int hybrid_end)
{
	struct rekey_wire_config config = hybrid(30 + hybrid_end);

	config.lives.policy = REKEY_REQUIRE_QKD;
	start(config);
	set_policy(hybrid_end, REKEY_HYBRID);
	run(5000);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(stats(i).rekeys, 0);
		CU_ASSERT_EQUAL(stats(i).standing, REKEY_STOPPED);
		CU_ASSERT(stats(i).policy_refused >= 5);
		CU_ASSERT_TRUE(wire.site[i].alarm_policy);
		CU_ASSERT_STRING_EQUAL(wire.site[i].policy_text,
		                       i == hybrid_end
		                               ? "this end's policy is hybrid, the peer's is not"
		                               : "the peer's policy is hybrid, this end's is not");
		CU_ASSERT_EQUAL(paths[i].opened + paths[i].count, 0);
	}
	CU_ASSERT_STRING_EQUAL(stats(0).last_reject, hybrid_end == 0
	                                                     ? "the policy there is not hybrid"
	                                                     : "the policy there is hybrid");
	/* Asking again and again costs one key. */
	CU_ASSERT_EQUAL(keys_left(0), 99);
	CU_ASSERT_EQUAL(keys_left(1), 100);
	CU_ASSERT_EQUAL(wire.site[1].rx_live, 0);
	set_policy(!hybrid_end, REKEY_HYBRID);
	run(2000);
	check_hybrid();
	CU_ASSERT(stats(0).rekeys >= 5);
	nothing_lost();
	stop();
}

static void test_policies_that_differ_key_nothing(void)
{
	check_mismatch(0);
	check_mismatch(1);
}

/* A live change at one end: no new key, the one in use ends with its hard life. */
static void test_no_downgrade_by_a_change_at_one_end(void)
{
	for (unsigned int end = 0; end < 2; end++) {
		struct rekey_wire_config config = hybrid(40 + end);
		uint64_t rekeys;

		config.lives.hard_life_ms = 2000;
		start(config);
		run(1000);
		check_hybrid();
		set_policy(end, REKEY_REQUIRE_QKD);
		run(100);
		rekeys = stats(0).rekeys;
		run(3000);
		CU_ASSERT_EQUAL(stats(0).rekeys, rekeys);
		for (unsigned int i = 0; i < 2; i++) {
			CU_ASSERT_EQUAL(stats(i).standing, REKEY_STOPPED);
			CU_ASSERT_TRUE(wire.site[i].alarm_policy && wire.site[i].alarm_no_key);
		}
		nothing_lost();
		/* Both operators mean it: keys of the store alone, by a rekey at once. */
		set_policy(!end, REKEY_REQUIRE_QKD);
		run(1000);
		CU_ASSERT_EQUAL(stats(0).standing, REKEY_ON_QKD);
		CU_ASSERT_EQUAL(stats(1).standing, REKEY_ON_QKD);
		CU_ASSERT_FALSE(wire.site[0].alarm_policy || wire.site[1].alarm_policy);
		nothing_lost();
		stop();
	}
}

/* ML-KEM alone keys nothing: as require-qkd. */
static void test_stops_without_keys_of_the_store(void)
{
	struct rekey_wire_config config = hybrid(50);

	config.lives.hard_life_ms = 1000;
	config.keys = 3;
	start(config);
	run(3000);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(stats(i).rekeys, 3);
		CU_ASSERT_EQUAL(stats(i).standing, REKEY_STOPPED);
		CU_ASSERT_TRUE(wire.site[i].alarm_no_key);
	}
	CU_ASSERT_EQUAL(fake_kem_calls.keys, 3);
	nothing_lost();
	stop();
}

/* Keys of the store alone key nothing, either, and are not spent on attempts. */
static void test_stops_without_ml_kem(void)
{
	static const char *const reason[] = {"no ML-KEM key can be made", "ML-KEM key refused"};

	for (unsigned int end = 0; end < 2; end++) {
		start(hybrid(60 + end));
		if (end == 0)
			fake_kem_calls.no_key = true;
		else
			fake_kem_calls.refuse_key = true;
		run(4000);
		CU_ASSERT(stats(end).hybrid_failed >= 4);
		CU_ASSERT_STRING_EQUAL(stats(0).last_reject, reason[end]);
		CU_ASSERT_EQUAL(stats(0).rekeys + stats(1).rekeys, 0);
		CU_ASSERT_EQUAL(keys_left(0), 99);
		CU_ASSERT_EQUAL(keys_left(1), 100);
		CU_ASSERT_EQUAL(stats(0).standing, REKEY_STOPPED);
		CU_ASSERT_TRUE(wire.site[0].alarm_no_key);
		memset(&fake_kem_calls, 0, sizeof(fake_kem_calls));
		run(1500);
		check_hybrid();
		nothing_lost();
		stop();
	}
}

static void test_real_ml_kem_at_both_ends(void)
{
	struct rekey_wire_config config = hybrid(70);
	struct err err = {0};

	config.kem = mlkem_find(&err);
	if (config.kem == NULL) {
		printf("skipped: %s\n", err.text);
		return;
	}
	config.drop = 0.1;
	config.duplicate = 0.1;
	config.reorder = 0.2;
	config.jitter_ns = 10 * NS_PER_MS;
	start(config);
	run(5000);
	CU_ASSERT_EQUAL(stats(0).standing, REKEY_ON_HYBRID);
	CU_ASSERT(stats(0).rekeys >= 20);
	CU_ASSERT_EQUAL(stats(0).hybrid_failed + stats(1).hybrid_failed, 0);
	CU_ASSERT_EQUAL(fake_kem_calls.keys, 0);
	nothing_lost();
	tamper_at = 16 + MLKEM_CIPHERTEXT_BYTES;
	wire.tamper = tamper_accept;
	run(3000);
	CU_ASSERT(stats(0).hybrid_failed >= 1);
	CU_ASSERT_STRING_EQUAL(stats(0).last_reject, "the keys of the two ends differ");
	wire.tamper = NULL;
	run(2000);
	CU_ASSERT_EQUAL(stats(0).standing, REKEY_ON_HYBRID);
	nothing_lost();
	stop();
}

UNIT_MAIN(UNIT(test_each_rekey_has_a_key_of_its_own), UNIT(test_no_loss_on_any_wire),
          UNIT(test_each_message_lost_for_long),
          UNIT(test_keys_follow_from_both_secrets_and_all_that_was_said),
          UNIT(test_keys_that_differ_are_noticed_before_the_switch),
          UNIT(test_policies_that_differ_key_nothing),
          UNIT(test_no_downgrade_by_a_change_at_one_end),
          UNIT(test_stops_without_keys_of_the_store), UNIT(test_stops_without_ml_kem),
          UNIT(test_real_ml_kem_at_both_ends))
