/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench optics: what the device model costs, on one core.
 *
 *     clicks/LINK   the click generator alone
 *     link/LINK     the whole model: clicks, the transmitter's memory, tags into the ring, and a
 * host that empties it and looks each tag's slot up
 *
 * Figures: mega_per_s, clicks per second of processor time; link_per_s, clicks of the link per
 * second; real_time, the one over the other: from 1 on the model keeps up.
 */

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "drivers/card_regs.h"
#include "drivers/model/sim_link.h"
#include "drivers/physics/detector.h"

#define BATCH      1024
#define TURN_NS    (250 * NS_PER_US)
#define FILE_BYTES (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)
#define SAMPLES    5

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.7, .p_z = 0.9};

static const struct row {
	const char *name, *detector;
	double km, holdoff_ns;
	bool drift;
} rows[] = {
        /* a metro link of 1 GHz with fast detectors, from short to long */
        {"metro-1km", "ingaas-gated", 1, 5, false},
        {"metro-10km", "ingaas-gated", 10, 5, false},
        {"metro-25km", "ingaas-gated", 25, 5, false},
        {"metro-10km-drift", "ingaas-gated", 10, 5, true},
        {"snspd-10km", "snspd", 10, 30, false},
        {"free-running-50km", "ingaas-free-running", 50, 20000, false},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_optics: %s\n", why);
	exit(1);
}

static struct optics_link link_of(const struct row *r)
{
	const struct detector_preset *d = detector_preset_find(r->detector);
	struct optics_link link = optics_link_default;

	if (d == NULL)
		fail("no such detector");
	link.distance_km = r->km;
	link.efficiency = d->efficiency;
	link.dark_probability = detector_dark(d, link.slot_fs * 1e-15);
	link.afterpulse = d->afterpulse;
	link.afterpulse_tau_ns = d->afterpulse_tau_ns;
	link.jitter_ps = detector_jitter_sigma_ps(d);
	link.p_z_bob = 0.9;
	if (r->drift)
		link.drift = drift_aerial;
	return link;
}

static void emit(const char *kind, const struct row *r, double *cpu, double *clicks, double seconds)
{
	double best = 0, all = 0;

	/* The machine has other things to do: the least disturbed sample counts. */
	for (int i = 0; i < SAMPLES; i++) {
		double rate = clicks[i] / cpu[i];

		best = rate > best ? rate : best;
		all += clicks[i];
	}
	printf("{\"name\":\"%s/%s\",\"mega_per_s\":%.4g,\"link_per_s\":%.4g,\"real_time\":%.3g}\n",
	       kind, r->name, best * 1e-6, all / SAMPLES / seconds,
	       best / (all / SAMPLES / seconds));
	fflush(stdout);
}

static void generator(const struct row *r)
{
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = source};
	static struct click k[BATCH];
	struct optics_link link = link_of(r);
	double cpu[SAMPLES], clicks[SAMPLES];
	const double seconds = 0.1;
	struct clicks c;
	struct rng rng;

	rng_init_seed(&rng, 1);
	clicks_init(&c, &link, &rng);
	clicks_set_receiver(&c, true, r->holdoff_ns * 1e6 / link.slot_fs, 0, 256);
	if (clicks_set_light(&c, &light) < 0)
		fail("the light is refused");
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t until = c.n + (uint64_t)(seconds * 1e15 / link.slot_fs);
		double begin = cpu_s();

		clicks[i] = 0;
		while (c.n < until)
			clicks[i] += (double)clicks_run(&c, until, k, BATCH);
		cpu[i] = cpu_s() - begin;
	}
	emit("clicks", r, cpu, clicks, seconds);
}

/* A host of both cards, register by register. */
struct host {
	struct sim_link link;
	uint8_t *map[2];
	uint64_t now;
	uint32_t tail[CARD_RING_COUNT], taken[CARD_RING_COUNT];
	uint64_t tags, answers;
};
enum { A, B };

#define TAG_LOG2    9
#define TAG_BYTES   16384u
#define QUERY_LOG2  9
#define QUERY_BYTES 4096u

static void store(struct host *h, int end, uint32_t offset, uint32_t value)
{
	memcpy(h->map[end] + offset, &value, sizeof(value));
}

