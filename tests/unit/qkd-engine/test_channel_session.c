/* SPDX-License-Identifier: BSD-3-Clause */

/* What an attacker on the wire can do: nothing but be counted. */

#include "qkd-engine/channel_internal.h"
#include "tests/unit/qkd-engine/lossy_wire.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>

#include "common/bytes.h"

struct tape {
	struct {
		size_t len;
		uint8_t data[CHANNEL_DATAGRAM_MAX];
	} d[256];
	size_t count;
};

static struct tape to_a, to_b;

static struct channel_stats stats(const struct channel *ch)
{
	struct channel_stats s;

	channel_stats_read(ch, &s);
	return s;
}

static void record(struct channel *from, struct channel *to, struct tape *t, uint64_t now)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	size_t n;

	while ((n = channel_output(from, buf, now)) > 0) {
		if (t->count < 256) {
			t->d[t->count].len = n;
			memcpy(t->d[t->count++].data, buf, n);
		}
		channel_input(to, buf, n, now);
	}
}

/* N steps of a millisecond over a perfect wire, recorded. */
static void run(struct lossy_pair *p, int n)
{
	while (n-- > 0) {
		p->now_ns += NS_PER_MS;
		record(p->a, p->b, &to_b, p->now_ns);
		record(p->b, p->a, &to_a, p->now_ns);
	}
}

static void start(struct lossy_pair *p, uint64_t seed)
{
	CU_ASSERT_TRUE_FATAL(lossy_pair_init(p, &(struct lossy_config){0}, seed));
	to_a.count = to_b.count = 0;
}

/* Both directions carry a message; the session did not change since ID. */
static void expect_alive(struct lossy_pair *p, const uint8_t id[16])
{
	uint8_t now[16];
	const uint8_t *m;
	size_t len;

	CU_ASSERT_TRUE(channel_session(p->a, now) && memcmp(now, id, 16) == 0);
	CU_ASSERT_TRUE(channel_session(p->b, now) && memcmp(now, id, 16) == 0);
	CU_ASSERT_EQUAL(channel_send(p->a, CHANNEL_QKD, "to b", 4), 0);
	CU_ASSERT_EQUAL(channel_send(p->b, CHANNEL_QKD, "to a", 4), 0);
	run(p, 20);
	m = channel_receive(p->b, CHANNEL_QKD, &len);
	CU_ASSERT_TRUE(m != NULL && len == 4 && memcmp(m, "to b", 4) == 0);
	m = channel_receive(p->a, CHANNEL_QKD, &len);
	CU_ASSERT_TRUE(m != NULL && len == 4 && memcmp(m, "to a", 4) == 0);
	CU_ASSERT_PTR_NULL(channel_receive(p->a, CHANNEL_QKD, &len));
	CU_ASSERT_PTR_NULL(channel_receive(p->b, CHANNEL_QKD, &len));
	CU_ASSERT_EQUAL(stats(p->a).state, CHANNEL_UP);
	CU_ASSERT_EQUAL(stats(p->b).state, CHANNEL_UP);
}

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
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_CONNECTING);
	CU_ASSERT_EQUAL(stats(p.b).state, CHANNEL_DOWN);
	p.config_b.link_secret[31] ^= 1;
	lossy_pair_restart_b(&p);
	run(&p, 2000);
	CU_ASSERT_EQUAL(stats(p.a).state, CHANNEL_UP);
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

static uint64_t dropped(const struct channel_stats *s)
{
	return s->bad_format + s->bad_mac + s->replayed + s->hello_mac_failures +
	       s->unknown_session;
}

/* What must not move: all but counters of drops. */
static bool same_but_drops(const struct channel *x, const struct channel *y)
{
	return memcmp(&x->current, &y->current, sizeof(x->current)) == 0 &&
	       memcmp(&x->tx, &y->tx, sizeof(x->tx)) == 0 &&
	       memcmp(&x->rx, &y->rx, sizeof(x->rx)) == 0 &&
	       memcmp(&x->hs.next, &y->hs.next, sizeof(x->hs.next)) == 0 &&
	       x->hs.phase == y->hs.phase && x->hs.owed_count == y->hs.owed_count &&
	       x->stats.datagrams_received == y->stats.datagrams_received &&
	       x->stats.last_heard_ns == y->stats.last_heard_ns &&
	       x->stats.sessions == y->stats.sessions;
}

/* One bit of each byte of LEN bytes wrong, then each shorter length: none is accepted. */
static void damage(struct channel *to, const uint8_t *data, size_t len, uint64_t now)
{
	static struct channel before;
	uint8_t bad[CHANNEL_DATAGRAM_MAX + 1];
	uint64_t first = dropped(&to->stats);

	before = *to;
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, data, len);
		bad[i] ^= (uint8_t)(1u << i % 8);
		channel_input(to, bad, len, now);
		CU_ASSERT_TRUE(same_but_drops(to, &before));
	}
	memcpy(bad, data, len);
	bad[len] = 0;
	for (size_t n = 0; n <= len + 1; n++) {
		if (n == len)
			continue;
		channel_input(to, bad, n, now);
		CU_ASSERT_TRUE(same_but_drops(to, &before));
	}
	CU_ASSERT_EQUAL(dropped(&to->stats) - first, 2 * len + 1);
}

/* N milliseconds in which each datagram arrives after all its damaged forms. */
static unsigned int run_damaged(struct lossy_pair *p, int n)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX];
	unsigned int kinds = 0;
	size_t len;

	while (n-- > 0) {
		p->now_ns += NS_PER_MS;
		while ((len = channel_output(p->a, buf, p->now_ns)) > 0) {
			damage(p->b, buf, len, p->now_ns);
			kinds |= 1u << buf[0];
			channel_input(p->b, buf, len, p->now_ns);
		}
		while ((len = channel_output(p->b, buf, p->now_ns)) > 0) {
			damage(p->a, buf, len, p->now_ns);
			kinds |= 1u << buf[0];
			channel_input(p->a, buf, len, p->now_ns);
		}
	}
	return kinds;
}

