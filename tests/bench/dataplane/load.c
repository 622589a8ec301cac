/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A load for whatever is between two memif ports: frames go into one at a rate and are counted
 * at the other. Commands on stdin, one a line, an answer in JSON each:
 *
 *     MPPS SECONDS     offer so many million frames a second, 0 for all that go
 *     {"sent": N, "lost": N, "mpps": RATE THAT CAME, "p50_us": T, "p99_us": T}
 *
 * What a full port does not take is lost too. Frames come in the order in which they went, so
 * the k-th to come is the k-th that went: with one lost, there are no times. A time of -1: none,
 * or beyond 10 ms.
 *
 *     dataplane_load --socket PATH --size SIZE [--cpu N] [--memory MB] [--hugepages]
 *
 * For other generators, the same frames as a pcap file, and no more:
 *
 *     dataplane_load --pcap FILE --size SIZE
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "common/err.h"
#include "dataplane/port.h"
#include "tests/bench/dataplane/frames.h"
#include "tests/bench/dataplane/site.h"
#include "tests/bench/dataplane/start.h"

#define BURST    32
#define POOL     16383
#define STAMPS   (1U << 16) /* frames under way at most */
#define BINS     100000     /* of 0.1 us */
#define DRAIN_MS 50
#define BEHIND   512 /* frames by which a sender that was not scheduled may catch up at once */

static struct {
	struct port port[2];
	struct rte_mbuf *frame[FRAMES_PERIOD];
	uint64_t stamp[STAMPS];
	uint32_t bins[BINS + 1];
	uint64_t sent, came, refused;
	double bin_cycles;
} load;

static struct start program = {.program = "dataplane_load", .memory_mb = 128};

/* The frames stay ours: a port that copies gives back the reference that it gets. */
static void send_burst(unsigned int n)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t now;
	uint16_t sent;

	for (unsigned int i = 0; i < n; i++) {
		pkts[i] = load.frame[(load.sent + i) % FRAMES_PERIOD];
		rte_mbuf_refcnt_update(pkts[i], 1);
	}
	now = rte_rdtsc();
	for (unsigned int i = 0; i < n; i++)
		load.stamp[(load.sent + i) % STAMPS] = now;
	sent = rte_eth_tx_burst(load.port[0].id, 0, pkts, (uint16_t)n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	load.sent += sent;
	load.refused += n - sent;
}

/* What the gateway asks of its neighbours does not count. */
static void receive_burst(void)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(load.port[1].id, 0, pkts, BURST), back;
	uint64_t now = rte_rdtsc();

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		uint64_t bin;

		if (get_be16(p + 12) != RTE_ETHER_TYPE_IPV4)
			continue;
		bin = (uint64_t)((double)(now - load.stamp[load.came++ % STAMPS]) /
		                 load.bin_cycles);
		load.bins[RTE_MIN(bin, (uint64_t)BINS)]++;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	back = rte_eth_rx_burst(load.port[0].id, 0, pkts, BURST);
	rte_pktmbuf_free_bulk(pkts, back);
}

static double percentile(double share)
{
	uint64_t sum = 0, want = (uint64_t)(share * (double)load.came);

	/* The last bin holds all that took longer: no time can be told. */
	for (unsigned int i = 0; i < BINS; i++) {
		sum += load.bins[i];
		if (sum > want)
			return (i + 0.5) / 10;
	}
	return -1;
}

static void drain(void)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000 * DRAIN_MS;

	while (rte_rdtsc() < until)
		receive_burst();
}

