/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a key delivery hears from its gateway, a gateway from its key delivery, and either from the
 * other site's: [whom 1, length 2, bytes] again and again. What is understood says the same when it
 * is said again; the store is asked for nothing out of range.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/kms/audit.h"
#include "control/kms/grant.h"
#include "control/kms/handover_wire.h"
#include "control/kms/peer_message.h"
#include "tests/fuzz/input.h"
#include "tests/unit/control/kms/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENTS 40
#define WALL     (UINT64_C(1800000000) * NS_PER_S)

static struct rows rows;
static bool void_of[2][SEGMENTS];

static void must(bool what)
{
	if (!what)
		abort();
}

static bool send_nothing(void *ctx, const uint8_t *msg, size_t len)
{
	(void)ctx;
	must(len > 0 && len <= HANDOVER_PEER_MAX && msg[0] != 0);
	return true;
}

/* Segment i begins at 100 i and has 64 units, in both streams. */
static int oldest(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t *position)
{
	(void)ctx;
	(void)link;
	(void)class;
	*position = 0;
	return 0;
}

static int list(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t from,
                struct kms_audit_segment *out, int max)
{
	int n = 0;

	(void)ctx;
	(void)link;
	for (uint64_t i = (from + 99) / 100; i < SEGMENTS && n < max; i++, n++) {
		out[n] = (struct kms_audit_segment){.position = 100 * i, .units = 64};
		out[n].voided = void_of[class == KEY_UUID_FROM_B][i];
	}
	return n;
}

static int void_range(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t position,
                      uint64_t units)
{
	(void)ctx;
	(void)link;
	must(position < KEY_UUID_POSITIONS && units > 0 && units <= HANDOVER_UNITS_MAX);
	for (uint64_t i = 0; i < SEGMENTS; i++)
		void_of[class == KEY_UUID_FROM_B][i] |=
		        100 * i >= position && 100 * i < position + units;
	return 1;
}

static int fetched(void *ctx, uint8_t link, enum key_uuid_class class, struct kms_audit_use *out,
                   int max)
{
	(void)ctx;
	(void)link;
	(void)class;
	must(max > 0);
	*out = (struct kms_audit_use){.position = 100, .units = 64, .bitmap = {7}};
	return 1;
}

static int used(void *ctx, uint8_t link, enum key_uuid_class class, const struct kms_audit_use *use,
                int n)
{
	(void)ctx;
	(void)link;
	(void)class;
	for (int i = 0; i < n; i++)
		must(use[i].position < KEY_UUID_POSITIONS && use[i].units > 0 &&
		     use[i].units <= HANDOVER_UNITS_MAX);
	return 0;
}

static int withdrawn(void *ctx, uint8_t link, struct kms_audit_range *out, int max)
{
	(void)ctx;
	(void)link;
	must(max > 0);
	*out = (struct kms_audit_range){1, 100, 3};
	return 1;
}

static int forget(void *ctx, const struct kms_audit_range *range, int n)
{
	(void)ctx;
	must(n == 1 && range->id == 1);
	return 0;
}

static int withdraw(void *ctx, uint8_t link, enum key_uuid_class class,
                    const struct kms_audit_range *range, int n)
{
	(void)ctx;
	(void)link;
	must(class == KEY_UUID_FROM_B && n > 0);
	for (int i = 0; i < n; i++)
		must(range[i].units > 0 && range[i].position < KEY_UUID_POSITIONS &&
		     range[i].units <= KEY_UUID_POSITIONS - range[i].position);
	return 0;
}

static void decode(const uint8_t *bytes, size_t len, bool gateway)
{
	static uint8_t again[HANDOVER_PACKET_MAX];
	struct handover_message m;

	if (handover_decode(bytes, len, gateway, &m) < 0)
		return;
	must(handover_encode(&m, again, sizeof(again)) == (int)len);
	must(memcmp(again, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = "a secret of fuzzers";
	static bool started;
	const struct kms_records records = {rows_write, rows_read, &rows};
	const struct kms_grants_config gc = {
	        .records = &records, .send = send_nothing, .keys_max = 64};
	const struct kms_audit_config ac = {.store = {oldest, list, void_range, fetched, used, used,
	                                              withdrawn, forget, withdraw, NULL},
	                                    .own = KEY_UUID_FROM_A,
	                                    .send = send_nothing,
	                                    .grace_ns = NS_PER_S};
	struct input in = {data, size};
	uint64_t now = 100 * NS_PER_S;
	struct kms_grants_stats stats;
	struct kms_grants *grants;
	struct kms_audit *audit;
	struct err err;

	if (!started)
		must(secret_init(1 << 16, &err) == 0);
	started = true;
	log_level_set("*", LOG_LEVEL_ERR);
	memset(void_of, 0, sizeof(void_of));
	must(kms_grants_new(&gc, WALL, &grants, &err) == 0);
	must(kms_audit_new(&ac, &audit, &err) == 0);
	must(kms_audit_link(audit, 1, secret, &err) == 0);
	kms_grants_session(grants, true);
	kms_audit_session(audit, true, now);
	while (in.left > 0) {
		uint8_t whom = take(&in) % 4;
		size_t len = (size_t)take(&in) << 8, n;
		uint8_t *bytes;

		len |= take(&in);
		n = len < in.left ? len : in.left;
		/* Of exactly the length that is told: reads beyond are seen. */
		bytes = malloc(n > 0 ? n : 1);
		memcpy(bytes, in.p, n);
		in.p += n;
		in.left -= n;
		if (whom < 2)
			decode(bytes, n, whom == 0);
		else if (whom == 2)
			kms_grants_receive(grants, bytes, n);
		else
			kms_audit_receive(audit, bytes, n);
		free(bytes);
		now += NS_PER_S;
		kms_grants_work(grants, now, WALL + now);
		kms_audit_work(audit, now, WALL + now);
	}
	kms_grants_stats_read(grants, &stats);
	must(stats.keys <= 64 && stats.grants == rows.count);
	kms_grants_free(grants);
	/* What was recorded is read again. */
	must(kms_grants_new(&gc, WALL, &grants, &err) == 0);
	kms_grants_free(grants);
	kms_audit_free(audit);
	must(secret_used() == 0);
	rows_clear(&rows);
	return 0;
}