static void test_damage_changes_nothing(void)
{
	static uint8_t text[600];
	unsigned int kinds;
	struct lossy_pair p;
	uint8_t id[16];
	size_t n;

	start(&p, 6);
	kinds = run_damaged(&p, 20);
	CU_ASSERT_EQUAL(channel_send(p.a, CHANNEL_QKD, text, sizeof(text)), 0);
	CU_ASSERT_EQUAL(channel_send(p.b, CHANNEL_CONTROL, text, sizeof(text)), 0);
	kinds |= run_damaged(&p, 20);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 1);
	CU_ASSERT_PTR_NOT_NULL(channel_receive(p.a, CHANNEL_CONTROL, &n));
	CU_ASSERT_PTR_NOT_NULL(channel_receive(p.b, CHANNEL_QKD, &n));
	/* B forgets the session and says so. */
	lossy_pair_restart_b(&p);
	kinds |= run_damaged(&p, 600);
	CU_ASSERT_EQUAL(kinds, 1u << WIRE_INIT | 1u << WIRE_RESP | 1u << WIRE_CONFIRM |
	                               1u << WIRE_HINT | 1u << WIRE_DATA);
	CU_ASSERT_EQUAL(stats(p.a).sessions, 2);
	CU_ASSERT_TRUE_FATAL(channel_session(p.a, id));
	expect_alive(&p, id);
	lossy_pair_fini(&p);
}

static void test_flood_of_forgeries(void)
{
	enum { FLOOD = 100000 };
	uint8_t id[16], bad[CHANNEL_DATAGRAM_MAX], out[CHANNEL_DATAGRAM_MAX];
	uint64_t seed = 1, answers = 0, sent;
	struct lossy_pair p;

	start(&p, 7);
	run(&p, 50);
	CU_ASSERT_TRUE_FATAL(channel_session(p.b, id));
	sent = stats(p.b).datagrams_sent;
	for (int i = 0; i < FLOOD; i++) {
		size_t len = lossy_random(&seed) % 120;

		for (size_t j = 0; j < len; j++)
			bad[j] = (uint8_t)lossy_random(&seed);
		if (len > 10 && i % 2 == 0) {
			bad[0] = (uint8_t)(1 + lossy_random(&seed) % 5);
			bad[1] = WIRE_VERSION;
			if (i % 4 == 0)
				memcpy(bad + 2, id, WIRE_SESSION_BYTES);
		}
		p.now_ns += 1000;
		channel_input(p.b, bad, len, p.now_ns);
		while (channel_output(p.b, out, p.now_ns) > 0)
			answers++;
	}
	CU_ASSERT_EQUAL(stats(p.b).datagrams_sent - sent, answers);
	CU_ASSERT(answers <= 5);
	CU_ASSERT(stats(p.b).bad_mac > 1000);
	CU_ASSERT(stats(p.b).bad_format > 1000);
	CU_ASSERT(stats(p.b).hello_mac_failures > 10);
	CU_ASSERT_EQUAL(dropped(&p.b->stats), FLOOD);
	CU_ASSERT_FALSE(stats(p.b).authentication_failing);
	expect_alive(&p, id);
	lossy_pair_fini(&p);
}

/* An authentic peer that breaks the rules loses its session, and gets a new one. */
static void test_rule_breaker_loses_session(void)
{
	static const struct wire_segment broken[] = {
	        /* not the first of a message; beyond the limit; the first inside a message */
	        {.stream = 0, .flags = WIRE_SEGMENT_LAST, .seq = 0, .len = 1},
	        {.stream = 1, .flags = 3, .seq = RECV_SLOTS, .len = 1},
	        {.stream = 1, .flags = 3, .seq = UINT64_MAX, .len = 0},
	        {.stream = 5, .flags = 3, .seq = 0, .len = 0},
	        {.stream = 0, .flags = WIRE_SEGMENT_FIRST, .seq = 0, .len = 1},
	};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		uint8_t buf[CHANNEL_DATAGRAM_MAX] = {0}, id[16], now[16];
		struct lossy_pair p;
		uint64_t number;
		size_t n;

		start(&p, 8 + i);
		run(&p, 50);
		CU_ASSERT_TRUE_FATAL(channel_session(p.b, id));
		number = p.a->tx.next_number++;
		n = wire_put_data_head(buf, p.a->current.id, number);
		n += wire_put_segment_head(buf + n, &broken[i]) + broken[i].len;
		n = session_seal_data(p.a, &p.a->current, buf, n, number);
		channel_input(p.b, buf, n, p.now_ns);
		CU_ASSERT_EQUAL(stats(p.b).protocol_errors, 1);
		CU_ASSERT_FALSE(channel_session(p.b, now));
		run(&p, 1500);
		CU_ASSERT_TRUE_FATAL(channel_session(p.b, now));
		CU_ASSERT_NOT_EQUAL(memcmp(now, id, 16), 0);
		expect_alive(&p, now);
		lossy_pair_fini(&p);
	}
}

UNIT_MAIN(UNIT(test_tags_as_specified), UNIT(test_numbers_grow), UNIT(test_replay_changes_nothing),
          UNIT(test_replay_to_a_fresh_peer), UNIT(test_different_secrets),
          UNIT(test_damage_changes_nothing), UNIT(test_flood_of_forgeries),
          UNIT(test_rule_breaker_loses_session))
