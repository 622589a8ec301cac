/* SPDX-License-Identifier: BSD-3-Clause */

/* Captures on a port whose tx is its rx: what is sent comes in again. */

#include "dataplane/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "common/clock.h"
#include "common/counter.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

static char directory[64];
static struct rte_mempool *pool;
static struct port port;
static struct rte_rcu_qsbr *qsbr;
static unsigned int notified;

static void ended(enum port_role role, const struct capture_status *status)
{
	CU_ASSERT_EQUAL(role, PORT_LAN);
	CU_ASSERT_EQUAL(status->state, CAPTURE_STOPPED);
	notified++;
}

static struct capture_config config(const char *file)
{
	return (struct capture_config){
	        .port = &port,
	        .rx = true,
	        .tx = true,
	        .filter = "",
	        .directory = directory,
	        .file = file,
	        .file_size_max = 1 << 20,
	        .files = 1,
	        .qsbr = qsbr,
	};
}

/* A broadcast frame of Ethertype TYPE and LENGTH bytes, the rest its number. */
static struct rte_mbuf *frame(uint16_t type, uint16_t length, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = (uint8_t *)rte_pktmbuf_append(m, length);
	memset(p, fill, length);
	memset(p, 0xff, 6);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
	return m;
}

static void transmit(struct rte_mbuf *m)
{
	CU_ASSERT_EQUAL(rte_eth_tx_burst(port.id, 0, &m, 1), 1);
}

static unsigned int receive_all(void)
{
	struct rte_mbuf *m[32];
	unsigned int total = 0, n;

	while ((n = rte_eth_rx_burst(port.id, 0, m, 32)) > 0) {
		rte_pktmbuf_free_bulk(m, n);
		total += n;
	}
	return total;
}

static struct capture_status wait_for(enum capture_state state)
{
	struct capture_status s;

	for (int i = 0; i < 2000; i++) {
		rte_rcu_qsbr_quiescent(qsbr, 0);
		capture_poll();
		capture_status_read(PORT_LAN, &s);
		if (s.state == state)
			return s;
		usleep(1000);
	}
	CU_FAIL("the capture does not come to that state");
	return s;
}

struct seen {
	unsigned int frames;
	uint32_t captured, length;
	uint8_t last[CAPTURE_FILE_SIZE_MIN];
};

static struct seen read_file(const char *name)
{
	char path[512], text[PCAP_ERRBUF_SIZE];
	struct seen seen = {0};
	struct pcap_pkthdr *header;
	const u_char *data;
	uint64_t now = clock_wall_ns(), time;
	pcap_t *p;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	while ((rc = pcap_next_ex(p, &header, &data)) == 1) {
		seen.frames++;
		seen.captured = header->caplen;
		seen.length = header->len;
		memcpy(seen.last, data, header->caplen);
		time = (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
		CU_ASSERT_TRUE(time < now + NS_PER_S && time > now - 60 * NS_PER_S);
	}
	CU_ASSERT_EQUAL(rc, PCAP_ERROR_BREAK);
	pcap_close(p);
	return seen;
}

static void test_start_dpdk(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(4);
	struct err err = {0};

	dpdk_start(1, 64, "net_ring0", NULL);
	snprintf(directory, sizeof(directory), "/tmp/lumengate-capture-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(size, 64));
	CU_ASSERT_EQUAL_FATAL(rte_rcu_qsbr_init(qsbr, 4), 0);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	pool = port_pool_create("pool", 9000, 1, 2047, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_LAN, "net_ring0", 1500, 1, NULL, pool, &err), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(&port, &err), 0);
	capture_notify(ended);
}

static void test_both_directions(void)
{
	struct capture_config c = config("both.pcapng");
	struct capture_status s;
	struct err err = {0};
	struct seen seen;

	transmit(frame(0x88b5, 60, 1));
	CU_ASSERT_EQUAL(receive_all(), 1);
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	CU_ASSERT_EQUAL(capture_start(&c, &err), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "port: lan is being captured"));
	for (uint8_t i = 0; i < 10; i++)
		transmit(frame(0x88b5, 61, i));
	CU_ASSERT_EQUAL(receive_all(), 10);
	CU_ASSERT_EQUAL_FATAL(capture_stop(PORT_LAN, &err), 0);
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.seen, 20);
	CU_ASSERT_EQUAL(s.packets, 20);
	CU_ASSERT_EQUAL(s.dropped, 0);
	CU_ASSERT_FALSE(s.failed);
	CU_ASSERT_STRING_EQUAL(s.reason, "on command");
	CU_ASSERT_STRING_EQUAL(s.file, "both.pcapng");
	CU_ASSERT_EQUAL(notified, 1);
	/* Off again: nobody listens. */
	transmit(frame(0x88b5, 60, 1));
	receive_all();
	capture_status_read(PORT_LAN, &s);
	CU_ASSERT_EQUAL(s.seen, 20);
	seen = read_file("both.pcapng");
	CU_ASSERT_EQUAL(seen.frames, 20);
	CU_ASSERT_EQUAL(seen.length, 61);
	CU_ASSERT_EQUAL(seen.last[60], 9);
	CU_ASSERT_EQUAL(capture_stop(PORT_LAN, &err), -ENOENT);
}

