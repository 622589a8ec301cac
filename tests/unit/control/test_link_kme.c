/* SPDX-License-Identifier: BSD-3-Clause */

/* Two links whose keys come from foreign KMEs: the test is the client of each, over its socket. */

#include "tests/unit/control/link_rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control/kme_wire.h"

#define LOW  10
#define HIGH 24

static int client[2];
static bool silent[2], others[2]; /* the KME gives nothing; other keys under the same names */
static uint32_t next_id;
static uint8_t packet[KME_PACKET_MAX];

static const char *socket_path(char path[256], unsigned int site)
{
	return rig_path(path, "kme", site);
}

static int connect_client(unsigned int site)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	char path[256];

	CU_ASSERT_FATAL(fd >= 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", socket_path(path, site));
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void say(unsigned int site, const struct kme_message *m)
{
	size_t n = kme_encode(m, packet);

	CU_ASSERT_EQUAL(send(client[site], packet, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* What the gateway of SITE says; false: nothing. */
static bool hear(unsigned int site, struct kme_message *m)
{
	ssize_t n = recv(client[site], packet, sizeof(packet), 0);

	if (n <= 0)
		return false;
	CU_ASSERT_EQUAL_FATAL(kme_decode(packet, (size_t)n, m), 0);
	return true;
}

static void start(void)
{
	char path[256];

	rig_start();
	for (unsigned int i = 0; i < 2; i++) {
		struct config_foreign_kme *c = &ends[i].config.foreign_kme;

		*c = (struct config_foreign_kme){.enabled = true,
		                                 .batch = 8,
		                                 .low_water = LOW,
		                                 .high_water = HIGH,
		                                 .timeout_s = 2};
		snprintf(c->socket, sizeof(c->socket), "%s", socket_path(path, i));
		rig_link(i);
		client[i] = -1;
		silent[i] = others[i] = false;
	}
}

static void stop(void)
{
	for (unsigned int i = 0; i < 2; i++)
		if (client[i] >= 0)
			close(client[i]);
	rig_stop();
}

static void greet(unsigned int site)
{
	struct kme_message m;

	client[site] = connect_client(site);
	rig_turn();
	CU_ASSERT_TRUE_FATAL(hear(site, &m));
	CU_ASSERT(m.type == KME_HELLO && m.version == KME_VERSION);
	CU_ASSERT_EQUAL(m.site, site == 0 ? 'A' : 'B');
	say(site, &(struct kme_message){.type = KME_CLIENT_HELLO, .version = KME_VERSION});
	say(site, &(struct kme_message){.type = KME_STATUS, .most = 128, .source = "kme"});
}

/* The KMEs of both sites: a key follows from its name. */
static void serve(unsigned int site)
{
	static uint8_t entries[KME_KEYS_MAX * KME_ENTRY_BYTES], asked[KME_KEYS_MAX * KME_ID_BYTES];
	struct kme_message m, keys = {.type = KME_KEYS, .entries = entries};

	if (client[site] < 0 || silent[site] || !hear(site, &m))
		return;
	CU_ASSERT_EQUAL_FATAL(m.type, site == 0 ? KME_ENC : KME_DEC);
	keys.request = m.request;
	keys.number = m.number;
	if (m.type == KME_DEC)
		memcpy(asked, m.entries, (size_t)m.number * KME_ID_BYTES);
	for (unsigned int i = 0; i < m.number; i++) {
		uint8_t *entry = entries + (size_t)i * KME_ENTRY_BYTES;
		char id[KME_ID_BYTES + 1];

		snprintf(id, sizeof(id), "550e8400-e29b-41d4-a716-4466%08x", next_id);
		next_id += m.type == KME_ENC;
		memcpy(entry, m.type == KME_ENC ? (uint8_t *)id : asked + (size_t)i * KME_ID_BYTES,
		       KME_ID_BYTES);
		sha256(entry, KME_ID_BYTES, entry + KME_ID_BYTES);
		entry[KME_ID_BYTES] ^= others[site];
	}
	say(site, &keys);
}

static void run(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i += 2) {
		rig_turn();
		serve(0);
		serve(1);
	}
}

static struct kme_feed_stats stats(unsigned int site)
{
	struct kme_feed_stats s;

	CU_ASSERT_TRUE(link_kme_stats(ends[site].link, &s));
	return s;
}

static void test_keys_the_tunnel(void)
{
	struct stat st;
	char path[256];

	start();
	CU_ASSERT_EQUAL(stat(socket_path(path, 0), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	rig_run(6000);
	CU_ASSERT_TRUE(rig_alarm("kme-unreachable", "link/test"));
	CU_ASSERT_TRUE(rig_alarm("no-key", "tunnel/t0"));
	greet(0);
	greet(1);
	run(5000);
	CU_ASSERT_FALSE(rig_alarm("kme-unreachable", "link/test"));
	CU_ASSERT_FALSE(rig_alarm("no-key", "tunnel/t0"));
	CU_ASSERT(rig_keys(0).has_foreign && rig_keys(1).has_foreign);
	CU_ASSERT(rig_keys(0).available[KEY_REKEY] >= HIGH - 8);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	CU_ASSERT_FALSE(rig_keys(0).simulated);
	CU_ASSERT(rig_rekey(0).rekeys >= 3);
	CU_ASSERT_EQUAL(rig_rekey(0).generation, rig_rekey(1).generation);
	CU_ASSERT_EQUAL(rig_rekey(0).rejects, 0);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages + rig_stats(1).bad_messages, 0);
	CU_ASSERT_EQUAL(stats(0).stored_keys, stats(1).stored_keys);
	stop();
}

/* B's store has the block, the word that it has is cut off: the next session takes it out. */
static void test_cut_between(void)
{
	start();
	greet(0);
	greet(1);
	for (unsigned int i = 0; i < 5000 && stats(1).blocks == 0; i++) {
		rig_turn();
		serve(0);
		serve(1);
	}
	rig_cut = true;
	CU_ASSERT_EQUAL(stats(0).blocks, 0);
	run(4000);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], 0);
	link_destroy(ends[0].link); /* A starts anew */
	close(client[0]);
	client[0] = -1;
	rig_link(0);
	rig_cut = false;
	run(3000);
	CU_ASSERT_TRUE(rig_stats(1).connected);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_REKEY], 0);
	CU_ASSERT_EQUAL(rig_keys(1).voided, 8);
	greet(0);
	run(3000);
	CU_ASSERT(rig_keys(0).available[KEY_REKEY] > 0);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	CU_ASSERT_EQUAL(rig_rekey(0).rejects, 0);
	stop();
}

