/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/row.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include "common/random.h"
#include "common/secret.h"
#include "tests/bench/dataplane/frames.h"

#define OUTER_B 0xc0000202U /* where ESP packets go */

static void forward_burst(void *ctx)
{
	struct row_bodies *r = ctx;

	plain_poll(&r->plain, PLAIN_NONE);
}

static void cipher_burst(void *ctx)
{
	struct row_bodies *r = ctx;

	plain_poll(&r->plain, r->cipher);
}

static void gateway_burst(void *ctx)
{
	struct row_bodies *r = ctx;

	site_turn(r->site);
}

void row_gateway_burst(void *site)
{
	site_turn(site);
}

int row_bodies_init(struct row_bodies *r, struct site *site, enum plain_cipher cipher,
                    struct err *err)
{
	bool seal = cipher == PLAIN_SEAL;
	uint8_t bytes[32];

	struct gcm_key *key = secret_alloc(GCM_KEY_BYTES);

	r->site = site;
	r->cipher = cipher;
	r->plain.in = site->port[seal ? PORT_LAN : PORT_WAN].id;
	r->plain.out = site->port[seal ? PORT_WAN : PORT_LAN].id;
	r->plain.gcm = gcm_provider();
	r->plain.key = key;
	r->plain.fib = plain_routes(ROW_ROUTES);
	if (key == NULL || r->plain.fib == NULL ||
	    plain_route_add(r->plain.fib, FRAMES_DESTINATION, 10) != 0 ||
	    plain_route_add(r->plain.fib, OUTER_B, 32) != 0)
		return err_set(err, ENOMEM, "no memory for the plain forwarder");
	random_bytes(bytes, sizeof(bytes));
	r->plain.gcm->key_expand(bytes, key);
	secret_wipe(bytes, sizeof(bytes));
	return 0;
}

void row_bodies_measure(struct row_bodies *r, struct measure *m)
{
	void (*const burst[ROW_BODIES])(void *) = {forward_burst, cipher_burst, gateway_burst};

	m->bodies = ROW_BODIES;
	for (unsigned int b = 0; b < ROW_BODIES; b++)
		m->body[b] = (struct measure_body){burst[b], r, r->plain.out};
}

void row_print(const struct row_options *o, const struct measured *m)
{
	const double *c = m->cycles;
	double mpps = (double)rte_get_tsc_hz() / c[ROW_GATEWAY] / 1e6;

	printf("{\"name\": \"%s\", \"mpps\": %.3f, \"gbps\": %.2f, \"overhead_cycles\": %.1f, "
	       "\"ratio_to_raw\": %.4f, \"provider\": \"%s\", \"library\": \"%s\", "
	       "\"forward_cycles\": %.1f, "
	       "\"cipher_cycles\": %.1f, \"gateway_cycles\": %.1f, \"samples\": %u, "
	       "\"left_out\": %.3f}\n",
	       o->name, mpps, mpps * frames_mean(o->size) * 8 / 1e3, c[ROW_GATEWAY] - c[ROW_CIPHER],
	       (c[ROW_CIPHER] - c[ROW_FORWARD]) / (c[ROW_GATEWAY] - c[ROW_FORWARD]),
	       gcm_provider()->name, gcm_provider()->library, c[ROW_FORWARD], c[ROW_CIPHER],
	       c[ROW_GATEWAY], m->samples, m->left_out);
	fflush(stdout);
}

int row_spells(const struct measure *m, unsigned int b, struct err *err)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		double seconds = strtod(line, NULL), mpps;

		if (!(seconds > 0 && seconds <= 60))
			return err_set(err, EINVAL, "a spell of \"%s\" seconds", line);
		if (measure_rate(m, b, seconds, &mpps, err) < 0)
			return -EIO;
		printf("{\"mpps\": %.4f}\n", mpps);
		fflush(stdout);
	}
	return 0;
}

int row_device_pcap(const char *name, const char *path, struct err *err)
{
	char args[512];

	snprintf(args, sizeof(args), "rx_pcap=%s,infinite_rx=1", path);
	if (rte_vdev_init(name, args) != 0)
		return err_set(err, ENODEV, "%s: %s", name, rte_strerror(rte_errno));
	return 0;
}

int row_device_null(const char *name, struct err *err)
{
	if (rte_vdev_init(name, "no-rx=1") != 0)
		return err_set(err, ENODEV, "%s: %s", name, rte_strerror(rte_errno));
	return 0;
}

struct rte_ring *row_ring(const char *name, unsigned int size, struct err *err)
{
	struct rte_ring *r =
	        rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	if (r == NULL)
		err_set(err, ENOMEM, "ring %s: %s", name, rte_strerror(rte_errno));
	return r;
}

int row_device_ring(const char *name, struct rte_ring *rx, struct rte_ring *tx, struct err *err)
{
	if (rte_eth_from_rings(name, &rx, 1, &tx, 1, SOCKET_ID_ANY) < 0)
		return err_set(err, ENODEV, "ring port %s: %s", name, rte_strerror(rte_errno));
	return 0;
}

uint16_t row_mtu(unsigned int size)
{
	return size > 1420 ? 9100 : 1500;
}

struct rte_mempool *row_pool(unsigned int size, unsigned int count, struct err *err)
{
	return port_pool_create("frames", row_mtu(size), 1, count, err);
}

static cpu_set_t other_cpus;

void row_keep_cpus(int cpu)
{
	sched_getaffinity(0, sizeof(other_cpus), &other_cpus);
	if (CPU_COUNT(&other_cpus) > 1)
		CPU_CLR(cpu, &other_cpus);
}

int row_control_thread(pthread_t *thread, void *(*f)(void *), struct err *err)
{
	int rc = pthread_create(thread, NULL, f, NULL);

	if (rc == 0)
		rc = pthread_setaffinity_np(*thread, sizeof(other_cpus), &other_cpus);
	return rc == 0 ? 0 : err_set(err, rc, "no control thread: %s", strerror(rc));
}

int row_check_drops(const struct site *s, uint64_t before, struct err *err)
{
	const char *why = "?";
	uint64_t n = site_drops(s, &why) - before;

	if (n > 0)
		return err_set(err, EIO, "the gateway dropped %lu packets: %s", n, why);
	if (s->config.rules > 0 && site_protected(s) == 0)
		return err_set(err, EIO, "no packet met the rule that is for it");
	return 0;
}
