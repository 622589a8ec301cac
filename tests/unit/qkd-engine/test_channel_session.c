/* SPDX-License-Identifier: BSD-3-Clause */

/* Keys, tags and what replays and wrong secrets can do. */

#include "qkd-engine/channel_internal.h"
#include "tests/unit/qkd-engine/channel_tape.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>

#include "common/bytes.h"

/* The tag by OpenSSL, from keys derived here as docs/protocol.md says. */
static void openssl_gmac(const uint8_t key[32], const uint8_t iv[12], const uint8_t *data, int len,
                         uint8_t tag[16])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t none[16];
	int n;

	CU_ASSERT_EQUAL(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, NULL, &n, data, len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(c, none, &n), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag), 1);
	EVP_CIPHER_CTX_free(c);
}

/* Expand of RFC 5869 for one block, from HMAC. */
static void hkdf(const uint8_t *salt, int salt_len, const char *label, uint8_t out[32])
{
	uint8_t secret[32], prk[32], info[64];
	size_t label_len = strlen(label), n = 32;

	memset(secret, 0x5a, 32);
	CU_ASSERT_PTR_NOT_NULL(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, salt, (size_t)salt_len,
	                                 secret, 32, prk, 32, &n));
	memcpy(info, label, label_len);
	info[label_len] = 1;
	CU_ASSERT_PTR_NOT_NULL(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, prk, 32, info,
	                                 label_len + 1, out, 32, &n));
}

static void test_tags_as_specified(void)
{
	static const uint8_t zeros[32];
	uint8_t key[32], salt[32], iv[12], tag[16], id[16];
	unsigned int sizes = 0;
	struct lossy_pair p;

	start(&p, 1);
	run(&p, 5);
	/* INIT, then RESP, then CONFIRM */
	CU_ASSERT_EQUAL_FATAL(to_b.d[0].data[0], WIRE_INIT);
	hkdf(zeros, 32, "lumengate channel 1 hello A to B", key);
	openssl_gmac(key, to_b.d[0].data + 2, to_b.d[0].data, (int)to_b.d[0].len - 16, tag);
	CU_ASSERT_EQUAL(memcmp(tag, to_b.d[0].data + to_b.d[0].len - 16, 16), 0);
	CU_ASSERT_EQUAL_FATAL(to_a.d[0].data[0], WIRE_RESP);
	hkdf(zeros, 32, "lumengate channel 1 hello B to A", key);
	openssl_gmac(key, to_a.d[0].data + 2, to_a.d[0].data, (int)to_a.d[0].len - 16, tag);
	CU_ASSERT_EQUAL(memcmp(tag, to_a.d[0].data + to_a.d[0].len - 16, 16), 0);
	memcpy(salt, to_a.d[0].data + WIRE_HELLO_HEAD, 32);
	hkdf(salt, 32, "lumengate channel 1 session identity", key);
	CU_ASSERT_TRUE(channel_session(p.a, id) && memcmp(id, key, 16) == 0);

	/* Datagrams of every length, the tag as the only text. */
	hkdf(salt, 32, "lumengate channel 1 session A to B", key);
	for (size_t len = 0; len < 1300; len += 13) {
		static uint8_t text[1300];
		size_t from = to_b.count;

		channel_send(p.a, CHANNEL_CONTROL, text, len);
		run(&p, 1);
		for (; from < to_b.count; from++) {
			const uint8_t *d = to_b.d[from].data;
			size_t n = to_b.d[from].len;

			memset(iv, 0, 4);
			memcpy(iv + 4, d + 10, 8);
			openssl_gmac(key, iv, d, (int)n - 16, tag);
			CU_ASSERT_EQUAL(memcmp(tag, d + n - 16, 16), 0);
			sizes++;
		}
	}
	CU_ASSERT(sizes > 90);
	lossy_pair_fini(&p);
}

/* No number twice under a key: numbers grow, directions have keys of their own. */
static void test_numbers_grow(void)
{
	uint64_t last = 0;
	struct lossy_pair p;

	start(&p, 2);
	run(&p, 20000);
	for (size_t i = 0; i < to_b.count; i++) {
		if (to_b.d[i].data[0] != WIRE_DATA)
			continue;
		CU_ASSERT(get_be64(to_b.d[i].data + 10) > last);
		last = get_be64(to_b.d[i].data + 10);
	}
	CU_ASSERT(last > WIRE_FIRST_NUMBER);
	lossy_pair_fini(&p);
}

