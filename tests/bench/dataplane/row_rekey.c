/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * rekey/100ms: two gateways back to back on one core, LAN of A to LAN of B, while a control
 * thread rekeys their tunnel each 100 ms through the real protocol, over a wire in memory. In
 * turn with spells without rekeying. Packets are numbered behind the receive function of A and
 * looked at before the device of B sends them: none may be lost, or late within its flow.
 */

#include "tests/bench/dataplane/row.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "tests/bench/bench_rekey_wire.h"
#include "tests/bench/dataplane/frames.h"

#define POOL      8191
#define BURSTS    (1024 / MEASURE_BURST)
#define TURNS     512
#define PERIOD_MS 100
#define KEYS      4000
#define SPELL_S   0.5
#define TEN_S     5   /* times the seconds of a row, 2 by default */
#define NUMBER    42  /* of the number in the frame: behind UDP's header */
#define STEP_US   500 /* the control thread's */
#define SPELL_MAX 256

static struct {
	struct site *a, *b;
	uint64_t sent, came, late;
	uint64_t last[FRAMES_FLOWS];
	/* both: the control thread rekeys while it is set */
	_Alignas(64) bool rekeying;
	bool stop, failed;
	struct rekey_wire wire; /* control thread only, once it runs */
} run_;

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
                           uint16_t max, void *ctx)
{
	for (unsigned int i = 0; i < n; i++)
		put_be64(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, NUMBER), ++run_.sent);
	return n;
}

static uint16_t on_send(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
                        void *ctx)
{
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		unsigned int flow = (get_be16(p + NUMBER - 8) - 1024U) % FRAMES_FLOWS;
		uint64_t number = get_be64(p + NUMBER);

		if (get_be16(p + 12) != RTE_ETHER_TYPE_IPV4)
			continue;
		run_.late += number <= run_.last[flow];
		run_.last[flow] = number;
		run_.came++;
	}
	return n;
}

static void burst(void *ctx)
{
	site_turn(run_.a);
	site_turn(run_.b);
}

/* The wire's clock stands still while there is no rekeying. */
static void *control_main(void *arg)
{
	uint64_t before = clock_mono_ns(), now;

	for (; !__atomic_load_n(&run_.stop, __ATOMIC_ACQUIRE); before = now) {
		usleep(STEP_US);
		now = clock_mono_ns();
		site_answer(run_.b);
		if (__atomic_load_n(&run_.rekeying, __ATOMIC_ACQUIRE))
			rekey_wire_step(&run_.wire, run_.wire.now_ns + (now - before));
	}
	if (run_.wire.site[0].errors + run_.wire.site[1].errors > 0)
		run_.failed = true;
	return NULL;
}

static int make_sites(const struct row_options *o, struct err *err)
{
	static const struct rte_ether_addr lan_mac = {{2, 0, 0, 0, SITE_A, PORT_LAN}};
	static struct frame_flow flows[FRAMES_FLOWS];
	struct site_config sc = {.side = SITE_A,
	                         .device = {"net_pcap_lan", "net_ring_wan_a"},
	                         .mtu = row_mtu(o->size),
	                         .tunnels = 1,
	                         .networks = 1,
	                         .routes = ROW_ROUTES,
	                         .rules = ROW_RULES,
	                         .window = o->window};
	struct rte_ring *ab = row_ring("ab", 1024, err), *ba = row_ring("ba", 1024, err);
	char path[400];

	for (unsigned int i = 0; i < FRAMES_FLOWS; i++)
		flows[i].flow = i;
	snprintf(path, sizeof(path), "%s/lan.pcap", o->dir);
	sc.pool = row_pool(o->size, POOL, err);
	if (ab == NULL || ba == NULL || sc.pool == NULL)
		return -1;
	if (frames_pcap(path, o->size, &lan_mac, flows, FRAMES_FLOWS) < 0)
		return err_set(err, EIO, "cannot write %s", path);
	if (row_device_pcap("net_pcap_lan", path, err) < 0 ||
	    row_device_ring("wan_a", ba, ab, err) < 0 ||
	    row_device_ring("wan_b", ab, ba, err) < 0 || row_device_null("net_null_lan", err) < 0)
		return -1;
	run_.a = site_create(&sc, err);
	sc.side = SITE_B;
	sc.worker = 1;
	sc.device[PORT_LAN] = "net_null_lan";
	sc.device[PORT_WAN] = "net_ring_wan_b";
	run_.b = run_.a == NULL ? NULL : site_create(&sc, err);
	return run_.b == NULL ? -1 : 0;
}

