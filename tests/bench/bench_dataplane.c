/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the gateway adds to the cipher. Three bodies run in turn over the same frames, which
 * come from a ring and go to a ring in bursts of 32:
 *
 *     forward  route lookup, TTL, Ethernet header
 *     cipher   the same, and the bare AES-256-GCM call on the bytes that ESP covers
 *     gateway  the same, and tunnel_seal_burst() or tunnel_open_burst()
 *
 * Frames are made fresh, untimed, before each pass. A sample is 480 of them, timed by the TSC;
 * those in which the thread was preempted are left out. Per packet, from the medians:
 *
 *     overhead_cycles = gateway - cipher
 *     ratio_to_raw    = (cipher - forward) / (gateway - forward)
 *
 *     bench_dataplane [--only ROW] [--seconds S] [--cpu N] [--window W] [--library PATH]
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/gcm.h"
#include "common/random.h"
#include "common/secret.h"
#include "dataplane/esp.h"
#include "dataplane/tunnel.h"
#include "tests/bench/bench_frames.h"

#define SEAL_FRAMES 480  /* 15 bursts: what a core's buffer cache hands out again and again */
#define OPEN_FRAMES 4096 /* a default window full */
#define FRAME_MAX   9000
#define SAMPLES_MIN 31
#define SAMPLES_MAX 65536
#define WARM_UP     5 /* passes of each body */
#define IMIX        0

enum body { FORWARD, CIPHER, GATEWAY, BODIES };

static struct {
	struct rte_ring *in, *out;
	struct rte_fib *fib;
	struct tunnel *sender, *receiver;
	struct counter_set counters;
	struct rte_mbuf *frames[OPEN_FRAMES];
	const struct gcm_provider *gcm;
	struct gcm_key *key;
	double seconds;
} bench;

static void die(const char *what)
{
	fprintf(stderr, "bench_dataplane: %s\n", what);
	exit(1);
}

/* IMIX: 64, 570 and 1420 bytes at 7:4:1, mixed. */
static unsigned int frame_bytes(unsigned int size, unsigned int i)
{
	static const uint16_t imix[12] = {64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64};

	return size == IMIX ? imix[i % 12] : size;
}

/* The cipher alone, over what ESP covers: inner packet, padding, pad length, next header. */
static void cipher_burst(struct rte_mbuf **pkts, unsigned int n, bool open)
{
	_Alignas(64) static const uint8_t iv[16], aad[16];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES], tag[16];
	struct gcm_context *ctx = (struct gcm_context *)context;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *) + ETHERNET_BYTES;
		uint32_t len = pkts[i]->pkt_len - ETHERNET_BYTES;

		if (open) {
			p += 20 + ESP_HEADER_BYTES;
			len -= 20 + ESP_HEADER_BYTES + ESP_ICV_BYTES;
			bench.gcm->open(bench.key, ctx, p, p, len, iv, aad, 12, tag, 16);
		} else {
			len = (len + 2 + 3) & ~3U;
			bench.gcm->seal(bench.key, ctx, p, p, len, iv, aad, 12, p + len, 16);
		}
	}
}

static unsigned int seal_body(enum body body, struct rte_mbuf **pkts, unsigned int n)
{
	if (!frames_route(bench.fib, pkts, n, ETHERNET_BYTES))
		die("a frame was not routed");
	if (body == CIPHER)
		cipher_burst(pkts, n, false);
	if (body == GATEWAY) {
		for (unsigned int i = 0; i < n; i++)
			rte_pktmbuf_adj(pkts[i], ETHERNET_BYTES);
		n = tunnel_seal_burst(bench.sender, 0, &bench.counters, pkts, n);
		for (unsigned int i = 0; i < n; i++)
			rte_pktmbuf_prepend(pkts[i], ETHERNET_BYTES);
	}
	frames_address(pkts, n);
	return n;
}

/* ESP to this gateway: what forwarding asks before it opens. */
static bool for_tunnel(const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETHERNET_BYTES);

	return ip[0] == 0x45 && ip[9] == 50 && get_be32(ip + 16) == OUTER_REMOTE;
}

static unsigned int open_body(enum body body, struct rte_mbuf **pkts, unsigned int n)
{
	if (body == GATEWAY) {
		bool good = true;

		for (unsigned int i = 0; i < n; i++) {
			good &= for_tunnel(pkts[i]);
			rte_pktmbuf_adj(pkts[i], ETHERNET_BYTES);
		}
		if (!good)
			die("a frame was not for the tunnel");
		n = tunnel_open_burst(bench.receiver, 0, &bench.counters, pkts, n);
		for (unsigned int i = 0; i < n; i++)
			rte_pktmbuf_prepend(pkts[i], ETHERNET_BYTES);
	}
	if (!frames_route(bench.fib, pkts, n, ETHERNET_BYTES))
		die("a frame was not routed");
	if (body == CIPHER)
		cipher_burst(pkts, n, true);
	frames_address(pkts, n);
	return n;
}

