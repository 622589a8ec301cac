/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ESP through crypto devices: DPDK's software drivers must seal and open as OpenSSL does, and
 * a device that keeps, delays or reorders operations must neither lose buffers nor let
 * anything through.
 */

#include <errno.h>

#define FIXTURE_DEVICES                                                                            \
	"--vdev", "crypto_aesni_gcm0", "--vdev", "crypto_openssl0", "--vdev", "crypto_aesni_mb0",  \
	        "--vdev", "crypto_null0",

#include "dataplane/esp_cipher_state.h"
#include "dataplane/esp_job.h"
#include "tests/unit/dataplane/esp_reference.h"

static const char *const devices[] = {"crypto_aesni_gcm0", "crypto_aesni_mb0"};

/* False: its driver was found to be wrong and is refused, as DPDK 24.11's crypto_aesni_mb is. */
static bool use(const char *device, unsigned int sessions)
{
	struct err err = {0};

	fixture_start();
	pair_cipher = esp_cipher_create(device, 1, sessions, &err);
	if (pair_cipher != NULL)
		return true;
	puts(err.text);
	CU_ASSERT_TRUE_FATAL(strcmp(device, devices[0]) != 0 &&
	                     strstr(err.text, "chained buffers in a burst") != NULL);
	return false;
}

static void done(void)
{
	esp_cipher_destroy(pair_cipher);
	pair_cipher = NULL;
	all_buffers_back();
}

/* One packet: sealed as OpenSSL seals it, and opened. */
static void cross(struct pair *p, const uint8_t *inner, unsigned int n, unsigned int segment,
                  uint64_t sequence)
{
	uint8_t want[BYTES_MAX], got[BYTES_MAX];
	unsigned int total = reference(p, inner, n, sequence, NULL, 0, want);

	if (seal_bytes(p, inner, n, segment, got) != total || memcmp(got, want, total) != 0) {
		printf("%s: %u bytes in segments of %u\n", esp_cipher_driver(pair_cipher), n,
		       segment);
		CU_FAIL("sealed unlike OpenSSL");
	}
	if (open_bytes(p, want, total, segment, got) != n || memcmp(got, inner, n) != 0) {
		printf("%s: %u bytes in segments of %u\n", esp_cipher_driver(pair_cipher), n,
		       segment);
		CU_FAIL("what OpenSSL sealed was not opened");
	}
}

static void test_equals_openssl(void)
{
	static const unsigned int jumbo[] = {1500, 2047, 2048, 2049, 4096, 9000};
	static const unsigned int segments[] = {DATA_ROOM, 1000, 333};
	uint8_t inner[BYTES_MAX];

	for (size_t d = 0; d < RTE_DIM(devices); d++)
		for (int v6 = 0; v6 < 2; v6++) {
			uint64_t sequence = 0;
			struct pair p;

			if (!use(devices[d], 8))
				continue;
			p = make(v6);
			for (unsigned int n = 40; n < 1440; n += n < 300 ? 1 : 7) {
				inner_packet(inner, n, v6, 0);
				cross(&p, inner, n, DATA_ROOM, ++sequence);
				if (n >= 100)
					cross(&p, inner, n, 97, ++sequence);
			}
			for (size_t i = 0; i < RTE_DIM(jumbo); i++)
				for (size_t k = 0; k < RTE_DIM(segments); k++) {
					inner_packet(inner, jumbo[i], !v6, 0);
					cross(&p, inner, jumbo[i], segments[k], ++sequence);
				}
			CU_ASSERT_EQUAL(sa_sequence(tunnel_tx_sa(p.tx)), sequence);
			unmake(&p);
			done();
		}
}

