/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp.h"
#include "tests/unit/dataplane/esp_reference.h"

/* A first segment that ends anywhere in the headers. */
static void test_short_first_segment(void)
{
	uint8_t inner[200], sealed[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);

	inner_packet(inner, sizeof(inner), false, 0);
	for (unsigned int cut = 1; cut < 120; cut++) {
		unsigned int n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		struct rte_mbuf *m = packet(sealed, cut);

		CU_ASSERT_EQUAL(rte_pktmbuf_chain(m, packet_in(sealed + cut, n - cut, 64)), 0);
		CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, &m, 1), 1);
		CU_ASSERT_TRUE(m->data_len >= 40);
		CU_ASSERT_EQUAL(packet_out(m, opened), sizeof(inner));
		CU_ASSERT_EQUAL(memcmp(opened, inner, sizeof(inner)), 0);
	}
	unmake(&p);
}

static void test_every_changed_byte_is_dropped(void)
{
	uint8_t inner[90], sealed[BYTES_MAX], bad[BYTES_MAX], opened[BYTES_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		struct pair p = make(v6);
		unsigned int header = v6 ? 40 : 20, n;
		const struct sa *sa = tunnel_rx_sa(p.rx, p.key.spi);

		inner_packet(inner, sizeof(inner), false, 0);
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), sizeof(inner));
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		for (unsigned int i = header; i < n; i++)
			for (unsigned int bit = 0; bit < 8; bit++) {
				memcpy(bad, sealed, n);
				bad[i] ^= (uint8_t)(1U << bit);
				CU_ASSERT_EQUAL(
				        open_bytes(&p, bad, n, bit == 3 ? 64 : DATA_ROOM, opened),
				        0);
			}
		CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
		CU_ASSERT_EQUAL(sa->replay.top, 1);
		CU_ASSERT_EQUAL(sa->replay.bits[0], 2);
		CU_ASSERT_EQUAL(sa->packets, 1);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), sizeof(inner));
		CU_ASSERT_EQUAL(memcmp(opened, inner, sizeof(inner)), 0);
		unmake(&p);
	}
}

static void test_every_truncation_is_dropped(void)
{
	uint8_t inner[90], sealed[BYTES_MAX], cut[BYTES_MAX], opened[BYTES_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		struct pair p = make(v6);
		unsigned int n;
		uint64_t malformed = counted("drop.malformed"), auth = counted("drop.auth");

		inner_packet(inner, sizeof(inner), false, 0);
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		for (unsigned int len = 0; len < n; len++) {
			/* As the wire would cut it, and with lengths that were made to fit. */
			CU_ASSERT_EQUAL(open_bytes(&p, sealed, len, DATA_ROOM, opened), 0);
			memcpy(cut, sealed, len);
			if (!v6 && len >= 20)
				put_be16(cut + 2, (uint16_t)len);
			else if (len >= 40)
				put_be16(cut + 4, (uint16_t)(len - 40));
			CU_ASSERT_EQUAL(open_bytes(&p, cut, len, DATA_ROOM, opened), 0);
			CU_ASSERT_EQUAL(open_bytes(&p, cut, len, 16, opened), 0);
		}
		CU_ASSERT_EQUAL(counted("drop.malformed") - malformed + counted("drop.auth") - auth,
		                3 * n);
		CU_ASSERT_TRUE(counted("drop.auth") > auth);
		/* More bytes than the header says are Ethernet's padding. */
		memset(sealed + n, 0xee, 9);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n + 9, DATA_ROOM, opened), sizeof(inner));
		CU_ASSERT_EQUAL(memcmp(opened, inner, sizeof(inner)), 0);
		unmake(&p);
	}
}

static void test_only_whole_esp_packets_are_taken(void)
{
	uint8_t inner[60], sealed[BYTES_MAX], bad[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);
	uint64_t malformed = counted("drop.malformed"), no_sa = counted("drop.no_sa");
	unsigned int n;

	inner_packet(inner, sizeof(inner), false, 0);
	n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
	for (int i = 0; i < 5; i++) {
		memcpy(bad, sealed, n);
		switch (i) {
		case 0: /* first fragment */
			bad[6] = 0x20;
			break;
		case 1: /* a later one */
			bad[7] = 8;
			break;
		case 2:
			bad[9] = 17;
			break;
		case 3:
			bad[0] = 0x44;
			break;
		case 4:
			bad[0] = 0x55;
			break;
		}
		CU_ASSERT_EQUAL(open_bytes(&p, bad, n, DATA_ROOM, opened), 0);
	}
	CU_ASSERT_EQUAL(counted("drop.malformed"), malformed + 5);
	for (uint32_t spi = 0; spi < 256; spi += 16) {
		memcpy(bad, sealed, n);
		put_be32(bad + 20, spi);
		CU_ASSERT_EQUAL(open_bytes(&p, bad, n, DATA_ROOM, opened), 0);
	}
	CU_ASSERT_EQUAL(counted("drop.no_sa"), no_sa + 16);
	CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), sizeof(inner));
	unmake(&p);
}

