/* SPDX-License-Identifier: BSD-3-Clause */

/* Two links in one thread, A and B, whose datagrams go from one's WAN side to the other's. */

#ifndef TESTS_UNIT_CONTROL_LINK_RIG_H
#define TESTS_UNIT_CONTROL_LINK_RIG_H

#include <fcntl.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/link.h"
#include "control/psk.h"
#include "dataplane/channel_mux.h"
#include "dataplane/worker.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/tunnel_burst.h"
#include "tests/unit/unit.h"

#define RIG_PERIOD_MS 1000
#define RIG_HARD_MS   10000

struct end {
	struct config config;
	struct channel_mux *mux;
	struct tunnel *tunnel;
	struct link *link;
};

static struct end ends[2];
static struct worker rig_worker; /* roles look at its clock only */
static struct counter_set rig_counters;
static bool rig_cut; /* the WAN */
static char rig_dir[] = "/tmp/link-XXXXXX";

static inline const char *rig_path(char buf[256], const char *name, unsigned int site)
{
	snprintf(buf, 256, "%s/%s%u", rig_dir, name, site);
	return buf;
}

/* N bytes that follow from SEED. */
static inline void rig_file(const char *name, unsigned int site, size_t n, uint32_t seed)
{
	uint8_t *bytes = malloc(n);
	char path[256];
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	unlink(rig_path(path, name, site));
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	free(bytes);
}

#define RIG_AUTH_KEYS 6
#define RIG_PADS_FROM (UINT64_C(1) << 32)

static inline void rig_config(unsigned int site)
{
	static const uint8_t address[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
	struct config *c = &ends[site].config;

	memset(c, 0, sizeof(*c));
	c->site = site == 0 ? CONFIG_SITE_A : CONFIG_SITE_B;
	strcpy(c->link, "test");
	c->eal.forward_lcores = 1;
	c->tunnel_count = 1;
	strcpy(c->tunnels[0].name, "t0");
	memcpy(c->tunnels[0].local.bytes, address[site], 4);
	memcpy(c->tunnels[0].remote.bytes, address[!site], 4);
	c->tunnels[0].replay_window = 1024;
	c->tunnels[0].rekey_period_ms = RIG_PERIOD_MS;
	c->tunnels[0].hard_life_ms = RIG_HARD_MS;
	c->tunnels[0].rekey_lan = true;
	c->tunnels[0].queue_delay_ms = 100;
	c->tunnels[0].rekey_stretch = 1;
	c->channel.port = 4500;
	strcpy(c->qkd.proof, "rusca2018");
	strcpy(c->qkd.reconciliation, "auto");
	strcpy(c->qkd.leak_mode, "auto");
	c->qkd.qrng.min_entropy = 0.5;
	c->qkd.qrng.alpha = 60;
	c->qkd.qber_abort = 0.08;
	c->qkd.qber_alarm = 0.05;
	c->keystore.max_keys = 10000;
	rig_path(c->channel.psk_file, "psk", site);
	rig_path(c->keystore.storage_key, "storage-key", site);
	rig_path(c->keystore.path, "keys", site);
}

static inline void rig_link(unsigned int site)
{
	struct end *e = &ends[site];
	struct err err = {0};

	e->link = link_create(&e->config, e->mux, &e->tunnel, &err);
	if (e->link == NULL)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->link);
}

/* A further tunnel, at a place, of both the configuration and the SAD. */
static inline struct tunnel *rig_tunnel(unsigned int site, unsigned int place, const char *name)
{
	struct end *e = &ends[site];
	struct config_tunnel *t = &e->config.tunnels[place];
	struct tunnel_config tc = {.replay_window = 1024};
	struct tunnel *tunnel;
	struct err err = {0};

	*t = e->config.tunnels[0];
	snprintf(t->name, sizeof(t->name), "%s", name);
	if (e->config.tunnel_count <= place)
		e->config.tunnel_count = place + 1;
	memcpy(tc.name, t->name, sizeof(tc.name));
	memcpy(tc.local, t->local.bytes, 16);
	memcpy(tc.remote, t->remote.bytes, 16);
	tunnel = tunnel_alone(&tc, 1, worker_qsbr(), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tunnel);
	return tunnel;
}

static inline void rig_end(unsigned int site)
{
	struct end *e = &ends[site];
	const struct config_tunnel *t = &e->config.tunnels[0];
	struct tunnel_config tc = {.name = "t0", .replay_window = t->replay_window};
	struct channel_mux_config mc = {.port = 4500, .mtu = 1500, .cores = 1};
	struct err err = {0};

	memcpy(tc.local, t->local.bytes, 16);
	memcpy(tc.remote, t->remote.bytes, 16);
	memcpy(mc.local, tc.local, 16);
	memcpy(mc.remote, tc.remote, 16);
	e->tunnel = tunnel_alone(&tc, 1, worker_qsbr(), &err);
	e->mux = channel_mux_create(&mc, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->tunnel);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->mux);
}