static void trial(double mpps, double seconds)
{
	double per_cycle = mpps * 1e6 / (double)rte_get_tsc_hz();
	uint64_t start, now, until, offered, lost;
	double came;

	memset(load.bins, 0, sizeof(load.bins));
	load.sent = load.came = load.refused = 0;
	start = now = rte_rdtsc();
	until = start + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	for (offered = 0; now < until; now = rte_rdtsc()) {
		uint64_t due = mpps == 0 ? BURST : (uint64_t)((double)(now - start) * per_cycle);

		if (mpps == 0)
			due += offered;
		/* A sender that was away does not make up for it by a flood. */
		if (due > offered + BEHIND)
			offered = due - BEHIND;
		if (due > offered) {
			unsigned int n = (unsigned int)RTE_MIN(due - offered, (uint64_t)BURST);

			send_burst(n);
			offered += n;
		}
		receive_burst();
	}
	came = (double)load.came / ((double)(now - start) / (double)rte_get_tsc_hz());
	drain();
	lost = load.sent - RTE_MIN(load.sent, load.came) + load.refused;
	printf("{\"sent\": %lu, \"lost\": %lu, \"mpps\": %.4f, \"p50_us\": %.1f, \"p99_us\": "
	       "%.1f}\n",
	       load.sent + load.refused, lost, came / 1e6, lost == 0 ? percentile(0.5) : -1,
	       lost == 0 ? percentile(0.99) : -1);
	fflush(stdout);
}

static void open_ports(const char *socket, struct rte_mempool *pool)
{
	struct err err = {0};

	for (unsigned int i = 0; i < 2; i++) {
		char name[16], args[256];

		snprintf(name, sizeof(name), "net_memif%u", i);
		snprintf(args, sizeof(args), "role=client,id=%u,socket=%s,socket-abstract=no", i,
		         socket);
		if (rte_vdev_init(name, args) != 0)
			start_die(&program, rte_strerror(rte_errno));
		if (port_configure(&load.port[i], PORT_LAN, name, 1500, 1, NULL, pool, &err) < 0 ||
		    port_start(&load.port[i], &err) < 0)
			start_die(&program, err.text);
	}
}

static const struct rte_ether_addr lan_mac = {{2, 0, 0, 0, SITE_A, PORT_LAN}};

static int write_pcap(const char *path, unsigned int size)
{
	static struct frame_flow flows[FRAMES_PERIOD];

	for (unsigned int i = 0; i < FRAMES_PERIOD; i++)
		flows[i].flow = i % FRAMES_FLOWS;
	return frames_pcap(path, size, &lan_mac, flows, FRAMES_PERIOD);
}

static void make_frames(unsigned int size, struct rte_mempool *pool)
{
	for (unsigned int i = 0; i < FRAMES_PERIOD; i++) {
		unsigned int n = frames_bytes(size, i);

		load.frame[i] = rte_pktmbuf_alloc(pool);
		if (load.frame[i] == NULL)
			start_die(&program, "no memory for frames");
		frames_write((uint8_t *)rte_pktmbuf_append(load.frame[i], (uint16_t)n), n, &lan_mac,
		             (struct frame_flow){.flow = i % FRAMES_FLOWS});
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
	                                        {"size", required_argument, NULL, 'z'},
	                                        {"pcap", required_argument, NULL, 'p'},
	                                        START_OPTIONS,
	                                        {0}};
	const char *socket = NULL, *pcap = NULL;
	struct rte_mempool *pool;
	struct err err = {0};
	int size = -1, c;
	char line[80];

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			socket = optarg;
		else if (c == 'z')
			size = frames_size_parse(optarg);
		else if (c == 'p')
			pcap = optarg;
		else if (!start_option(&program, c, optarg))
			return 2;
	}
	if (pcap != NULL && size >= 0)
		return write_pcap(pcap, (unsigned int)size) < 0;
	if (socket == NULL || size < 0 || size > 1500)
		start_die(&program, "--socket or --size is missing or wrong");
	start_eal(&program, 1);
	load.bin_cycles = (double)rte_get_tsc_hz() / 1e7;
	pool = port_pool_create("load", 1500, 2, POOL, &err);
	if (pool == NULL)
		start_die(&program, err.text);
	open_ports(socket, pool);
	make_frames((unsigned int)size, pool);
	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		double mpps, seconds;

		if (sscanf(line, "%lf %lf", &mpps, &seconds) != 2 || mpps < 0 || seconds <= 0 ||
		    seconds > 60)
			start_die(&program, "a command is wrong");
		trial(mpps, seconds);
	}
	_exit(0);
}