static void test_every_changed_byte_is_dropped(void)
{
	uint8_t inner[90], sealed[BYTES_MAX], bad[BYTES_MAX], opened[BYTES_MAX];

	for (size_t d = 0; d < RTE_DIM(devices); d++) {
		uint64_t forged = counted("drop.auth"), refused = counted("drop.cipher");
		unsigned int n, text;
		struct pair p;

		if (!use(devices[d], 8))
			continue;
		p = make(false);
		inner_packet(inner, sizeof(inner), false, 0);
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		/* Behind SPI and sequence number: IV, text and ICV. */
		text = 20 + 8;
		for (unsigned int i = text; i < n; i++) {
			memcpy(bad, sealed, n);
			bad[i] ^= 0x10;
			CU_ASSERT_EQUAL(open_bytes(&p, bad, n, i % 2 ? 64 : DATA_ROOM, opened), 0);
		}
		CU_ASSERT_EQUAL(counted("drop.auth"), forged + n - text);
		CU_ASSERT_EQUAL(tunnel_rx_sa(p.rx, p.key.spi)->auth_failed, n - text);
		CU_ASSERT_EQUAL(counted("drop.cipher"), refused);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), sizeof(inner));
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), 0);
		unmake(&p);
		done();
	}
}

/* The payload begins behind the IPv4 header with the packet's number. */
static unsigned int numbered_burst(struct rte_mbuf **pkts, unsigned int n)
{
	static uint8_t inner[1500];

	for (unsigned int i = 0; i < n; i++) {
		unsigned int bytes = 60 + i * 37 % 1400;

		inner_packet(inner, bytes, false, 0);
		inner[20] = (uint8_t)i;
		pkts[i] = packet_in(inner, bytes, i % 5 == 0 ? 200 : DATA_ROOM);
	}
	return n;
}

static unsigned int number_of(struct rte_mbuf *m)
{
	return *rte_pktmbuf_mtod_offset(m, uint8_t *, 20);
}

static void check_burst(struct pair *p, unsigned int n)
{
	struct rte_mbuf *pkts[ESP_BURST * 2];

	numbered_burst(pkts, n);
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p->tx, 0, &counters, pkts, n), n);
	/* One in nine is forged. */
	for (unsigned int i = 0; i < n; i += 9)
		*rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 40) ^= 1;
	CU_ASSERT_EQUAL_FATAL(tunnel_open_burst(p->rx, 0, &counters, pkts, n), n - (n + 8) / 9);
	for (unsigned int i = 0, k = 0; i < n; i++)
		if (i % 9 != 0) {
			CU_ASSERT_EQUAL(number_of(pkts[k]), i);
			rte_pktmbuf_free(pkts[k++]);
		}
}

static void test_bursts_keep_their_order(void)
{
	for (size_t d = 0; d < RTE_DIM(devices); d++) {
		struct pair p;

		if (!use(devices[d], 8))
			continue;
		p = make(false);
		for (unsigned int n = 1; n <= ESP_BURST * 2; n += n < 8 ? 1 : 20)
			check_burst(&p, n);
		unmake(&p);
		done();
	}
}

/* A device between us and the driver. */
static struct rte_crypto_fp_ops driver;
static struct rte_crypto_op *kept[ESP_CIPHER_OPS];
static unsigned int kept_count, keep;

/* Hands back in reverse order, a few at a time. */
static uint16_t dequeue_reversed(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	uint16_t got;

	kept_count += driver.dequeue_burst(qp, kept + kept_count, ESP_BURST);
	for (got = 0; got < n && got < 7 && kept_count > 0; got++)
		ops[got] = kept[--kept_count];
	return got;
}

/* Keeps the first KEEP for itself. */
static uint16_t dequeue_keeping(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	uint16_t got = driver.dequeue_burst(qp, ops, n), given = 0;

	for (uint16_t i = 0; i < got; i++)
		if (kept_count < keep)
			kept[kept_count++] = ops[i];
		else
			ops[given++] = ops[i];
	return given;
}

/* Hands back what was kept. */
static uint16_t dequeue_kept(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	uint16_t got = 0;

	while (got < n && kept_count > 0)
		ops[got++] = kept[--kept_count];
	if (kept_count == 0)
		rte_crypto_fp_ops[pair_cipher->device].dequeue_burst = driver.dequeue_burst;
	return got;
}

static uint16_t enqueue_nothing(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	return 0;
}

static uint16_t enqueue_three(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	return driver.enqueue_burst(qp, ops, n < 3 ? n : 3);
}

static uint16_t dequeue_refused(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	uint16_t got = driver.dequeue_burst(qp, ops, n);

	for (uint16_t i = 0; i < got; i++)
		ops[i]->status = RTE_CRYPTO_OP_STATUS_ERROR;
	return got;
}