/* Memory that a core may still use stays until the core has been quiescent. */
static void test_waits_for_the_grace_period(void)
{
	struct capture_config c = config("grace.pcapng");
	struct capture_status s;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	CU_ASSERT_EQUAL_FATAL(capture_stop(PORT_LAN, &err), 0);
	for (int i = 0; i < 30; i++) {
		capture_poll();
		usleep(1000);
	}
	capture_status_read(PORT_LAN, &s);
	CU_ASSERT_EQUAL(s.state, CAPTURE_STOPPING);
	CU_ASSERT_EQUAL(capture_start(&c, &err), -EBUSY);
	wait_for(CAPTURE_STOPPED);
}

static void test_filter_and_snap_length(void)
{
	struct capture_config c = config("filter.pcapng");
	struct capture_status s;
	struct err err = {0};
	struct seen seen;

	c.filter = "ether proto 0x88b5 and ether[199] = 7";
	c.snap_length = 20;
	c.tx = false;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	for (uint8_t i = 0; i < 10; i++) {
		transmit(frame(0x88b5, 200, i));
		transmit(frame(0x88b6, 200, i));
	}
	receive_all();
	capture_stop(PORT_LAN, &err);
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.seen, 20);
	CU_ASSERT_EQUAL(s.matched, 1);
	seen = read_file("filter.pcapng");
	CU_ASSERT_EQUAL(seen.frames, 1);
	CU_ASSERT_EQUAL(seen.captured, 20);
	CU_ASSERT_EQUAL(seen.length, 200);
	CU_ASSERT_EQUAL(seen.last[19], 7);
}

/* Chained frames, and tags that the device would insert, appear as they do on the wire. */
static void test_chains_and_tags(void)
{
	struct capture_config c = config("chain.pcapng");
	struct rte_mbuf *m = frame(0x88b5, 100, 1), *tail = frame(0, 5000, 2);
	static const uint8_t tag[] = {0x81, 0x00, 0x01, 0x23, 0x88, 0xb5};
	struct err err = {0};
	struct seen seen;

	c.rx = false;
	CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, tail), 0);
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	transmit(m);
	receive_all();
	capture_stop(PORT_LAN, &err);
	wait_for(CAPTURE_STOPPED);
	seen = read_file("chain.pcapng");
	CU_ASSERT_EQUAL(seen.frames, 1);
	CU_ASSERT_EQUAL(seen.captured, 5100);
	CU_ASSERT_EQUAL(seen.last[99], 1);
	CU_ASSERT_EQUAL(seen.last[5099], 2);

	c.file = "tag.pcapng";
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	m = frame(0x88b5, 60, 3);
	m->ol_flags |= RTE_MBUF_F_TX_VLAN;
	m->vlan_tci = 0x123;
	transmit(m);
	receive_all();
	capture_stop(PORT_LAN, &err);
	wait_for(CAPTURE_STOPPED);
	seen = read_file("tag.pcapng");
	CU_ASSERT_EQUAL(seen.length, 64);
	CU_ASSERT_EQUAL(memcmp(seen.last + 12, tag, sizeof(tag)), 0);
	CU_ASSERT_EQUAL(seen.last[63], 3);
}

/* A device without room is offered the same frame again; the capture has it once. */
static void test_offered_twice_captured_once(void)
{
	struct capture_config c = config("again.pcapng");
	struct capture_status s;
	struct err err = {0};
	unsigned int sent = 0, refusals = 0;

	c.rx = false;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	while (refusals < 3) {
		struct rte_mbuf *m = frame(0x88b5, 60, 1);

		for (; rte_eth_tx_burst(port.id, 0, &m, 1) == 0; refusals++)
			if (refusals == 2)
				receive_all();
		sent++;
	}
	receive_all();
	capture_stop(PORT_LAN, &err);
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.packets, sent);
}