/* A CONFIRM that A needs no more is answered no more: who repeats it makes B send nothing. */
static void test_replayed_confirm_is_not_answered(void)
{
	struct lossy_pair p;
	uint64_t sent, stale;
	size_t confirm = 0;
	uint8_t id[16];

	start(&p, 14);
	run(&p, 50);
	CU_ASSERT_TRUE_FATAL(channel_session(p.a, id));
	while (confirm < to_b.count && to_b.d[confirm].data[0] != WIRE_CONFIRM)
		confirm++;
	CU_ASSERT_TRUE_FATAL(confirm < to_b.count);
	sent = stats(p.b).datagrams_sent;
	stale = stats(p.b).hello_stale;
	for (int i = 0; i < 1000; i++) {
		uint8_t buf[CHANNEL_DATAGRAM_MAX];

		p.now_ns += 10 * NS_PER_US;
		channel_input(p.b, to_b.d[confirm].data, to_b.d[confirm].len, p.now_ns);
		while (channel_output(p.b, buf, p.now_ns) > 0)
			;
	}
	CU_ASSERT(stats(p.b).datagrams_sent - sent <= 1); /* a keep-alive */
	CU_ASSERT_EQUAL(stats(p.b).hello_stale - stale, 1000);
	expect_alive(&p, id);
	lossy_pair_fini(&p);
}

/* Everything that was ever sent, again: hellos of this and of earlier sessions, and data. */
static void test_replay_changes_nothing(void)
{
	struct lossy_pair p;
	struct tape a, b;
	uint8_t id[16];

	start(&p, 3);
	run(&p, 1200);
	lossy_pair_restart_b(&p);
	run(&p, 1200);
	lossy_pair_restart_a(&p);
	run(&p, 1200);
	CU_ASSERT_TRUE_FATAL(channel_session(p.a, id));
	a = to_a;
	b = to_b;
	CU_ASSERT(a.count > 10 && b.count > 10);
	for (int round = 0; round < 3; round++) {
		uint64_t sessions = stats(p.a).sessions + stats(p.b).sessions;

		for (size_t i = 0; i < a.count; i++)
			channel_input(p.a, a.d[i].data, a.d[i].len, p.now_ns);
		for (size_t i = 0; i < b.count; i++)
			channel_input(p.b, b.d[i].data, b.d[i].len, p.now_ns);
		/* And to the end that sent them. */
		for (size_t i = 0; i < b.count; i++)
			channel_input(p.a, b.d[i].data, b.d[i].len, p.now_ns);
		expect_alive(&p, id);
		run(&p, 4000);
		expect_alive(&p, id);
		CU_ASSERT_EQUAL(stats(p.a).sessions + stats(p.b).sessions, sessions);
	}
	CU_ASSERT(stats(p.a).replayed > 0 && stats(p.b).replayed > 0);
	CU_ASSERT(stats(p.a).hello_stale > 0 && stats(p.b).hello_stale > 0);
	CU_ASSERT(stats(p.b).unknown_session > 0);
	lossy_pair_fini(&p);
}

/* A's old hellos to a B that just started: B makes no session of them. */
static void test_replay_to_a_fresh_peer(void)
{
	struct lossy_pair p;
	uint8_t id[16], buf[CHANNEL_DATAGRAM_MAX];

	start(&p, 4);
	run(&p, 100);
	lossy_pair_restart_b(&p);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < to_b.count; i++)
			channel_input(p.b, to_b.d[i].data, to_b.d[i].len, p.now_ns);
		while (channel_output(p.b, buf, p.now_ns) > 0)
			;
		p.now_ns += NS_PER_S;
	}
	CU_ASSERT_FALSE(channel_session(p.b, id));
	CU_ASSERT_NOT_EQUAL(stats(p.b).state, CHANNEL_UP);
	lossy_pair_fini(&p);
}

static void test_different_secrets(void)
{
	struct lossy_pair p;
	uint8_t id[16];

	start(&p, 5);
	p.config_b.link_secret[31] ^= 1;
	lossy_pair_restart_b(&p);
	run(&p, 10000);
	CU_ASSERT_FALSE(channel_session(p.a, id));
	CU_ASSERT_FALSE(channel_session(p.b, id));
	CU_ASSERT(stats(p.b).hello_mac_failures >= 9);
	CU_ASSERT_TRUE(stats(p.b).authentication_failing);
	CU_ASSERT(stats(p.a).hello_mac_failures >= 9);
	CU_ASSERT_TRUE(stats(p.a).authentication_failing);
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_CONNECTING);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_DOWN);
	p.config_b.link_secret[31] ^= 1;
	lossy_pair_restart_b(&p);
	run(&p, 2000);
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_UP);
	CU_ASSERT_FALSE(stats(p.a).authentication_failing);
	CU_ASSERT_FALSE(stats(p.b).authentication_failing);
	/* One end changes its secret under a live session and starts again. */
	p.config_b.link_secret[0] ^= 1;
	lossy_pair_restart_b(&p);
	run(&p, 15000);
	CU_ASSERT_TRUE(stats(p.a).authentication_failing);
	CU_ASSERT_TRUE(stats(p.b).authentication_failing);
	p.config_b.link_secret[0] ^= 1;
	lossy_pair_restart_b(&p);
	run(&p, 2000);
	CU_ASSERT_FALSE(stats(p.a).authentication_failing);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_UP);
	lossy_pair_fini(&p);
}

UNIT_MAIN(UNIT(test_tags_as_specified), UNIT(test_numbers_grow),
          UNIT(test_replayed_confirm_is_not_answered), UNIT(test_replay_changes_nothing),
          UNIT(test_replay_to_a_fresh_peer), UNIT(test_different_secrets))