static struct rte_crypto_fp_ops *stand_between(void)
{
	use(devices[0], 8);
	driver = rte_crypto_fp_ops[pair_cipher->device];
	kept_count = 0;
	return &rte_crypto_fp_ops[pair_cipher->device];
}

static void test_reordering_device(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	struct pair p = make(false);

	fp->dequeue_burst = dequeue_reversed;
	fp->enqueue_burst = enqueue_three;
	for (unsigned int n = 1; n <= ESP_BURST; n += 9)
		check_burst(&p, n);
	unmake(&p);
	*fp = driver;
	done();
}

static void test_lost_operations_fail_closed(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	uint64_t lost = counted("drop.cipher_lost"), refused = counted("drop.cipher");
	struct pair p = make(false);
	struct rte_mbuf *pkts[32];

	numbered_burst(pkts, 32);
	keep = 5;
	fp->dequeue_burst = dequeue_keeping;
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 32), 27);
	CU_ASSERT_EQUAL(counted("drop.cipher_lost"), lost + 5);
	for (unsigned int i = 0; i < 27; i++)
		rte_pktmbuf_free(pkts[i]);
	/* The device may still write to the five: they are not free. */
	CU_ASSERT_TRUE(rte_mempool_in_use_count(pool) >= 5);

	/* Until they are back nothing passes, at once, and nothing is lost. */
	numbered_burst(pkts, 32);
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 32), 0);
	CU_ASSERT_EQUAL(counted("drop.cipher"), refused + 32);
	CU_ASSERT_EQUAL(counted("drop.cipher_lost"), lost + 5);

	fp->dequeue_burst = dequeue_kept;
	check_burst(&p, 32);
	CU_ASSERT_EQUAL(counted("drop.cipher_lost"), lost + 5);
	CU_ASSERT_EQUAL(pair_cipher->queue[0].free_count, ESP_CIPHER_OPS);
	unmake(&p);
	*fp = driver;
	done();
}

/* An opened packet that comes back late is not delivered, nor taken for another's. */
static void test_late_operations_are_nobodys(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	struct pair p = make(false);
	struct rte_mbuf *pkts[8];

	numbered_burst(pkts, 8);
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 8), 8);
	keep = 8;
	fp->dequeue_burst = dequeue_keeping;
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, pkts, 8), 0);
	CU_ASSERT_EQUAL(tunnel_rx_sa(p.rx, p.key.spi)->packets, 0);
	CU_ASSERT_EQUAL(tunnel_rx_sa(p.rx, p.key.spi)->auth_failed, 0);
	/* After a while it tries again, and only then the late ones come. */
	pair_cipher->queue[0].retry_tsc = 0;
	keep = 0;
	numbered_burst(pkts, 8);
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 8), 8);
	fp->dequeue_burst = dequeue_kept;
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, pkts, 8), 8);
	for (unsigned int i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(number_of(pkts[i]), i);
		rte_pktmbuf_free(pkts[i]);
	}
	CU_ASSERT_EQUAL(pair_cipher->queue[0].lost, 0);
	unmake(&p);
	*fp = driver;
	done();
}

static void test_closing_frees_what_was_lost(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	struct pair p = make(false);
	struct rte_mbuf *pkts[4];

	numbered_burst(pkts, 4);
	keep = 4;
	fp->dequeue_burst = dequeue_keeping;
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 4), 0);
	CU_ASSERT_TRUE(rte_mempool_in_use_count(pool) >= 4);
	tunnel_alone_destroy(p.tx);
	tunnel_alone_destroy(p.rx);
	*fp = driver;
	done();
}

/* Takes operations, and lets the driver see them later: after its key was replaced. */
static uint16_t enqueue_holding(void *qp, struct rte_crypto_op **ops, uint16_t n)
{
	(void)qp;
	for (uint16_t i = 0; i < n; i++)
		kept[kept_count++] = ops[i];
	return n;
}

static unsigned int sessions_in_use(void)
{
	return rte_mempool_in_use_count(pair_cipher->sessions);
}

/*
 * A key that was replaced while the device kept operations under it stays until they are back: what
 * the device makes of them then is what it should have been.
 */
