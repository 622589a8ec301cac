/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments that come. */

#include "control/kms/store_state.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/random.h"

static int refuse(const struct kms_segment *in, int code, struct err *err, const char *why)
{
	return err_set(err, code, STORE_WHAT ": segment at %llu of link %u: %s",
	               (unsigned long long)in->position, in->link, why);
}

static int check_fields(const struct kms_segment *in, struct err *err)
{
	uint8_t hash[32];

	if (in->class != KEY_UUID_FROM_A && in->class != KEY_UUID_FROM_B)
		return refuse(in, EINVAL, err, "its class is none that is delivered");
	if (in->route > KEY_UUID_ROUTE)
		return refuse(in, EINVAL, err, "its route is above 15");
	if (in->units == 0 || in->units > KMS_SEGMENT_UNITS)
		return refuse(in, EINVAL, err, "its length is not 1 to 4096 units");
	if (in->position >= KEY_UUID_POSITIONS || in->units > KEY_UUID_POSITIONS - in->position)
		return refuse(in, ERANGE, err, "the positions of the stream are used up");
	sha256(in->bytes, (size_t)in->units * KEY_UUID_UNIT, hash);
	if (!bytes_equal_ct(hash, in->hash, sizeof(hash)))
		return refuse(in, EBADMSG, err, "its bytes are not those of its hash");
	return 0;
}

static bool overlaps(uint64_t position, uint64_t units, const struct kms_segment *in)
{
	return position < in->position + in->units && in->position < position + units;
}

/* How old it is; by a clock that was set back since it was made it is new. */
static uint64_t old_ns(const struct kms_store *s, const struct kms_segment *in)
{
	uint64_t old = s->wall_ns > in->time_wall_ns ? s->wall_ns - in->time_wall_ns : 0;

	return old < s->age_ns ? old : s->age_ns;
}

/* SEG, which overlaps: the same, or other key at its place? */
static int against(const struct segment *seg, const struct kms_segment *in,
                   const uint8_t name[NAME_BYTES], struct err *err)
{
	if (seg->position == in->position && seg->units == in->units &&
	    bytes_equal_ct(seg->name, name, NAME_BYTES))
		return refuse(in, EEXIST, err, "it is here already");
	return refuse(in, ENOTUNIQ, err, "other key lies there");
}

/* Is the place free? */
static int check_place(struct kms_store *s, const struct stream *st, const struct kms_segment *in,
                       const uint8_t name[NAME_BYTES], struct err *err)
{
	size_t at = live_after(st, in->position);
	uint64_t end = in->position + in->units, covered = 0;

	if (at < st->live_count && overlaps(st->live[at]->position, st->live[at]->units, in))
		return against(st->live[at], in, name, err);
	for (const struct segment *seg = s->effects.added; seg != NULL; seg = seg->next_added)
		if (seg->stream == st && overlaps(seg->position, seg->units, in))
			return against(seg, in, name, err);
	for (at = gone_after(st, in->position); at < st->gone_count && st->gone[at].position < end;
	     at++) {
		const struct gone *g = &st->gone[at];
		uint64_t from = g->position > in->position ? g->position : in->position;
		uint64_t to = g->position + g->units < end ? g->position + g->units : end;

		if (g->state == KMS_SEGMENT_VOIDED)
			return refuse(in, ESTALE, err, "it was voided");
		covered += to - from;
	}
	for (const struct tombstone *t = s->effects.tombstones; t != NULL; t = t->next)
		if (t->stream == st && overlaps(t->gone.position, t->gone.units, in))
			return refuse(in, ESTALE, err, "it was voided");
	if (covered == in->units)
		return refuse(in, EEXIST, err, "it was here");
	if (covered > 0)
		return refuse(in, ENOTUNIQ, err, "other key was there");
	return 0;
}

static int make(struct kms_store *s, struct stream *st, const struct kms_segment *in,
                const uint8_t name[NAME_BYTES], struct err *err)
{
	struct segment *seg;
	int rc;

	if (stream_reserve(s, st) < 0)
		return refuse(in, ENOMEM, err, "out of memory");
	seg = segment_new(st, in->units);
	if (seg == NULL)
		return refuse(in, ENOMEM, err, "out of memory");
	if (bytes_set(seg, in->bytes) < 0) {
		segment_free(seg);
		return refuse(in, ENOMEM, err, "no secret memory left");
	}
	memcpy(seg->name, name, NAME_BYTES);
	random_bytes(seg->salt, SALT_BYTES);
	seg->position = in->position;
	seg->route = in->route;
	seg->simulated = in->simulated;
	seg->born_ns = s->age_ns - old_ns(s, in);
	for (uint32_t w = 0; !st->own && w < segment_words(in->units); w++)
		seg->live[w] = seg->kept[w] = range_mask(0, in->units, w);
	rc = row_add(s, seg, in, err);
	if (rc < 0) {
		segment_free(seg);
		return rc;
	}
	seg->next_added = s->effects.added;
	s->effects.added = seg;
	st->disk.came += seg->units;
	st->counts_touched = true;
	return 0;
}

static uint64_t held_with_added(struct kms_store *s, const struct stream *st)
{
	uint64_t units;

	store_lock(s);
	units = st->held;
	store_unlock(s);
	for (const struct segment *seg = s->effects.added; seg != NULL; seg = seg->next_added)
		units += seg->stream == st ? seg->units : 0;
	return units * KEY_UUID_UNIT;
}

int kms_store_add(struct kms_store *s, const struct kms_segment *in, struct err *err)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	struct stream *st;
	struct err own;
	struct txn t;
	int rc;

	if (err == NULL)
		err = &own;
	rc = check_fields(in, err);
	if (rc < 0)
		return rc;
	if (HMAC(EVP_sha256(), s->keys + SEAL_KEY_BYTES, 32, in->hash, 32, mac, NULL) == NULL)
		return refuse(in, EIO, err, "OpenSSL refuses HMAC");
	st = stream_make(s, in->link, in->class);
	if (st == NULL)
		return refuse(in, ENOMEM, err, "out of memory");
	rc = check_place(s, st, in, mac, err);
	if (rc < 0)
		return rc;
	if (s->config.ttl_s > 0 && old_ns(s, in) >= life_ns(s, st))
		return refuse(in, ESTALE, err, "it is older than the time to live");
	if (held_with_added(s, st) + (uint64_t)in->units * KEY_UUID_UNIT > s->config.max_bytes)
		return refuse(in, ENOSPC, err, "the stream is full");
	rc = txn_begin(s, &t, err);
	if (rc < 0)
		return rc;
	rc = make(s, st, in, mac, err);
	rc = txn_end(s, &t, rc, err);
	if (rc < 0 && rc != -ENOTUNIQ && rc != -ENOMEM)
		store_failed(s, err);
	return rc;
}