static int start_rekeying(struct err *err)
{
	struct rekey_wire_config config = {.lives = {.period_ms = PERIOD_MS,
	                                             .hard_life_ms = 60000,
	                                             .stretch = 1,
	                                             .profile = REKEY_LAN},
	                                   .delay_ns = NS_PER_MS,
	                                   .cores = {1, 1},
	                                   .keys = KEYS,
	                                   .seed = 1,
	                                   .qsbr = worker_qsbr(),
	                                   .tunnel = {run_.a->tunnel[0], run_.b->tunnel[0]}};

	/* What the control thread frees waits for both gateways' turns. */
	for (unsigned int i = 0; i < 2; i++) {
		if (rte_rcu_qsbr_thread_register(worker_qsbr(), i) != 0)
			return err_set(err, EINVAL, "QSBR takes no thread %u", i);
		rte_rcu_qsbr_thread_online(worker_qsbr(), i);
	}
	return rekey_wire_open(&run_.wire, &config, err);
}

/* Until both ends seal, and know their neighbours; what was lost until then does not count. */
static int settle(struct err *err)
{
	uint64_t until = clock_mono_ns() + 30 * NS_PER_S;

	do {
		rekey_wire_step(&run_.wire, run_.wire.now_ns + NS_PER_MS);
		site_answer(run_.b);
		for (unsigned int i = 0; i < TURNS; i++)
			burst(NULL);
		if (clock_mono_ns() > until)
			return err_set(err, EIO, "no packet comes through");
	} while (run_.came == 0 || rekey_wire_stats(&run_.wire, 0).rekeys == 0);
	for (unsigned int i = 0; i < TURNS; i++)
		site_turn(run_.b);
	run_.sent = run_.came = run_.late = 0;
	memset(run_.last, 0, sizeof(run_.last));
	return 0;
}

static int spells(const struct row_options *o, const struct measure *m, double *mpps, double *ratio,
                  struct err *err)
{
	unsigned int pairs = (unsigned int)(o->seconds * TEN_S / SPELL_S);
	double ratios[SPELL_MAX], with[SPELL_MAX], rate[2];

	if (pairs < 1 || pairs > SPELL_MAX)
		return err_set(err, EINVAL, "%u spells", pairs);
	for (unsigned int i = 0; i < pairs; i++) {
		for (unsigned int k = 0; k < 2; k++) {
			bool rekeying = (i + k) % 2;

			__atomic_store_n(&run_.rekeying, rekeying, __ATOMIC_RELEASE);
			if (measure_rate(m, 0, SPELL_S, &rate[rekeying], err) < 0)
				return -1;
		}
		with[i] = rate[true];
		ratios[i] = rate[true] / rate[false];
	}
	*mpps = measure_median(with, pairs);
	*ratio = measure_median(ratios, pairs);
	return 0;
}

static int run(const struct row_options *o, struct err *err)
{
	struct measure m = {.bodies = 1, .bursts = BURSTS};
	double mpps = 0, ratio = 0;
	uint64_t rekeys;
	pthread_t control;
	int rc;

	if (make_sites(o, err) < 0 || start_rekeying(err) < 0)
		return -1;
	m.body[0] = (struct measure_body){burst, NULL, run_.b->port[PORT_LAN].id};
	if (rte_eth_add_rx_callback(run_.a->port[PORT_LAN].id, 0, on_receive, NULL) == NULL ||
	    rte_eth_add_tx_callback(m.body[0].out, 0, on_send, NULL) == NULL)
		return err_set(err, ENOMEM, "no memory for callbacks");
	if (settle(err) < 0)
		return -1;
	rekeys = rekey_wire_stats(&run_.wire, 0).rekeys;
	if (row_control_thread(&control, control_main, err) < 0)
		return -1;
	rc = spells(o, &m, &mpps, &ratio, err);
	__atomic_store_n(&run_.stop, true, __ATOMIC_RELEASE);
	pthread_join(control, NULL);
	if (rc < 0)
		return -1;
	/* What B has not taken yet; A takes no more. */
	for (unsigned int i = 0; i < TURNS; i++)
		site_turn(run_.b);
	rekeys = rekey_wire_stats(&run_.wire, 0).rekeys - rekeys;
	if (rekeys == 0 || run_.failed)
		return err_set(err, EIO, "there were %lu rekeys, and refusals: %d", rekeys,
		               run_.failed);
	printf("{\"name\": \"%s\", \"mpps\": %.3f, \"ratio_to_one\": %.4f, \"lost\": %lu, "
	       "\"reordered\": %lu, \"rekeys\": %lu, \"packets\": %lu}\n",
	       o->name, mpps, ratio, run_.sent - run_.came, run_.late, rekeys, run_.sent);
	return 0;
}

const struct row row_rekey = {"rekey", run};