static void host_write(struct host *h, int end, uint32_t offset, uint32_t value)
{
	uint32_t seq;

	memcpy(&seq, h->map[end] + CARD_SHM_MBOX_SEQ, sizeof(seq));
	store(h, end, CARD_SHM_MBOX_OFFSET, offset);
	store(h, end, CARD_SHM_MBOX_VALUE, value);
	store(h, end, CARD_SHM_MBOX_SEQ, seq + 1);
	h->now += TURN_NS;
	sim_link_turn(&h->link, h->now);
}

static uint64_t place(unsigned int q)
{
	return (uint64_t)q * (10u << 20);
}

static struct card_desc *desc(struct host *h, int end, unsigned int q, uint32_t i)
{
	return (struct card_desc *)(h->map[end] + CARD_BAR0_BYTES + place(q)) + i;
}

static void ring(struct host *h, int end, unsigned int q, uint32_t log2, uint32_t bytes)
{
	for (uint32_t i = 0; i < 1u << log2; i++) {
		desc(h, end, q, i)->addr = place(q) + 0x10000 + i * bytes;
		desc(h, end, q, i)->len = bytes;
	}
	host_write(h, end, CARD_RING(q) + CARD_RING_BASE_LO, (uint32_t)place(q));
	host_write(h, end, CARD_RING(q) + CARD_RING_BASE_HI, 0);
	host_write(h, end, CARD_RING(q) + CARD_RING_LOG2_SIZE, log2);
	host_write(h, end, CARD_RING(q) + CARD_RING_CTRL, CARD_RING_CTRL_RUN);
}

static struct host *open_host(const struct row *r)
{
	struct optics_link link = link_of(r);
	struct host *h = calloc(1, sizeof(*h));
	struct rng rng;

