/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey_message.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct rekey_message sample(enum rekey_type type)
{
	struct rekey_message m = {.type = type, .generation = 0x0102030405060708};

	if (type == REKEY_OFFER) {
		memset(m.key.block, 0xb1, sizeof(m.key.block));
		m.key.index = 77;
	}
	if (type == REKEY_OFFER || type == REKEY_ACCEPT) {
		memset(m.nonce, 0x4e, sizeof(m.nonce));
		m.cores = 3;
		for (unsigned int i = 0; i < m.cores; i++)
			m.spi[i] = 0x12345640 + i;
	}
	if (type == REKEY_REJECT)
		m.reason = REKEY_KEY_USED;
	return m;
}

static void test_round_trip_and_every_cut(void)
{
	for (enum rekey_type type = REKEY_OFFER; type <= REKEY_REJECT; type++) {
		struct rekey_message m = sample(type), back;
		uint8_t buf[REKEY_MESSAGE_MAX + 1] = {0};
		size_t len = rekey_encode(&m, buf);

		CU_ASSERT(len <= REKEY_MESSAGE_MAX);
		CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), 0);
		CU_ASSERT_EQUAL(memcmp(&m, &back, sizeof(m)), 0);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(rekey_decode(buf, cut, &back), -EPROTO);
		CU_ASSERT_EQUAL(rekey_decode(buf, len + 1, &back), -EPROTO);
	}
}

static void test_bad_fields(void)
{
	struct rekey_message m = sample(REKEY_ACCEPT), back;
	uint8_t buf[REKEY_MESSAGE_MAX];
	size_t len;

	m.spi[1] = 255; /* reserved */
	len = rekey_encode(&m, buf);
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	m = sample(REKEY_ACCEPT);
	m.spi[1] = m.spi[2]; /* names another core */
	len = rekey_encode(&m, buf);
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	m = sample(REKEY_REJECT);
	m.reason = 99;
	len = rekey_encode(&m, buf);
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	buf[0] = 200;
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
}

UNIT_MAIN(UNIT(test_round_trip_and_every_cut), UNIT(test_bad_fields))
