/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/link_record.h"

#include <errno.h>
#include <string.h>

#include "common/secret.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static const uint8_t key[SEAL_KEY_BYTES] = {1, 2, 3}, other_key[SEAL_KEY_BYTES] = {1, 2, 4};
static struct seal *seal;

static void ready(void)
{
	if (seal != NULL)
		return;
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 16, NULL), 0);
	seal = seal_new(key, "salt", 4, "test");
	CU_ASSERT_PTR_NOT_NULL_FATAL(seal);
}

static struct handover_message some(void)
{
	struct handover_message m = {.type = HANDOVER_HELLO};

	m.hello.site = 'B';
	m.hello.link = 7;
	m.hello.simulated = true;
	memset(m.hello.secret, 0x5c, sizeof(m.hello.secret));
	strcpy(m.hello.name, "demo");
	memset(m.hello.protocol, 'x', HANDOVER_TEXT_MAX);
	return m;
}

static void test_there_and_back(void)
{
	uint8_t first[KMS_LINK_RECORD_MAX], second[KMS_LINK_RECORD_MAX];
	struct handover_message m = some(), out;
	int n, again;

	ready();
	n = kms_link_record_write(seal, &m, first);
	again = kms_link_record_write(seal, &m, second);
	CU_ASSERT_FATAL(n > 0 && n <= KMS_LINK_RECORD_MAX);
	CU_ASSERT_EQUAL(n, again);
	/* A nonce of its own each time, and no secret in the open. */
	CU_ASSERT_NOT_EQUAL(memcmp(first, second, GCM_IV_BYTES), 0);
	CU_ASSERT_PTR_NULL(memmem(first, (size_t)n, m.hello.secret, 8));
	CU_ASSERT_EQUAL_FATAL(kms_link_record_read(seal, first, (size_t)n, &out), 0);
	CU_ASSERT_EQUAL(out.type, HANDOVER_HELLO);
	CU_ASSERT_EQUAL(out.hello.site, 'B');
	CU_ASSERT_EQUAL(out.hello.link, 7);
	CU_ASSERT_TRUE(out.hello.simulated);
	CU_ASSERT_EQUAL(memcmp(out.hello.secret, m.hello.secret, sizeof(m.hello.secret)), 0);
	CU_ASSERT_STRING_EQUAL(out.hello.name, "demo");
	CU_ASSERT_EQUAL(strlen(out.hello.protocol), HANDOVER_TEXT_MAX);
	m.type = HANDOVER_ROOM;
	CU_ASSERT_EQUAL(kms_link_record_write(seal, &m, first), -EINVAL);
}

/* Any byte that was changed, any length that was cut, and another storage key. */
static void test_damage(void)
{
	uint8_t data[KMS_LINK_RECORD_MAX];
	static const struct handover_message none;
	struct handover_message m = some(), out;
	struct seal *other;
	int n;

	ready();
	n = kms_link_record_write(seal, &m, data);
	CU_ASSERT_FATAL(n > 0);
	for (int i = 0; i < n; i++) {
		out = m;
		data[i] ^= (uint8_t)(1u << dice(8));
		CU_ASSERT_EQUAL(kms_link_record_read(seal, data, (size_t)n, &out), -EBADMSG);
		CU_ASSERT_EQUAL(memcmp(&out, &none, sizeof(out)), 0);
		n = kms_link_record_write(seal, &m, data);
	}
	for (int i = 0; i < n; i++)
		CU_ASSERT_EQUAL(kms_link_record_read(seal, data, (size_t)i, &out), -EBADMSG);
	CU_ASSERT_EQUAL(kms_link_record_read(seal, data, KMS_LINK_RECORD_MAX + 1, &out), -EBADMSG);
	other = seal_new(other_key, "salt", 4, "test");
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	CU_ASSERT_EQUAL(kms_link_record_read(other, data, (size_t)n, &out), -EBADMSG);
	seal_free(other);
}

UNIT_MAIN(UNIT(test_there_and_back), UNIT(test_damage))
