/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "control/kme_peer.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static uint8_t packet[KME_PACKET_MAX + 1];

static void write_id(uint8_t *id, unsigned int i)
{
	char text[KME_ID_BYTES + 1];

	snprintf(text, sizeof(text), "550e8400-e29b-41d4-a716-44665544%04x", i);
	memcpy(id, text, KME_ID_BYTES);
}

static void fill(uint8_t *entries, unsigned int n, size_t each)
{
	for (unsigned int i = 0; i < n; i++) {
		write_id(entries + i * each, i);
		memset(entries + i * each + KME_ID_BYTES, (int)i, each - KME_ID_BYTES);
	}
}

static void test_layout(void)
{
	static const uint8_t status[] = {19, 2,   0,   0,   1,   0, 0,   128,
	                                 4,  'k', 'm', 'e', '1', 2, 'k', '2'};
	struct kme_message m = {.type = KME_STATUS,
	                        .light = KME_LIGHT_SIMULATED,
	                        .stored = 256,
	                        .most = 128,
	                        .source = "kme1",
	                        .target = "k2"};
	size_t n = kme_encode(&m, packet);

	CU_ASSERT_EQUAL(n, sizeof(status));
	CU_ASSERT_EQUAL(packet[0], KME_STATUS);
	CU_ASSERT_EQUAL(memcmp(packet + 1, status + 1, sizeof(status) - 1), 0);
	m = (struct kme_message){.type = KME_ENC, .request = 0x01020304, .number = 5};
	n = kme_encode(&m, packet);
	CU_ASSERT_EQUAL(n, 7);
	CU_ASSERT_EQUAL(memcmp(packet, "\x02\x01\x02\x03\x04\x00\x05", 7), 0);
}

/* What is written is read alike; a byte less or more is not read at all. */
static void check_both_ways(const struct kme_message *m)
{
	struct kme_message back;
	size_t n = kme_encode(m, packet);

	CU_ASSERT_FATAL(n <= KME_PACKET_MAX);
	CU_ASSERT_EQUAL(kme_decode(packet, n, &back), 0);
	CU_ASSERT_EQUAL(back.type, m->type);
	CU_ASSERT_EQUAL(back.version, m->version);
	CU_ASSERT_EQUAL(back.site, m->site);
	CU_ASSERT_EQUAL(back.request, m->request);
	CU_ASSERT_EQUAL(back.number, m->number);
	CU_ASSERT_EQUAL(back.light, m->light);
	CU_ASSERT_EQUAL(back.stored, m->stored);
	CU_ASSERT_EQUAL(back.most, m->most);
	CU_ASSERT_EQUAL(back.fault, m->fault);
	CU_ASSERT_EQUAL(back.wait_ms, m->wait_ms);
	CU_ASSERT_STRING_EQUAL(back.source, m->source);
	CU_ASSERT_STRING_EQUAL(back.target, m->target);
	CU_ASSERT_STRING_EQUAL(back.text, m->text);
	if (m->type == KME_DEC || m->type == KME_KEYS)
		CU_ASSERT_EQUAL(memcmp(back.entries, m->entries,
		                       m->number * (m->type == KME_DEC ? (size_t)KME_ID_BYTES
		                                                       : KME_ENTRY_BYTES)),
		                0);
	CU_ASSERT_EQUAL(kme_decode(packet, n - 1, &back), -EPROTO);
	packet[n] = 0;
	CU_ASSERT_EQUAL(kme_decode(packet, n + 1, &back), -EPROTO);
}

static void test_both_ways(void)
{
	static uint8_t ids[KME_KEYS_MAX * KME_ID_BYTES], entries[KME_KEYS_MAX * KME_ENTRY_BYTES];
	struct kme_message m[] = {
	        {.type = KME_HELLO, .version = 1, .site = 'B'},
	        {.type = KME_CLIENT_HELLO, .version = 7},
	        {.type = KME_ENC, .request = 9, .number = 256},
	        {.type = KME_DEC, .request = 9, .number = 3, .entries = ids},
	        {.type = KME_DEC, .request = UINT32_MAX, .number = KME_KEYS_MAX, .entries = ids},
	        {.type = KME_KEYS, .request = 1, .number = KME_KEYS_MAX, .entries = entries},
	        {.type = KME_KEYS, .request = 1, .number = 1, .entries = entries},
	        {.type = KME_STATUS, .light = KME_LIGHT_REAL, .most = 1},
	        {.type = KME_FAILED, .fault = KME_BUSY, .wait_ms = 5000, .text = "empty"},
	        {.type = KME_FAILED, .request = 4, .fault = KME_UNREACHABLE},
	};

	fill(ids, KME_KEYS_MAX, KME_ID_BYTES);
	fill(entries, KME_KEYS_MAX, KME_ENTRY_BYTES);
	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++)
		check_both_ways(&m[i]);
}