/* Other keys at B: they are in neither store, and the next ones that agree are in both. */
static void test_keys_that_differ(void)
{
	start();
	greet(0);
	greet(1);
	others[1] = true;
	run(3000);
	CU_ASSERT(stats(0).divergences > 0);
	CU_ASSERT_TRUE(rig_alarm("kme-divergence", "link/test"));
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY] + rig_keys(1).available[KEY_REKEY], 0);
	CU_ASSERT_EQUAL(rig_rekey(0).rekeys, 0);
	others[1] = false;
	run(6000);
	CU_ASSERT_FALSE(rig_alarm("kme-divergence", "link/test"));
	CU_ASSERT(rig_rekey(0).rekeys > 0);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	stop();
}

/* Keys that come while the channel is down are offered to nobody. */
static void test_keys_without_a_channel(void)
{
	start();
	greet(0);
	greet(1);
	silent[0] = true;
	run(3000);
	CU_ASSERT_EQUAL(stats(0).requests, 1);
	rig_cut = true;
	run(8000);
	CU_ASSERT_TRUE(rig_alarm("channel-down", "link/test"));
	CU_ASSERT_EQUAL(stats(0).dropped, 0);
	silent[0] = false;
	run(100);
	CU_ASSERT_EQUAL(stats(0).dropped, 1);
	CU_ASSERT_EQUAL(stats(0).dropped_keys, 8);
	rig_cut = false;
	run(8000);
	CU_ASSERT(rig_keys(0).available[KEY_REKEY] > 0);
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], rig_keys(1).available[KEY_REKEY]);
	stop();
}

static void test_clients_that_are_none(void)
{
	static const char noise[] = "GET / HTTP/1.1\r\n";
	struct kme_message m;
	int second;
	char byte;

	start();
	/* What is no hello, a hello of another version, and a message out of turn. */
	for (unsigned int i = 0; i < 3; i++) {
		client[0] = connect_client(0);
		rig_turn();
		CU_ASSERT_TRUE(hear(0, &m));
		if (i == 0)
			send(client[0], noise, sizeof(noise), 0);
		else if (i == 1)
			say(0, &(struct kme_message){.type = KME_CLIENT_HELLO, .version = 2});
		else
			say(0, &(struct kme_message){.type = KME_STATUS, .most = 1});
		rig_turn();
		CU_ASSERT_EQUAL(recv(client[0], &byte, 1, 0), 0); /* closed */
		CU_ASSERT_FALSE(stats(0).client);
		close(client[0]);
	}
	greet(0);
	rig_turn();
	CU_ASSERT_TRUE(stats(0).client);
	/* One at a time. */
	second = connect_client(0);
	rig_turn();
	CU_ASSERT_EQUAL(recv(second, &byte, 1, 0), 0);
	close(second);
	CU_ASSERT_TRUE(stats(0).client);
	/* Keys that nobody asked for are nobody's; a request to the gateway ends it. */
	say(0, &(struct kme_message){.type = KME_ENC, .request = 1, .number = 1});
	rig_turn();
	CU_ASSERT_FALSE(stats(0).client);
	stop();
}

UNIT_MAIN(UNIT(test_keys_the_tunnel), UNIT(test_cut_between), UNIT(test_keys_that_differ),
          UNIT(test_keys_without_a_channel), UNIT(test_clients_that_are_none))