/* Fresh frames into the ring; for opening they are sealed now, under new sequence numbers. */
static void make_frames(unsigned int size, unsigned int count, bool open)
{
	for (unsigned int i = 0; i < count; i++)
		frames_fill(bench.frames[i], frame_bytes(size, i), i);
	for (unsigned int at = 0; open && at < count; at += BURST)
		if (seal_body(GATEWAY, bench.frames + at, BURST) != BURST)
			die("frames were dropped while sealing");
	if (rte_ring_sp_enqueue_bulk(bench.in, (void **)bench.frames, count, NULL) != count)
		die("the ring is full");
}

static long preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

/* TSC cycles per packet, in the order of their taking. */
struct samples {
	double cycles[SAMPLES_MAX];
	unsigned int n;
};

/*
 * One pass of BODY over all frames, fresh ones. Every SEAL_FRAMES of them are a sample; one
 * in which the thread was preempted is left out.
 */
static void pass(enum body body, unsigned int size, unsigned int count, bool open,
                 struct samples *out)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int passed = 0;

	make_frames(size, count, open);
	for (unsigned int at = 0; at < count; at += SEAL_FRAMES) {
		unsigned int chunk = RTE_MIN(count - at, SEAL_FRAMES), left = chunk;
		long before = preemptions();
		uint64_t from = rte_rdtsc_precise(), to;

		while (left > 0) {
			unsigned int n = rte_ring_sc_dequeue_burst(bench.in, (void **)pkts,
			                                           RTE_MIN(left, BURST), NULL);

			left -= n;
			n = open ? open_body(body, pkts, n) : seal_body(body, pkts, n);
			passed += rte_ring_sp_enqueue_burst(bench.out, (void **)pkts, n, NULL);
		}
		to = rte_rdtsc_precise();
		if (preemptions() == before && out->n < SAMPLES_MAX)
			out->cycles[out->n++] = (double)(to - from) / chunk;
	}
	if (passed != count)
		die("frames were dropped");
	if (rte_ring_sc_dequeue_bulk(bench.out, (void **)bench.frames, count, NULL) != count)
		die("frames are missing");
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Buffers of 2 KiB as a port has them; one buffer a frame for jumbo frames. */
static struct rte_mempool *make_pool(unsigned int size, unsigned int count)
{
	unsigned int room = RTE_MAX(2048U, size + ESP_TAILROOM_MAX) + RTE_PKTMBUF_HEADROOM;
	struct rte_mempool *pool =
	        rte_pktmbuf_pool_create("frames", count, 0, 0, (uint16_t)room, SOCKET_ID_ANY);

	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, bench.frames, count) != 0)
		die("no memory for the frames");
	for (unsigned int i = 0; i < count; i++)
		random_bytes(rte_pktmbuf_mtod(bench.frames[i], void *), frame_bytes(size, i));
	return pool;
}

static bool enough(const struct samples *s)
{
	for (int b = 0; b < BODIES; b++)
		if (s[b].n < SAMPLES_MIN)
			return false;
	return true;
}

static void row(const char *name, unsigned int size, bool open)
{
	static struct samples samples[BODIES];
	unsigned int count = open ? OPEN_FRAMES : SEAL_FRAMES;
	struct rte_mempool *pool = make_pool(size, count);
	double cycles[BODIES], mpps, bytes = 0;
	uint64_t until = clock_mono_ns() + (uint64_t)(bench.seconds * NS_PER_S);

	for (unsigned int r = 0; !enough(samples) || clock_mono_ns() < until; r++) {
		if (r <= WARM_UP)
			for (int b = 0; b < BODIES; b++)
				samples[b].n = 0;
		/* The order turns, so that no body always runs after the same one. */
		for (unsigned int k = 0; k < BODIES; k++) {
			enum body body = (enum body)((k + r) % BODIES);

			pass(body, size, count, open, &samples[body]);
		}
		if (clock_mono_ns() > until + 60 * NS_PER_S)
			die("the CPU is too busy: nearly every sample was interrupted");
	}
	for (int b = 0; b < BODIES; b++)
		cycles[b] = median(samples[b].cycles, samples[b].n);
	for (unsigned int i = 0; i < count; i++)
		bytes += frame_bytes(size, i);
	mpps = (double)rte_get_tsc_hz() / cycles[GATEWAY] / 1e6;
	printf("{\"name\": \"%s\", \"mpps\": %.3f, \"gbps\": %.2f, \"overhead_cycles\": %.1f, "
	       "\"ratio_to_raw\": %.4f, \"provider\": \"%s\", \"forward_cycles\": %.1f, "
	       "\"cipher_cycles\": %.1f, \"gateway_cycles\": %.1f, \"samples\": %u}\n",
	       name, mpps, mpps * bytes / count * 8 / 1e3, cycles[GATEWAY] - cycles[CIPHER],
	       (cycles[CIPHER] - cycles[FORWARD]) / (cycles[GATEWAY] - cycles[FORWARD]),
	       bench.gcm->name, cycles[FORWARD], cycles[CIPHER], cycles[GATEWAY],
	       samples[GATEWAY].n);
	fflush(stdout);
	rte_pktmbuf_free_bulk(bench.frames, count);
	rte_mempool_free(pool);
}