static void test_key_outlives_its_operations(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	struct pair p = make(false), old = p;
	uint8_t inner[100], want[BYTES_MAX], got[BYTES_MAX];
	struct rte_crypto_op *done_op = NULL;
	struct rte_mbuf *m;
	struct err err = {0};
	unsigned int total;

	inner_packet(inner, sizeof(inner), false, 0);
	m = packet(inner, sizeof(inner));
	fp->enqueue_burst = enqueue_holding;
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 0);
	CU_ASSERT_EQUAL_FATAL(kept_count, 1);
	CU_ASSERT_EQUAL(sessions_in_use(), 2);

	/* Two further keys: nothing of the first is taken for theirs. */
	for (uint32_t generation = 2; generation < 4; generation++) {
		fixture_keys(&p.key, 1, 1000 + generation);
		CU_ASSERT_EQUAL_FATAL(tunnel_tx_switch(p.tx, generation, &p.key, 1, &err), 0);
		tunnel_reclaim(p.tx);
		CU_ASSERT_EQUAL(sessions_in_use(), 3);
	}
	CU_ASSERT_EQUAL(
	        driver.enqueue_burst(rte_crypto_fp_ops[pair_cipher->device].qp.data[0], kept, 1),
	        1);
	CU_ASSERT_EQUAL_FATAL(
	        driver.dequeue_burst(rte_crypto_fp_ops[pair_cipher->device].qp.data[0], &done_op,
	                             1),
	        1);
	CU_ASSERT_EQUAL(done_op->status, RTE_CRYPTO_OP_STATUS_SUCCESS);
	total = reference(&old, inner, sizeof(inner), 1, NULL, 0, want);
	memcpy(got, rte_pktmbuf_mtod(done_op->sym->m_src, void *), total - ESP_ICV_BYTES);
	memcpy(got + total - ESP_ICV_BYTES, esp_cipher_private(done_op)->icv, ESP_ICV_BYTES);
	CU_ASSERT_EQUAL(memcmp(got, want, total), 0);

	/* Given back with the next burst, and then the key goes. */
	kept[0] = done_op;
	kept_count = 1;
	fp->enqueue_burst = driver.enqueue_burst;
	fp->dequeue_burst = dequeue_kept;
	m = packet(inner, sizeof(inner));
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 1);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(sessions_in_use(), 3);
	tunnel_reclaim(p.tx);
	CU_ASSERT_EQUAL(sessions_in_use(), 2);
	CU_ASSERT_EQUAL(pair_cipher->queue[0].free_count, ESP_CIPHER_OPS);
	unmake(&p);
	CU_ASSERT_EQUAL(sessions_in_use(), 0);
	*fp = driver;
	done();
}

/* One that never comes back holds its key no longer than the device runs. */
static void test_closing_wipes_keys_that_wait(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	struct pair p = make(false);
	uint8_t inner[100];
	struct rte_mbuf *m;

	inner_packet(inner, sizeof(inner), false, 0);
	m = packet(inner, sizeof(inner));
	fp->enqueue_burst = enqueue_holding;
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 0);
	tunnel_alone_destroy(p.tx);
	tunnel_alone_destroy(p.rx);
	CU_ASSERT_EQUAL(sessions_in_use(), 1);
	CU_ASSERT_PTR_NOT_NULL(pair_cipher->waiting);
	*fp = driver;
	done();
}

static void test_refusing_device(void)
{
	struct rte_crypto_fp_ops *fp = stand_between();
	uint64_t refused = counted("drop.cipher"), forged = counted("drop.auth");
	struct pair p = make(false);
	struct rte_mbuf *pkts[16];

	numbered_burst(pkts, 16);
	fp->enqueue_burst = enqueue_nothing;
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 16), 0);
	CU_ASSERT_EQUAL(counted("drop.cipher"), refused + 16);
	*fp = driver;
	numbered_burst(pkts, 16);
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, pkts, 16), 16);
	fp->dequeue_burst = dequeue_refused;
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, pkts, 16), 0);
	CU_ASSERT_EQUAL(counted("drop.cipher"), refused + 32);
	CU_ASSERT_EQUAL(counted("drop.auth"), forged);
	*fp = driver;
	check_burst(&p, 16);
	unmake(&p);
	done();
}