static void refused(const void *bytes, size_t n)
{
	struct kme_message m;
	uint8_t *exact = malloc(n > 0 ? n : 1);

	memcpy(exact, bytes, n);
	CU_ASSERT_EQUAL(kme_decode(exact, n, &m), -EPROTO);
	free(exact);
}

static void test_refuses(void)
{
	uint8_t id[KME_ID_BYTES];
	struct kme_message m = {.type = KME_DEC, .request = 1, .number = 1, .entries = id};

	refused("", 0);
	refused("\x00", 1);
	refused("\x04\x00\x01", 3);                                  /* no such type */
	refused("\x01\x00\x01\x43", 4);                              /* site C */
	refused("\x02\x00\x00\x00\x00\x00\x05", 7);                  /* request 0 */
	refused("\x02\x00\x00\x00\x01\x00\x00", 7);                  /* no key */
	refused("\x02\x00\x00\x00\x01\x01\x01", 7);                  /* 257 keys */
	refused("\x11\x03\x00\x00\x00\x00\x00\x01\x00\x00", 10);     /* light 3 */
	refused("\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00", 10);     /* no key in a request */
	refused("\x11\x00\x00\x00\x00\x00\x00\x01\x01\x07\x00", 11); /* a bell in a text */
	refused("\x11\x00\x00\x00\x00\x00\x00\x01\xff\x00", 10);     /* a text that is cut short */
	refused("\x13\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 11); /* fault 0 */
	refused("\x13\x00\x00\x00\x01\x05\x00\x00\x00\x00\x00", 11); /* fault 5 */
	for (unsigned int i = 0; i < KME_ID_BYTES; i++) {
		write_id(id, 1);
		CU_ASSERT_TRUE(kme_id_valid(id));
		id[i] = id[i] == '-' ? 'a' : i % 2 == 0 ? 'g' : '-';
		refused(packet, kme_encode(&m, packet));
	}
	memcpy(id, "550E8400-E29B-41D4-A716-446655440000", KME_ID_BYTES);
	CU_ASSERT_TRUE(kme_id_valid(id));
}

/* Bytes at random, and good packets with some of them changed. */
static void test_noise(void)
{
	static uint8_t ids[8 * KME_ID_BYTES];
	struct kme_message m = {.type = KME_DEC, .request = 1, .number = 8, .entries = ids}, out;
	struct kme_peer_message peer = {.type = KME_PEER_OFFER, .number = 8, .ids = ids}, back;
	unsigned int read = 0;

	fill(ids, 8, KME_ID_BYTES);
	for (unsigned int i = 0; i < 20000; i++) {
		size_t n = i % 3 == 0   ? dice(64)
		           : i % 3 == 1 ? kme_encode(&m, packet)
		                        : kme_peer_encode(&peer, packet);
		uint8_t *exact;

		if (i % 3 == 0) {
			for (size_t k = 0; k < n; k++)
				packet[k] = (uint8_t)dice(256);
			packet[0] = (uint8_t)dice(20);
		} else {
			packet[dice((uint32_t)n)] ^= (uint8_t)(1 << dice(8));
			n -= dice(2);
		}
		exact = malloc(n > 0 ? n : 1);
		memcpy(exact, packet, n);
		if (kme_decode(exact, n, &out) == 0) {
			read++;
			CU_ASSERT_EQUAL(kme_encode(&out, packet), n);
			CU_ASSERT_EQUAL(memcmp(exact, packet, n), 0);
		}
		if (kme_peer_decode(exact, n, &back) == 0) {
			read++;
			CU_ASSERT_EQUAL(kme_peer_encode(&back, packet), n);
		}
		free(exact);
	}
	CU_ASSERT(read > 100);
}

static void test_texts_are_clean(void)
{
	char text[KME_TEXT_MAX + 1], longest[300];

	kme_text_copy(text, "no\n\x1b[31m k\xc3\xa4y", 12);
	CU_ASSERT_STRING_EQUAL(text, "no??[31m k??");
	memset(longest, 'x', sizeof(longest));
	kme_text_copy(text, longest, sizeof(longest));
	CU_ASSERT_EQUAL(strlen(text), KME_TEXT_MAX);
}

UNIT_MAIN(UNIT(test_layout), UNIT(test_both_ways), UNIT(test_refuses), UNIT(test_noise),
          UNIT(test_texts_are_clean))
