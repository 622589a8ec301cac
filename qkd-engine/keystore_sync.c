/* SPDX-License-Identifier: BSD-3-Clause */

/* The two ends compare their stores at the start of a session. */

#include "qkd-engine/keystore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/keystore_block.h"

/* Record: identity 16, keyed hash 16, keys 4, bitmap (keys + 7) / 8. */
#define RECORD_HEAD 36

struct record {
	const uint8_t *id, *mac, *bitmap;
	uint32_t keys;
};

/* Under a key, since a plain hash in the clear would tell 128 bits about the key bytes. */
static int keyed_hash(const struct keystore *ks, const struct ks_block *b, uint8_t out[16])
{
	uint8_t name[sizeof(b->id) + sizeof(b->hash)];

	memcpy(name, b->id, sizeof(b->id));
	memcpy(name + sizeof(b->id), b->hash, sizeof(b->hash));
	return ks_mac(ks, name, sizeof(name), out);
}

int keystore_summary(struct keystore *ks, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = 0;

	for (const struct ks_block *b = ks->first; b != NULL; b = b->next) {
		size_t bitmap_bytes = (b->keys + 7) / 8;
		int rc;

		if (cap - n < RECORD_HEAD + bitmap_bytes)
			return -ENOSPC;
		memcpy(out + n, b->id, 16);
		rc = keyed_hash(ks, b, out + n + 16);
		if (rc < 0)
			return rc;
		put_be32(out + n + 32, b->keys);
		memcpy(out + n + RECORD_HEAD, b->bitmap, bitmap_bytes);
		n += RECORD_HEAD + bitmap_bytes;
	}
	*len = n;
	return 0;
}

/* The record at *AT, and *AT behind it; false when it is cut short. */
static bool next_record(const uint8_t **at, const uint8_t *end, struct record *r)
{
	const uint8_t *p = *at;

	if ((size_t)(end - p) < RECORD_HEAD)
		return false;
	*r = (struct record){
	        .id = p, .mac = p + 16, .keys = get_be32(p + 32), .bitmap = p + RECORD_HEAD};
	p += RECORD_HEAD;
	if (((uint64_t)r->keys + 7) / 8 > (uint64_t)(end - p))
		return false;
	*at = p + (r->keys + 7) / 8;
	return true;
}

static bool find_record(const uint8_t *peer, size_t len, const uint8_t id[16], struct record *r)
{
	const uint8_t *at = peer;

	while (at < peer + len)
		if (next_record(&at, peer + len, r) && memcmp(r->id, id, 16) == 0)
			return true;
	return false;
}

/* What the peer no longer has and is not about to name to us. */
static int void_used(struct keystore *ks, struct ks_block *b, const struct record *r,
                     struct err *err)
{
	uint8_t *mask = calloc(1, (b->keys + 7) / 8);
	int rc = 0;

	if (mask == NULL)
		return err_set(err, ENOMEM, "key store: out of memory");
	for (uint32_t i = 0; i < b->keys; i++) {
		enum key_class class = ks_class(b, i);

		if (ks_available(b, i) && !(r->bitmap[i / 8] >> (i % 8) & 1) &&
		    (class == KEY_REKEY || ks_spender(ks, class))) {
			mask[i / 8] |= (uint8_t)(1u << (i % 8));
			rc++;
		}
	}
	if (rc > 0)
		rc = ks_void_mask(ks, b, mask, err);
	free(mask);
	return rc;
}

int keystore_reconcile(struct keystore *ks, const uint8_t *peer, size_t len, uint64_t *voided,
                       struct err *err)
{
	const uint8_t *at = peer;
	uint64_t before = ks->voided;
	struct record r;
	int rc = 0;

	while (at < peer + len)
		if (!next_record(&at, peer + len, &r))
			return err_set(err, EPROTO, "key store: the peer's summary is cut short");
	for (struct ks_block *b = ks->first, *next; b != NULL && rc >= 0; b = next) {
		uint8_t mac[16];

		next = b->next;
		rc = keyed_hash(ks, b, mac);
		if (rc < 0)
			return err_set(err, -rc, "key store: OpenSSL refuses HMAC");
		/* A block of the other end that is used up is gone from its summary, too. */
		if (!find_record(peer, len, b->id, &r) && b->source == STORAGE_IMPORTED)
			continue; /* an operator imports at one end after the other */
		if (!find_record(peer, len, b->id, &r) || r.keys != b->keys ||
		    memcmp(r.mac, mac, 16) != 0)
			rc = ks_void_block(ks, b, err);
		else
			rc = void_used(ks, b, &r, err);
	}
	*voided = ks->voided - before;
	return rc < 0 ? rc : 0;
}