/* Everything but the two links. */
static inline void rig_start(void)
{
	struct err err = {0};

	if (rig_worker.now_ns == 0) {
		dpdk_start(1, 128, NULL, NULL);
		log_level_set("*", LOG_LEVEL_ERR);
		CU_ASSERT_EQUAL_FATAL(secret_init(16 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
		CU_ASSERT_EQUAL_FATAL(workers_create(1, &err), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig_dir));
		rig_worker.now_ns = 1000000 * NS_PER_MS;
	}
	rig_cut = false;
	alarm_reset(NULL);
	for (unsigned int i = 0; i < 2; i++) {
		rig_config(i);
		rig_file("psk", i, PSK_LEAST, 1);
		rig_file("storage-key", i, 32, 2 + i);
		rig_end(i);
	}
}

static inline void rig_unlink(const char *name, unsigned int site)
{
	static const char *const ends_of[] = {"", "-wal", "-shm"};
	char path[256], full[270];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(full, sizeof(full), "%s%s", rig_path(path, name, site), ends_of[i]);
		unlink(full);
	}
}

static inline void rig_stop(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		link_destroy(ends[i].link);
		ends[i].link = NULL;
		tunnel_alone_destroy(ends[i].tunnel);
		channel_mux_destroy(ends[i].mux);
		rig_unlink("psk", i);
		rig_unlink("storage-key", i);
		rig_unlink("keys", i);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static inline void rig_wire(unsigned int from)
{
	struct rte_mbuf *m[64];
	unsigned int n = channel_mux_output(ends[from].mux, m, 64);

	for (unsigned int i = 0; i < n; i++) {
		if (rig_cut)
			rte_pktmbuf_free(m[i]);
		else
			channel_mux_input(ends[!from].mux, 0, &rig_counters, m[i]);
	}
}

/* Two milliseconds. */
static inline void rig_turn(void)
{
	rig_worker.now_ns += 2 * NS_PER_MS;
	for (unsigned int i = 0; i < 2; i++)
		qkd_role_poll(link_role(ends[i].link), &rig_worker);
	rig_wire(0);
	rig_wire(1);
	for (unsigned int i = 0; i < 2; i++)
		link_poll(ends[i].link, rig_worker.now_ns);
}

static inline void rig_run(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i += 2)
		rig_turn();
}

static inline struct link_stats rig_stats(unsigned int site)
{
	struct link_stats s;

	link_stats_read(ends[site].link, &s);
	return s;
}

static inline struct rekey_stats rig_rekey(unsigned int site)
{
	struct rekey_stats s;

	rekey_stats_read(link_rekey(ends[site].link, 0), rig_worker.now_ns, &s);
	return s;
}

static inline struct keystore_stats rig_keys(unsigned int site)
{
	struct keystore_stats s;

	keystore_stats_read(link_keystore(ends[site].link), &s);
	return s;
}

static inline void rig_import(unsigned int site, unsigned int keys, uint8_t seed)
{
	uint8_t bytes[64 * KEY_BYTES];
	struct err err = {0};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(seed + i * 7 + i / 256);
	CU_ASSERT_EQUAL(keystore_import(link_keystore(ends[site].link), bytes,
	                                (size_t)keys * KEY_BYTES, &err),
	                0);
}

/* A block of QKD key whose every byte is its number. */
static inline struct key_block *rig_block(uint64_t number, uint32_t keys)
{
	struct key_block *kb = secret_alloc(sizeof(*kb) + (size_t)keys * KEY_BYTES);

	CU_ASSERT_PTR_NOT_NULL_FATAL(kb);
	memset(kb->id, (int)number, sizeof(kb->id));
	kb->number = number;
	kb->bits = keys * KEY_BYTES * 8;
	kb->leak_mode = LEAK_TWO_WAY;
	kb->pad_keys = RIG_AUTH_KEYS;
	kb->pad_base = RIG_PADS_FROM + 8 * number;
	kb->time_wall_ns = clock_wall_ns();
	memset(kb->key, (int)number, (size_t)keys * KEY_BYTES);
	sha256(kb->key, (size_t)keys * KEY_BYTES, kb->hash);
	return kb;
}

static inline void rig_add(unsigned int site, uint64_t number, uint32_t keys)
{
	struct key_block *kb = rig_block(number, keys);
	struct err err = {0};

	CU_ASSERT_EQUAL(keystore_add(link_keystore(ends[site].link), kb, &err), 0);
	key_block_free(kb);
}

static inline bool rig_alarm(const char *kind, const char *resource)
{
	const struct alarm *a = alarm_find(kind, resource);

	/* Both ends have the same alarms: what goes and comes here is not held. */
	return a != NULL && a->active && !a->over;
}

#endif