	if (h == NULL || (h->map[A] = calloc(1, FILE_BYTES)) == NULL ||
	    (h->map[B] = calloc(1, FILE_BYTES)) == NULL)
		fail("out of memory");
	rng_init_seed(&rng, 1);
	h->now = NS_PER_S;
	if (sim_link_init(&h->link, &link, &rng, h->map[A], h->map[B], h->now) < 0)
		fail("out of memory");
	for (int end = 0; end < 2; end++) {
		host_write(h, end, CARD_CTRL, CARD_CTRL_ENABLE);
		host_write(h, end, CARD_WATCHDOG, 60000);
	}
	ring(h, B, CARD_RING_TAGS, TAG_LOG2, TAG_BYTES);
	ring(h, A, CARD_RING_QUERIES, QUERY_LOG2, QUERY_BYTES);
	ring(h, A, CARD_RING_CHOICES, QUERY_LOG2, QUERY_BYTES);
	host_write(h, B, CARD_RX_HOLDOFF_NS, (uint32_t)r->holdoff_ns);
	host_write(h, B, CARD_RX_APPLY, 1);
	host_write(h, A, CARD_TX_MODE, CARD_TX_MODE_QKD);
	host_write(h, A, CARD_TX_MU1, (uint32_t)(source.mu1 * 65536));
	host_write(h, A, CARD_TX_MU2, (uint32_t)(source.mu2 * 65536));
	host_write(h, A, CARD_TX_P_MU1, (uint32_t)(source.p_mu1 * 65536));
	host_write(h, A, CARD_TX_P_Z, (uint32_t)(source.p_z * 65536));
	host_write(h, A, CARD_TX_APPLY, 1);
	for (int end = 0; end < 2; end++)
		host_write(h, end, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	h->tail[CARD_RING_TAGS] = 1u << TAG_LOG2;
	store(h, B, CARD_RING(CARD_RING_TAGS) + CARD_RING_TAIL, h->tail[CARD_RING_TAGS]);
	h->tail[CARD_RING_CHOICES] = 1u << QUERY_LOG2;
	store(h, A, CARD_RING(CARD_RING_CHOICES) + CARD_RING_TAIL, h->tail[CARD_RING_CHOICES]);
	return h;
}

static void close_host(struct host *h)
{
	sim_link_free(&h->link);
	free(h->map[A]);
	free(h->map[B]);
	free(h);
}

static bool completed(struct host *h, int end, unsigned int q, uint32_t log2, struct card_desc **d)
{
	uint32_t i = h->taken[q];
	uint32_t phase = i >> log2 & 1 ? 0 : CARD_DESC_PHASE;

	*d = desc(h, end, q, i & ((1u << log2) - 1));
	return i != h->tail[q] && ((*d)->flags & CARD_DESC_PHASE) == phase && (*d)->seq == i &&
	       ((*d)->used > 0 || (*d)->flags != 0);
}

/* Slots of the tags into query buffers; the offset of the cards is not searched for here. */
static void look_up(struct host *h, const uint8_t *tags, uint32_t used)
{
	uint64_t shift = h->link.alice.base - h->link.bob.base;
	struct card_desc *d;
	uint32_t at = 0;

	while (at < used) {
		uint32_t n = 0;
		uint64_t *out;

		if (h->tail[CARD_RING_QUERIES] - h->taken[CARD_RING_CHOICES] >= 1u << QUERY_LOG2)
			return;
		d = desc(h, A, CARD_RING_QUERIES,
		         h->tail[CARD_RING_QUERIES] & ((1u << QUERY_LOG2) - 1));
		out = (uint64_t *)(h->map[A] + CARD_BAR0_BYTES + d->addr);
		for (; at < used && n < CARD_QUERY_SLOTS_MAX; at += 8) {
			uint64_t tag;

			memcpy(&tag, tags + at, sizeof(tag));
			out[n++] = (CARD_TAG_SLOT(tag) + shift) & 0xffffffffffffULL;
		}
		d->len = n * 8;
		h->tail[CARD_RING_QUERIES]++;
	}
	store(h, A, CARD_RING(CARD_RING_QUERIES) + CARD_RING_TAIL, h->tail[CARD_RING_QUERIES]);
}

static void serve(struct host *h)
{
	struct card_desc *d;

	while (completed(h, B, CARD_RING_TAGS, TAG_LOG2, &d)) {
		h->tags += d->used / 8;
		look_up(h, h->map[B] + CARD_BAR0_BYTES + d->addr, d->used);
		h->taken[CARD_RING_TAGS]++;
		h->tail[CARD_RING_TAGS]++;
	}
	store(h, B, CARD_RING(CARD_RING_TAGS) + CARD_RING_TAIL, h->tail[CARD_RING_TAGS]);
	while (completed(h, A, CARD_RING_CHOICES, QUERY_LOG2, &d)) {
		h->answers += d->used / 4;
		h->taken[CARD_RING_CHOICES]++;
		h->tail[CARD_RING_CHOICES]++;
	}
	store(h, A, CARD_RING(CARD_RING_CHOICES) + CARD_RING_TAIL, h->tail[CARD_RING_CHOICES]);
}

static void whole(const struct row *r)
{
	struct host *h = open_host(r);
	double cpu[SAMPLES], clicks[SAMPLES];
	const unsigned int turns = 400;

	for (int i = -1; i < SAMPLES; i++) {
		double begin = cpu_s();
		uint64_t before = h->link.truth.clicks;

		for (unsigned int t = 0; t < turns; t++) {
			h->now += TURN_NS;
			sim_link_turn(&h->link, h->now);
			serve(h);
		}
		if (i < 0)
			continue; /* until memory is there */
		cpu[i] = cpu_s() - begin;
		clicks[i] = (double)(h->link.truth.clicks - before);
	}
	if (h->link.bob.card.ring[CARD_RING_TAGS].dropped > 0)
		fail("tags were dropped: the host is too slow");
	if (h->tags == 0 || h->answers < h->tags / 2)
		fail("tags or answers did not come");
	emit("link", r, cpu, clicks, turns * TURN_NS * 1e-9);
	close_host(h);
}

static bool wanted(const char *only, const char *kind, const struct row *r)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", kind, r->name);
	return only == NULL || strcmp(only, name) == 0 || strcmp(only, kind) == 0;
}

int main(int argc, char **argv)
{
	const char *only = NULL;

	if (argc == 3 && strcmp(argv[1], "--only") == 0) {
		only = argv[2];
	} else if (argc != 1) {
		fputs("usage: bench_optics [--only ROW]\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < ROWS; i++)
		if (wanted(only, "clicks", &rows[i]))
			generator(&rows[i]);
	for (size_t i = 0; i < ROWS; i++)
		if (wanted(only, "link", &rows[i]))
			whole(&rows[i]);
	return 0;
}
