/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A range of segments as both ends see it. Of key bytes a plain hash never leaves a process: what
 * is compared is HMAC-SHA-256 (RFC 2104) under a key that both have, of
 *
 *     "epoch", link, class, from 8, to 8, of each segment position 8, units 4, SHA-256 of its bytes
 *     "segment", link, class, the same of one
 */

#include <errno.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/bytes.h"
#include "control/kms/audit_state.h"

#define EACH 44
#define HEAD 23

int audit_list(struct kms_audit *a, enum key_uuid_class class, uint64_t from, uint64_t to,
               unsigned int max, struct epoch *out)
{
	const struct kms_audit_store *s = &a->config.store;
	struct kms_audit_segment *list = out->segment;
	unsigned int kept;
	uint64_t at = from;

	out->from = from;
	out->to = to;
	out->end = from;
	out->more = false;
	out->count = 0;
	for (;;) {
		int want = (int)(max + 1 - out->count);
		int n = s->list(s->ctx, a->link, class, at, list + out->count, want);

		if (n < 0) {
			audit_store_failed(a);
			return n;
		}
		/* Void ones and those behind TO go; the rest closes up. */
		kept = out->count;
		for (int i = 0; i < n; i++) {
			const struct kms_audit_segment one = list[out->count + (unsigned int)i];

			if (one.position >= to) {
				out->count = kept;
				return 0;
			}
			at = one.position + 1;
			if (one.voided)
				continue;
			if (kept == max) {
				/* No room for it: the range ends before. */
				out->more = true;
				out->to = one.position;
				out->count = kept;
				return 0;
			}
			list[kept++] = one;
			out->end = one.position + one.units;
		}
		out->count = kept;
		if (n < want)
			return 0;
	}
}

unsigned int audit_young(const struct kms_audit *a, const struct epoch *e)
{
	for (unsigned int i = 0; i < e->count; i++)
		if (e->segment[i].added_wall_ns + a->config.grace_ns > a->wall_ns)
			return i;
	return e->count;
}

static void put_segment(const struct kms_audit_segment *s, uint8_t *out)
{
	put_be64(out, s->position);
	put_be32(out + 8, s->units);
	memcpy(out + 12, s->hash, 32);
}

int audit_epoch_mac(const struct kms_audit *a, enum key_uuid_class class, const struct epoch *e,
                    uint8_t mac[32])
{
	static _Thread_local uint8_t text[HEAD + AUDIT_LISTED * EACH];
	size_t len = HEAD;

	memcpy(text, "epoch", 5);
	text[5] = a->link;
	text[6] = (uint8_t) class;
	put_be64(text + 7, e->from);
	put_be64(text + 15, e->to);
	for (unsigned int i = 0; i < e->count && i < AUDIT_LISTED; i++, len += EACH)
		put_segment(&e->segment[i], text + len);
	return HMAC(EVP_sha256(), a->key, AUDIT_KEY_BYTES, text, len, mac, NULL) == NULL ? -EIO : 0;
}

int audit_segment_mac(const struct kms_audit *a, enum key_uuid_class class,
                      const struct kms_audit_segment *s, uint8_t mac[AUDIT_MAC_BYTES])
{
	uint8_t text[9 + EACH] = "segment", whole[32];

	text[7] = a->link;
	text[8] = (uint8_t) class;
	put_segment(s, text + 9);
	if (HMAC(EVP_sha256(), a->key, AUDIT_KEY_BYTES, text, sizeof(text), whole, NULL) == NULL)
		return -EIO;
	memcpy(mac, whole, AUDIT_MAC_BYTES);
	return 0;
}