/* Figure 4 of RFC 6040: rows are the inner field, columns the outer one; -1 is a drop. */
static void test_ecn(void)
{
	static const int want[4][4] = {
	        /*             Not-ECT ECT(1) ECT(0) CE */
	        /* Not-ECT */ {0, 0, 0, -1},
	        /* ECT(1)  */ {1, 1, 1, 3},
	        /* ECT(0)  */ {2, 1, 2, 3},
	        /* CE      */ {3, 3, 3, 3},
	};
	uint8_t inner[80], sealed[BYTES_MAX], opened[BYTES_MAX];
	uint64_t dropped = counted("drop.ecn");

	for (int which = 0; which < 4; which++) {
		bool inner6 = which & 1, outer6 = which & 2;
		struct pair p = make(outer6);

		for (unsigned int i = 0; i < 4; i++)
			for (unsigned int o = 0; o < 4; o++) {
				uint8_t tc = (uint8_t)(46 << 2 | i);
				unsigned int n;

				inner_packet(inner, sizeof(inner), inner6, tc);
				n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
				/* Ingress copies DSCP and ECN. */
				CU_ASSERT_EQUAL(outer6 ? get_be16(sealed) >> 4 & 0xff : sealed[1],
				                tc);
				if (outer6)
					sealed[1] = (uint8_t)((sealed[1] & 0xcf) | o << 4);
				else
					sealed[1] = (uint8_t)((sealed[1] & 0xfc) | o);
				n = open_bytes(&p, sealed, n, DATA_ROOM, opened);
				CU_ASSERT_EQUAL(n, want[i][o] < 0 ? 0 : sizeof(inner));
				if (n == 0)
					continue;
				inner_packet(inner, sizeof(inner), inner6,
				             (uint8_t)(46 << 2 | want[i][o]));
				CU_ASSERT_EQUAL(memcmp(opened, inner, n), 0);
			}
		unmake(&p);
	}
	CU_ASSERT_EQUAL(counted("drop.ecn"), dropped + 4);
}

/* What an authentic peer may send besides what ours sends, and what it may not. */
static void test_trailers(void)
{
	static const struct {
		uint8_t bytes[12];
		unsigned int n;
		const char *drop; /* NULL: passes */
	} cases[] = {
	        {{0, 4}, 2, NULL},
	        {{1, 2, 3, 4, 4, 4}, 6, NULL},                   /* more padding than least */
	        {{0xaa, 0xbb, 0xcc, 0xdd, 0, 4}, 6, NULL},       /* RFC 4303 section 2.7 */
	        {{0xaa, 0xbb, 1, 2, 2, 4}, 6, NULL},             /* both */
	        {{1, 2, 4, 4, 4, 4}, 6, "drop.inner_malformed"}, /* wrong padding */
	        {{0, 0, 0, 0, 4, 4}, 6, "drop.inner_malformed"},
	        {{255, 4}, 2, "drop.inner_malformed"}, /* more than there is */
	        {{0, 41}, 2, "drop.inner_malformed"},  /* not what is inside */
	        {{0, 6}, 2, "drop.inner_malformed"},   /* transport mode */
	        {{0, 59}, 2, "drop.dummy"},
	};
	uint8_t inner[62], sealed[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);
	uint64_t sequence = 0;

	inner_packet(inner, sizeof(inner), false, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = cases[i].drop == NULL ? 0 : counted(cases[i].drop);
		unsigned int n = reference(&p, inner, sizeof(inner), ++sequence, cases[i].bytes,
		                           cases[i].n, sealed);
		unsigned int got = open_bytes(&p, sealed, n, i % 2 ? 50 : DATA_ROOM, opened);

		CU_ASSERT_EQUAL(got, cases[i].drop == NULL ? sizeof(inner) : 0);
		if (cases[i].drop != NULL)
			CU_ASSERT_EQUAL(counted(cases[i].drop), before + 1);
	}
	/* An inner packet longer than the text, or with a header longer than itself. */
	put_be16(inner + 2, 63);
	CU_ASSERT_EQUAL(reference(&p, inner, 62, ++sequence, NULL, 0, sealed), 116);
	CU_ASSERT_EQUAL(open_bytes(&p, sealed, 116, DATA_ROOM, opened), 0);
	put_be16(inner + 2, 40);
	inner[0] = 0x4f;
	CU_ASSERT_EQUAL(reference(&p, inner, 62, ++sequence, NULL, 0, sealed), 116);
	CU_ASSERT_EQUAL(open_bytes(&p, sealed, 116, DATA_ROOM, opened), 0);
	unmake(&p);
}

static void test_replays_also_within_a_burst(void)
{
	uint8_t inner[64], sealed[3][BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);
	struct rte_mbuf *burst[6];
	uint64_t before = counted("drop.replay");
	unsigned int n = 0;

	inner_packet(inner, sizeof(inner), false, 0);
	for (int i = 0; i < 3; i++)
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed[i]);
	for (int i = 0; i < 6; i++)
		burst[i] = packet(sealed[i % 3], n);
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, burst, 6), 3);
	CU_ASSERT_EQUAL(counted("drop.replay"), before + 3);
	rte_pktmbuf_free_bulk(burst, 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(open_bytes(&p, sealed[i], n, DATA_ROOM, opened), 0);
	CU_ASSERT_EQUAL(counted("drop.replay"), before + 6);
	unmake(&p);
}

UNIT_MAIN(UNIT(test_short_first_segment), UNIT(test_every_changed_byte_is_dropped),
          UNIT(test_every_truncation_is_dropped), UNIT(test_only_whole_esp_packets_are_taken),
          UNIT(test_ecn), UNIT(test_trailers), UNIT(test_replays_also_within_a_burst))