static void test_devices_that_will_not_do(void)
{
	struct err err = {0};

	fixture_start();
	CU_ASSERT_PTR_NULL(esp_cipher_create("0000:3d:01.0", 1, 8, &err));
	CU_ASSERT_EQUAL(err.code, ENODEV);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       "crypto-device 0000:3d:01.0: there is no such crypto device");
	CU_ASSERT_PTR_NULL(esp_cipher_create("crypto_null", 1, 8, &err));
	CU_ASSERT_EQUAL(err.code, ENODEV);
	CU_ASSERT_PTR_NULL(esp_cipher_create("crypto_null0,socket_id=0", 1, 8, &err));
	CU_ASSERT_EQUAL(err.code, ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no AES-256-GCM"));
	CU_ASSERT_PTR_NULL(esp_cipher_create("crypto_openssl0", 16, 8, &err));
	CU_ASSERT_EQUAL(err.code, ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "fewer queue pairs"));
}

/*
 * DPDK's OpenSSL driver announces chained buffers, but refuses them with AEAD, as 22.11 does. A
 * version that takes them must pass as the others do.
 */
static void test_device_is_tried_before_it_is_trusted(void)
{
	struct esp_cipher *c;
	struct err err = {0};

	fixture_start();
	c = esp_cipher_create("crypto_openssl0", 1, 8, &err);
	if (c == NULL) {
		CU_ASSERT_EQUAL(err.code, ENOTSUP);
		CU_ASSERT_STRING_EQUAL(err.text, "crypto-device crypto_openssl0: it fails its "
		                                 "known-answer test on chained buffers");
	}
	esp_cipher_destroy(c);
}

static void test_full_device_takes_no_more_keys(void)
{
	struct sa_key key;
	struct err err = {0};
	struct pair p;
	uint8_t inner[100];

	use(devices[0], 2);
	p = make(false);
	fixture_keys(&key, 1, 77);
	CU_ASSERT_EQUAL(tunnel_rx_install(p.rx, 2, &key, 1, &err), -ENOMEM);
	CU_ASSERT_STRING_EQUAL(err.text, "tunnel t: the crypto device takes no more keys");
	inner_packet(inner, sizeof(inner), false, 0);
	cross(&p, inner, sizeof(inner), DATA_ROOM, 1);
	tunnel_rx_retire(p.rx, 1);
	tunnel_reclaim(p.rx);
	CU_ASSERT_EQUAL(tunnel_rx_install(p.rx, 2, &key, 1, &err), 0);
	unmake(&p);
	done();
}

struct search {
	const uint8_t *key;
	unsigned int found;
};

static void search_object(struct rte_mempool *mp, void *ctx, void *object, unsigned int index)
{
	struct search *s = ctx;
	const uint8_t *bytes = object;

	for (uint32_t i = 0; i + 16 <= mp->elt_size; i++)
		s->found += memcmp(bytes + i, s->key, 16) == 0;
}

/* The first round keys of AES-256 are the key itself, so a schedule holds it. */
static void test_freed_sessions_hold_no_key(void)
{
	struct search s;
	struct pair p;

	use(devices[0], 8);
	p = make(false);
	s = (struct search){.key = p.key.key};
	rte_mempool_obj_iter(pair_cipher->sessions, search_object, &s);
	CU_ASSERT_TRUE(s.found > 0);
	tunnel_alone_destroy(p.tx);
	tunnel_alone_destroy(p.rx);
	s.found = 0;
	rte_mempool_obj_iter(pair_cipher->sessions, search_object, &s);
	CU_ASSERT_EQUAL(s.found, 0);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pair_cipher->sessions), 0);
	done();
}

UNIT_MAIN(UNIT(test_equals_openssl), UNIT(test_every_changed_byte_is_dropped),
          UNIT(test_bursts_keep_their_order), UNIT(test_reordering_device),
          UNIT(test_lost_operations_fail_closed), UNIT(test_late_operations_are_nobodys),
          UNIT(test_closing_frees_what_was_lost), UNIT(test_key_outlives_its_operations),
          UNIT(test_closing_wipes_keys_that_wait), UNIT(test_refusing_device),
          UNIT(test_devices_that_will_not_do), UNIT(test_full_device_takes_no_more_keys),
          UNIT(test_device_is_tried_before_it_is_trusted), UNIT(test_freed_sessions_hold_no_key))
