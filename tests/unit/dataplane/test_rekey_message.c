/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey_message.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct rekey_message sample(enum rekey_type type)
{
	struct rekey_message m = {
	        .type = type, .generation = 0x0102030405060708, .current = 0x1112131415161718};

	if (type == REKEY_OFFER) {
		m.cause = REKEY_BY_PACKETS;
		m.source = REKEY_FROM_STORE;
		memset(m.key.block, 0xb1, sizeof(m.key.block));
		m.key.index = 77;
	}
	if (type == REKEY_OFFER || type == REKEY_ACCEPT) {
		memset(m.nonce, 0x4e, sizeof(m.nonce));
		m.subs = TUNNEL_SUBS_MAX;
		m.spi_base = 0x12345640;
	}
	if (type == REKEY_REJECT)
		m.reason = REKEY_RATCHET_EXPIRED;
	if (type == REKEY_REQUEST)
		m.cause = REKEY_BY_BYTES;
	return m;
}

static struct rekey_message ratchet_offer(void)
{
	struct rekey_message m = sample(REKEY_OFFER);

	memset(&m.key, 0, sizeof(m.key));
	m.source = REKEY_FROM_RATCHET;
	m.ratchet_base = 0x2122232425262728;
	m.ratchet_step = 9;
	return m;
}

static struct rekey_message hybrid(enum rekey_type type)
{
	static uint8_t kem[MLKEM_KEY_BYTES];
	struct rekey_message m = sample(type);

	for (size_t i = 0; i < sizeof(kem); i++)
		kem[i] = (uint8_t)(i * 37 + i / 256);
	m.kem = kem;
	if (type == REKEY_OFFER)
		m.source = REKEY_FROM_HYBRID;
	else
		memset(m.confirm, 0xc0, sizeof(m.confirm));
	return m;
}

static void check_round_trip(const struct rekey_message *m)
{
	struct rekey_message back;
	uint8_t buf[REKEY_MESSAGE_MAX + 1] = {0};
	size_t len = rekey_encode(m, buf);

	CU_ASSERT(len <= REKEY_MESSAGE_MAX);
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), 0);
	CU_ASSERT_EQUAL(m->kem == NULL, back.kem == NULL);
	if (m->kem != NULL && back.kem != NULL) {
		size_t n = m->type == REKEY_OFFER ? MLKEM_KEY_BYTES : MLKEM_CIPHERTEXT_BYTES;

		CU_ASSERT_FATAL(back.kem >= buf && back.kem + n <= buf + len);
		CU_ASSERT_EQUAL(memcmp(m->kem, back.kem, n), 0);
	}
	back.kem = m->kem;
	CU_ASSERT_EQUAL(memcmp(m, &back, sizeof(*m)), 0);
	for (size_t cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(rekey_decode(buf, cut, &back), -EPROTO);
	CU_ASSERT_EQUAL(rekey_decode(buf, len + 1, &back), -EPROTO);
}

static void test_round_trip_and_every_cut(void)
{
	struct rekey_message m;

	for (enum rekey_type type = REKEY_OFFER; type <= REKEY_REQUEST; type++) {
		m = sample(type);
		check_round_trip(&m);
	}
	m = ratchet_offer();
	check_round_trip(&m);
	m = hybrid(REKEY_OFFER);
	check_round_trip(&m);
	m = hybrid(REKEY_ACCEPT);
	check_round_trip(&m);
}

/* Version 3 is for what has ML-KEM in it, and for that alone. */
static void test_hybrid_is_a_version_of_its_own(void)
{
	struct rekey_message m = hybrid(REKEY_OFFER), back;
	uint8_t buf[REKEY_MESSAGE_MAX];
	size_t len = rekey_encode(&m, buf);

	CU_ASSERT_EQUAL(buf[0], REKEY_VERSION_HYBRID);
	buf[0] = REKEY_VERSION;
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	m = hybrid(REKEY_ACCEPT);
	len = rekey_encode(&m, buf);
	buf[0] = REKEY_VERSION;
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	for (enum rekey_type type = REKEY_OFFER; type <= REKEY_REQUEST; type++) {
		m = sample(type);
		len = rekey_encode(&m, buf);
		CU_ASSERT_EQUAL(buf[0], REKEY_VERSION);
		buf[0] = REKEY_VERSION_HYBRID;
		CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
	}
}

static void check_refused(const struct rekey_message *m)
{
	struct rekey_message back;
	uint8_t buf[REKEY_MESSAGE_MAX];
	size_t len = rekey_encode(m, buf);

	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTO);
}

static void test_bad_fields(void)
{
	struct rekey_message m = sample(REKEY_ACCEPT);

	m.spi_base = 192; /* reserved */
	check_refused(&m);
	m.spi_base = 0x12345641; /* not sub-SA 0 */
	check_refused(&m);
	m = sample(REKEY_ACCEPT);
	m.subs = 0;
	check_refused(&m);
	m.subs = TUNNEL_SUBS_MAX + 1;
	check_refused(&m);
	m = sample(REKEY_OFFER);
	m.generation = 0;
	check_refused(&m);
	m = sample(REKEY_OFFER);
	m.cause = REKEY_BY_NONE;
	check_refused(&m);
	m = sample(REKEY_REQUEST);
	m.cause = (enum rekey_cause)(REKEY_BY_RETRY + 1);
	check_refused(&m);
	m = ratchet_offer();
	m.ratchet_step = 0;
	check_refused(&m);
	m = ratchet_offer();
	m.ratchet_base = 0;
	check_refused(&m);
	m = ratchet_offer();
	m.source = (enum rekey_source)4;
	check_refused(&m);
	m = sample(REKEY_REJECT);
	m.reason = (enum rekey_reason)REKEY_REASONS;
	check_refused(&m);
	m = sample(REKEY_CONFIRM);
	m.type = (enum rekey_type)7;
	check_refused(&m);
}

static void test_another_version_names_itself(void)
{
	struct rekey_message m = sample(REKEY_OFFER), back;
	uint8_t buf[REKEY_MESSAGE_MAX];
	size_t len = rekey_encode(&m, buf);

	buf[0] = REKEY_VERSION_HYBRID + 1;
	CU_ASSERT_EQUAL(rekey_decode(buf, len, &back), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(back.type, REKEY_OFFER);
	CU_ASSERT_EQUAL(back.generation, m.generation);
}

static void test_names(void)
{
	for (enum rekey_reason r = REKEY_KEY_UNKNOWN; r < REKEY_REASONS; r++)
		CU_ASSERT(strlen(rekey_reason_name(r)) > 0);
	CU_ASSERT_STRING_EQUAL(rekey_reason_name((enum rekey_reason)0), "");
	CU_ASSERT_STRING_EQUAL(rekey_reason_name(REKEY_REASONS), "");
	CU_ASSERT_STRING_EQUAL(rekey_cause_name(REKEY_BY_SESSION), "session");
}

UNIT_MAIN(UNIT(test_round_trip_and_every_cut), UNIT(test_hybrid_is_a_version_of_its_own),
          UNIT(test_bad_fields), UNIT(test_another_version_names_itself), UNIT(test_names))