static void start_eal(int cpu)
{
	char prefix[64], core[16];
	char *argv[] = {"bench_dataplane",
	                "-l",
	                core,
	                "--no-huge",
	                "-m",
	                "128",
	                "--no-pci",
	                "--no-telemetry",
	                "--file-prefix",
	                prefix,
	                "--log-level",
	                "error"};

	snprintf(prefix, sizeof(prefix), "lumengate-bench-%d", (int)getpid());
	snprintf(core, sizeof(core), "%d", cpu);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		die(rte_strerror(rte_errno));
}

/* Two ends of a tunnel. Their key is drawn for this run alone. */
static void start_tunnels(uint32_t window)
{
	struct tunnel_config config = {.name = "bench", .replay_window = window, .cores = 1};
	_Alignas(RTE_CACHE_LINE_SIZE) static uint8_t memory[1024];
	struct rte_rcu_qsbr *qsbr = (struct rte_rcu_qsbr *)memory;
	struct sa_key key = {.spi = 0x1000};
	struct err err = {0};

	put_be32(config.local, OUTER_LOCAL);
	put_be32(config.remote, OUTER_REMOTE);
	if (rte_rcu_qsbr_get_memsize(1) > sizeof(memory) || rte_rcu_qsbr_init(qsbr, 1) != 0)
		die("cannot prepare QSBR");
	bench.sender = tunnel_create(&config, qsbr, &err);
	bench.receiver = tunnel_create(&config, qsbr, &err);
	random_bytes(key.key, sizeof(key.key));
	if (bench.sender == NULL || bench.receiver == NULL ||
	    tunnel_tx_switch(bench.sender, 1, &key, 1, &err) < 0 ||
	    tunnel_rx_install(bench.receiver, 1, &key, 1, &err) < 0)
		die(err.text);
	bench.key = secret_alloc(GCM_KEY_BYTES);
	random_bytes(key.key, sizeof(key.key));
	bench.gcm->key_expand(key.key, bench.key);
	secret_wipe(&key, sizeof(key));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"only", required_argument, NULL, 'o'},
	                                        {"seconds", required_argument, NULL, 's'},
	                                        {"cpu", required_argument, NULL, 'c'},
	                                        {"window", required_argument, NULL, 'w'},
	                                        {"library", required_argument, NULL, 'l'},
	                                        {0}};
	static const unsigned int sizes[] = {64, 256, 512, 1024, 1420, 9000, IMIX};
	const char *only = NULL, *library = NULL;
	unsigned int window = 4096, rows = 0;
	int cpu = 0, c;
	struct err err = {0};

	bench.seconds = 2;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'o')
			only = optarg;
		else if (c == 's')
			bench.seconds = strtod(optarg, NULL);
		else if (c == 'c')
			cpu = atoi(optarg);
		else if (c == 'w')
			window = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			library = optarg;
		else
			return 2;
	}
	start_eal(cpu);
	if (secret_init(2 << 20, &err) < 0 || gcm_provider_init(library, &err) < 0)
		die(err.text);
	bench.gcm = gcm_provider();
	bench.in = rte_ring_create("in", 8192, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bench.out = rte_ring_create("out", 8192, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bench.fib = frames_routes(1000);
	if (bench.in == NULL || bench.out == NULL || bench.fib == NULL)
		die("no memory for rings and routes");
	start_tunnels(window);
	for (unsigned int open = 0; open < 2; open++)
		for (size_t i = 0; i < RTE_DIM(sizes); i++) {
			char name[32];

			snprintf(name, sizeof(name), sizes[i] == IMIX ? "%s/imix" : "%s/%u",
			         open ? "open" : "seal", sizes[i]);
			if (only != NULL && strcmp(only, name) != 0)
				continue;
			row(name, sizes[i], open);
			rows++;
		}
	if (rows == 0)
		die("no such row");
	tunnel_destroy(bench.sender);
	tunnel_destroy(bench.receiver);
	secret_fini();
	return 0;
}