static void test_limits_end_it(void)
{
	struct capture_config c = config("packets.pcapng");
	struct capture_status s;
	struct err err = {0};

	c.packets_max = 5;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	for (uint8_t i = 0; i < 10; i++)
		transmit(frame(0x88b5, 60, i));
	receive_all();
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.packets, 5);
	CU_ASSERT_STRING_EQUAL(s.reason, "the number of packets was reached");
	CU_ASSERT_EQUAL(read_file("packets.pcapng").frames, 5);

	c = config("time.pcapng");
	c.duration_ns = 20 * NS_PER_MS;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_STRING_EQUAL(s.reason, "the time is over");

	c = config("size.pcapng");
	c.file_size_max = CAPTURE_FILE_SIZE_MIN;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	for (int i = 0; i < 100; i++) {
		transmit(frame(0x88b5, 1400, 1));
		receive_all();
	}
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_STRING_EQUAL(s.reason, "the file reached its size");
	CU_ASSERT_EQUAL(read_file("size.pcapng").frames, s.packets);
	CU_ASSERT_TRUE(s.packets > 40);
}

/* More in one burst than the ring holds, so that no writer is quick enough: counted, all else
 * whole. */
static void test_what_does_not_fit_is_counted(void)
{
	struct capture_config c = config("full.pcapng");
	uint64_t before = counter_sum(counter_find("capture.dropped"));
	struct rte_mbuf *burst[600];
	struct capture_status s;
	struct err err = {0};

	c.rx = false;
	c.file_size_max = 1 << 30;
	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	for (unsigned int i = 0; i < RTE_DIM(burst); i++)
		burst[i] = frame(0x88b5, 8000, 1);
	CU_ASSERT_EQUAL(rte_eth_tx_burst(port.id, 0, burst, RTE_DIM(burst)), RTE_DIM(burst));
	receive_all();
	capture_stop(PORT_LAN, &err);
	s = wait_for(CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.seen, RTE_DIM(burst));
	CU_ASSERT_TRUE(s.dropped > 0);
	CU_ASSERT_EQUAL(s.packets + s.dropped, RTE_DIM(burst));
	CU_ASSERT_EQUAL(counter_sum(counter_find("capture.dropped")) - before, s.dropped);
	CU_ASSERT_EQUAL(read_file("full.pcapng").frames, s.packets);
}

static void refused(struct capture_config c, int rc, const char *part)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(capture_start(&c, &err), rc);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, part));
}

static void test_refusals_name_the_field(void)
{
	struct capture_config c = config("refused.pcapng");
	struct capture_status before, after;

	capture_status_read(PORT_LAN, &before);
	c.filter = "no such thing";
	refused(c, -EINVAL, "filter: ");
	c = config("refused.pcapng");
	c.rx = c.tx = false;
	refused(c, -EINVAL, "direction: ");
	c = config("refused.pcapng");
	c.snap_length = CAPTURE_SNAP_MAX + 1;
	refused(c, -EINVAL, "snap_length: ");
	c = config("refused.pcapng");
	c.files = 0;
	refused(c, -EINVAL, "files: ");
	c = config("refused.pcapng");
	c.file_size_max = 1000;
	refused(c, -EINVAL, "file_size_max: ");
	c = config("both.pcapng");
	refused(c, -EEXIST, "file: ");
	capture_status_read(PORT_LAN, &after);
	CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof(before)), 0);
}

static void test_shutdown(void)
{
	struct capture_config c = config("shutdown.pcapng");
	struct capture_status s;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(capture_start(&c, &err), 0);
	transmit(frame(0x88b5, 60, 1));
	capture_shutdown();
	capture_status_read(PORT_LAN, &s);
	CU_ASSERT_EQUAL(s.state, CAPTURE_STOPPED);
	CU_ASSERT_EQUAL(s.packets, 1);
	receive_all();
	CU_ASSERT_EQUAL(read_file("shutdown.pcapng").frames, 1);
	CU_ASSERT_EQUAL(remove_tree(directory), 0);
	port_close(&port);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
	free(qsbr);
}

UNIT_MAIN(UNIT(test_start_dpdk), UNIT(test_both_directions), UNIT(test_waits_for_the_grace_period),
          UNIT(test_filter_and_snap_length), UNIT(test_chains_and_tags),
          UNIT(test_offered_twice_captured_once), UNIT(test_limits_end_it),
          UNIT(test_what_does_not_fit_is_counted), UNIT(test_refusals_name_the_field),
          UNIT(test_shutdown))
