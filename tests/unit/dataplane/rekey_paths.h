/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two rekey machines with real tunnels over a wire that loses, repeats and reorders their
 * messages, while numbered packets go both ways: none may be lost or come out of order,
 * whatever happens to the messages.
 */

#ifndef TESTS_REKEY_PATHS_H
#define TESTS_REKEY_PATHS_H

#include "common/log.h"
#include "dataplane/rekey.h"
#include "dataplane/rekey_message.h"
#include "tests/bench/bench_rekey_wire.h"
#include "tests/unit/dataplane/esp_fixture.h"
#include "tests/unit/dataplane/tunnel_burst.h"

#define STEP_NS    NS_PER_MS
#define IN_FLIGHT  512
#define PACKET_MAX 192

/* One direction: packets under way, in order, each with the number of its flow. */
struct path {
	struct {
		uint64_t due_ns;
		unsigned int len, sub;
		uint8_t bytes[PACKET_MAX];
	} packet[IN_FLIGHT];
	unsigned int first, count;
	uint64_t last_due_ns;
	uint32_t sent[TUNNEL_SUBS_MAX], next[TUNNEL_SUBS_MAX];
	uint64_t unsealed, unopened, opened, reordered;
};

static struct rekey_wire wire;
static struct path paths[2]; /* from A, from B */
static uint64_t path_delay_ns, path_jitter_ns;

static inline void seal(unsigned int from)
{
	struct path *p = &paths[from];
	unsigned int sub = (unsigned int)(rekey_wire_random(&wire) % wire.config.cores[from]), at;
	uint8_t inner[64];
	struct rte_mbuf *m;

	inner_packet(inner, sizeof(inner), false, 0);
	put_be32(inner + 40, p->sent[sub]);
	m = packet(inner, sizeof(inner));
	if (tunnel_seal_burst(wire.site[from].tunnel, sub, &counters, &m, 1) != 1) {
		p->unsealed++;
		return;
	}
	p->sent[sub]++;
	CU_ASSERT_FATAL(p->count < IN_FLIGHT);
	at = (p->first + p->count++) % IN_FLIGHT;
	p->packet[at].sub = sub;
	p->packet[at].len = packet_out(m, p->packet[at].bytes);
	/* A queue: later packets wait for earlier ones. */
	p->packet[at].due_ns =
	        wire.now_ns + path_delay_ns +
	        (path_jitter_ns == 0 ? 0 : rekey_wire_random(&wire) % path_jitter_ns);
	if (p->packet[at].due_ns < p->last_due_ns)
		p->packet[at].due_ns = p->last_due_ns;
	p->last_due_ns = p->packet[at].due_ns;
}

static inline void open_due(unsigned int from)
{
	struct path *p = &paths[from];

	while (p->count > 0 && p->packet[p->first].due_ns <= wire.now_ns) {
		unsigned int sub = p->packet[p->first].sub;
		unsigned int core = sub % wire.config.cores[!from];
		struct rte_mbuf *m = packet(p->packet[p->first].bytes, p->packet[p->first].len);
		uint8_t inner[PACKET_MAX];
		uint32_t number;

		p->first = (p->first + 1) % IN_FLIGHT;
		p->count--;
		if (tunnel_open_burst(wire.site[!from].tunnel, core, &counters, &m, 1) != 1) {
			p->unopened++;
			p->next[sub]++;
			continue;
		}
		packet_out(m, inner);
		number = get_be32(inner + 40);
		p->reordered += number != p->next[sub];
		p->next[sub] = number + 1;
		p->opened++;
	}
}

static inline void step(void)
{
	rekey_wire_step(&wire, wire.now_ns + STEP_NS);
	for (unsigned int i = 0; i < 2; i++) {
		seal(i);
		open_due(i);
	}
}

static inline void run(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++)
		step();
}

static inline struct rekey_wire_config lan(uint64_t seed)
{
	return (struct rekey_wire_config){.lives = {.period_ms = 100,
	                                            .hard_life_ms = 60000,
	                                            .queue_delay_ms = 100,
	                                            .stretch = 1,
	                                            .ratchet_life_s = 3600,
	                                            .profile = REKEY_LAN},
	                                  .delay_ns = 5 * NS_PER_MS,
	                                  .cores = {2, 3},
	                                  .keys = 100,
	                                  .seed = seed};
}

static inline void start(struct rekey_wire_config config)
{
	struct err err = {0};

	fixture_start();
	log_level_set("*", LOG_LEVEL_ERR);
	config.qsbr = qsbr;
	memset(paths, 0, sizeof(paths));
	path_delay_ns = config.delay_ns;
	path_jitter_ns = 0;
	if (rekey_wire_open(&wire, &config, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		CU_FAIL_FATAL("rekey_wire_open");
	}
}

static inline void stop(void)
{
	CU_ASSERT_EQUAL(wire.site[0].errors + wire.site[1].errors, 0);
	CU_ASSERT(wire.site[0].rx_most <= TUNNEL_RX_GENERATIONS);
	CU_ASSERT(wire.site[1].rx_most <= TUNNEL_RX_GENERATIONS);
	rekey_wire_close(&wire);
	CU_ASSERT_EQUAL(secret_used(), 0);
	all_buffers_back();
}

static inline void nothing_lost(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(paths[i].unopened, 0);
		CU_ASSERT_EQUAL(paths[i].reordered, 0);
	}
}

#endif
