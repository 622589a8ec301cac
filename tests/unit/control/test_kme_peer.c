/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_peer.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static const uint8_t ids[2 * KME_ID_BYTES + 1] = "550e8400-e29b-41d4-a716-446655440000"
                                                 "550e8400-e29b-41d4-a716-446655440001";
static uint8_t bytes[KME_PEER_MAX + 1];

static void check_both_ways(const struct kme_peer_message *m, size_t len)
{
	struct kme_peer_message back;
	size_t n = kme_peer_encode(m, bytes);

	CU_ASSERT_EQUAL(n, len);
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, n, &back), 0);
	CU_ASSERT_EQUAL(back.type, m->type);
	CU_ASSERT_EQUAL(back.version, m->version);
	CU_ASSERT_EQUAL(back.ready, m->ready);
	CU_ASSERT_EQUAL(back.most, m->most);
	CU_ASSERT_EQUAL(back.number, m->number);
	CU_ASSERT_EQUAL(memcmp(back.block, m->block, sizeof(m->block)), 0);
	CU_ASSERT_EQUAL(memcmp(back.mac, m->mac, sizeof(m->mac)), 0);
	CU_ASSERT_EQUAL(back.fault, m->fault);
	CU_ASSERT_STRING_EQUAL(back.text, m->text);
	if (m->number > 0)
		CU_ASSERT_EQUAL(memcmp(back.ids, m->ids, (size_t)m->number * KME_ID_BYTES), 0);
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, n - 1, &back), -EPROTO);
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, n + 1, &back), -EPROTO);
}

static void test_both_ways(void)
{
	struct kme_peer_message m = {
	        .type = KME_PEER_READY, .version = 1, .ready = true, .most = 128};

	check_both_ways(&m, 5);
	m = (struct kme_peer_message){.type = KME_PEER_OFFER, .number = 2, .ids = ids};
	check_both_ways(&m, 3 + 72);
	m = (struct kme_peer_message){
	        .type = KME_PEER_HAVE, .block = "a block's name", .mac = "hash"};
	check_both_ways(&m, 33);
	m.type = KME_PEER_DROP;
	memset(m.mac, 0, sizeof(m.mac));
	check_both_ways(&m, 17);
	m.type = KME_PEER_REFUSED;
	m.fault = KME_REFUSED;
	strcpy(m.text, "one or more keys specified are not found on KME");
	check_both_ways(&m, 19 + 47);
}

static void test_refuses(void)
{
	struct kme_peer_message m = {.type = KME_PEER_OFFER, .number = 2, .ids = ids};
	size_t n = kme_peer_encode(&m, bytes);

	bytes[3 + KME_ID_BYTES] = 'z';
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, n, &m), -EPROTO);
	bytes[2] = 0;
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, 3, &m), -EPROTO);
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, 0, &m), -EPROTO);
	CU_ASSERT_EQUAL(kme_peer_decode((const uint8_t *)"\x01\x01\x02\x00\x01", 5, &m), -EPROTO);
	m = (struct kme_peer_message){.type = KME_PEER_REFUSED, .fault = KME_BUSY};
	n = kme_peer_encode(&m, bytes);
	bytes[17]++;
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, n, &m), -EPROTO);
	bytes[0] = 9;
	CU_ASSERT_EQUAL(kme_peer_decode(bytes, 33, &m), -EPROTO);
}

/* The same at both ends, another for other keys or another order. */
static void test_names(void)
{
	uint8_t a[KME_BLOCK_BYTES], b[KME_BLOCK_BYTES], turned[2 * KME_ID_BYTES];

	kme_block_name(ids, 2, a);
	kme_block_name(ids, 2, b);
	CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	kme_block_name(ids, 1, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	memcpy(turned, ids + KME_ID_BYTES, KME_ID_BYTES);
	memcpy(turned + KME_ID_BYTES, ids, KME_ID_BYTES);
	kme_block_name(turned, 2, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
}

UNIT_MAIN(UNIT(test_both_ways), UNIT(test_refuses), UNIT(test_names))
