/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_uuid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The low-level functions keep their state in a plain structure: it can lie in secret memory. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/secret.h"

#define KEY_BYTES   32
#define SECRET_MIN  32
#define ISSUE_BITS  26
#define PAIR_BITS   32
#define SAE_MAX     255 /* an SAE ID */
#define VERSION     8
#define VARIANT     2 /* RFC 9562 section 4.1: binary 10 */
#define TAG_MASK(n) (((uint64_t)1 << (n)) - 1)

/*
 * HMAC-SHA-256 (RFC 2104) with both padded keys hashed beforehand: two or three blocks a tag, a
 * tenth of what the library's HMAC() takes to look its algorithm up.
 */
struct mac {
	SHA256_CTX inner, outer;
};

struct key_uuid_keys {
	struct mac issue, pair;
	uint8_t link;
};

static void mac_init(struct mac *m, const uint8_t key[KEY_BYTES])
{
	uint8_t pad[SHA256_CBLOCK];

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = (i < KEY_BYTES ? key[i] : 0) ^ 0x36;
	SHA256_Init(&m->inner);
	SHA256_Update(&m->inner, pad, sizeof(pad));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&m->outer);
	SHA256_Update(&m->outer, pad, sizeof(pad));
	secret_wipe(pad, sizeof(pad));
}

/* Label, link: a key for each tag and link. */
static int derive(const uint8_t *secret, size_t n, const char *label, uint8_t link, struct mac *m)
{
	static const char salt[] = "lumengate kms v1";
	uint8_t info[64], key[KEY_BYTES];
	size_t len = strlen(label);
	int rc;

	memcpy(info, label, len);
	info[len] = link;
	rc = hkdf_sha256(secret, n, salt, sizeof(salt) - 1, info, len + 1, key, sizeof(key));
	if (rc == 0)
		mac_init(m, key);
	secret_wipe(key, sizeof(key));
	return rc;
}

struct key_uuid_keys *key_uuid_keys_new(const uint8_t *secret, size_t n, uint8_t link,
                                        struct err *err)
{
	struct key_uuid_keys *k;

	if (n < SECRET_MIN) {
		err_set(err, EINVAL, "secret of key identifiers: %zu bytes, not %d or more", n,
		        SECRET_MIN);
		return NULL;
	}
	k = secret_alloc(sizeof(*k));
	if (k == NULL) {
		err_set(err, ENOMEM, "keys of key identifiers: no secret memory left");
		return NULL;
	}
	k->link = link;
	if (derive(secret, n, "key identifier issue", link, &k->issue) < 0 ||
	    derive(secret, n, "key identifier pair", link, &k->pair) < 0) {
		err_set(err, EIO, "keys of key identifiers: OpenSSL refuses HKDF");
		key_uuid_keys_free(k);
		return NULL;
	}
	return k;
}

void key_uuid_keys_free(struct key_uuid_keys *k)
{
	secret_free(k);
}

/* The left BITS of HMAC-SHA-256. */
static uint64_t tag(const struct mac *m, const uint8_t *msg, size_t n, unsigned int bits)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	SHA256_CTX c = m->inner;

	SHA256_Update(&c, msg, n);
	SHA256_Final(hash, &c);
	c = m->outer;
	SHA256_Update(&c, hash, sizeof(hash));
	SHA256_Final(hash, &c);
	secret_wipe(&c, sizeof(c));
	return get_be64(hash) >> (64 - bits);
}

/* Each name with its length before it: no two pairs have the same bytes. */
static int pair_tag(const struct key_uuid_keys *k, uint64_t place, const char *master,
                    const char *slave, uint64_t *out)
{
	uint8_t msg[8 + 2 * (1 + SAE_MAX)];
	size_t m = strlen(master), s = strlen(slave);

	if (m > SAE_MAX || s > SAE_MAX)
		return -EINVAL;
	put_be64(msg, place);
	msg[8] = (uint8_t)m;
	memcpy(msg + 9, master, m);
	msg[9 + m] = (uint8_t)s;
	memcpy(msg + 10 + m, slave, s);
	*out = tag(&k->pair, msg, 10 + m + s, PAIR_BITS);
	return 0;
}

static uint64_t issue_tag(const struct key_uuid_keys *k, uint64_t place)
{
	uint8_t msg[8];

	put_be64(msg, place);
	return tag(&k->issue, msg, sizeof(msg), ISSUE_BITS);
}

static uint64_t place_pack(const struct key_uuid_place *p)
{
	return (uint64_t)p->link << 56 | (uint64_t)p->route << 52 | (uint64_t)p->class << 50 |
	       p->position << 8 | (uint64_t)(p->length - 1);
}

static void place_unpack(uint64_t v, struct key_uuid_place *p)
{
	p->link = (uint8_t)(v >> 56);
	p->route = v >> 52 & 0xf;
	p->class = v >> 50 & 3;
	p->position = v >> 8 & (KEY_UUID_POSITIONS - 1);
	p->length = (uint16_t)((v & 0xff) + 1);
}

/* Is PLACE within LINK and its streams? The last byte of the key too. */
static bool place_fits(const struct key_uuid_place *p, uint8_t link)
{
	uint64_t units = (p->length + KEY_UUID_UNIT - 1) / KEY_UUID_UNIT;

	return p->link == link && p->route <= KEY_UUID_ROUTE &&
	       (p->class == KEY_UUID_FROM_A || p->class == KEY_UUID_FROM_B) && p->length >= 1 &&
	       p->length <= KEY_UUID_LENGTH && p->position <= KEY_UUID_POSITIONS - units;
}

int key_uuid_issue(const struct key_uuid_keys *k, const struct key_uuid_place *place,
                   const char *master, const char *slave, uint8_t uuid[KEY_UUID_BYTES],
                   struct err *err)
{
	uint64_t v, issue, pair;

	if (!place_fits(place, k->link))
		return err_set(err, EINVAL,
		               "key identifier: link %u, route %u, class %u, position %llu, "
		               "length %u is outside link %u and its streams",
		               place->link, place->route, (unsigned int)place->class,
		               (unsigned long long)place->position, place->length, k->link);
	v = place_pack(place);
	issue = issue_tag(k, v);
	if (pair_tag(k, v, master, slave, &pair) < 0)
		return err_set(err, EINVAL, "key identifier: an SAE ID is longer than 255 bytes");
	put_be64(uuid, (v >> 16) << 16 | VERSION << 12 | (v >> 4 & 0xfff));
	put_be64(uuid + 8, (uint64_t)VARIANT << 62 | (v & 0xf) << 58 | issue << 32 | pair);
	return 0;
}

static uint64_t place_of(const uint8_t uuid[KEY_UUID_BYTES])
{
	uint64_t high = get_be64(uuid), low = get_be64(uuid + 8);

	return (high >> 16) << 16 | (high & 0xfff) << 4 | (low >> 58 & 0xf);
}

enum key_uuid_verdict key_uuid_check(const struct key_uuid_keys *k,
                                     const uint8_t uuid[KEY_UUID_BYTES], const char *master,
                                     const char *slave, struct key_uuid_place *place)
{
	uint64_t high = get_be64(uuid), low = get_be64(uuid + 8);
	uint64_t v = place_of(uuid);
	uint64_t issue_given = low >> 32 & TAG_MASK(ISSUE_BITS);
	uint64_t pair_given = low & TAG_MASK(PAIR_BITS);
	uint64_t issue = issue_tag(k, v), pair = 0;
	bool issued, ours;

	ours = pair_tag(k, v, master, slave, &pair) == 0;
	issued = bytes_equal_ct(&issue, &issue_given, sizeof(issue));
	ours &= bytes_equal_ct(&pair, &pair_given, sizeof(pair));
	place_unpack(v, place);
	issued &= (high >> 12 & 0xf) == VERSION && low >> 62 == VARIANT;
	issued &= place_fits(place, k->link);
	if (issued && ours)
		return KEY_UUID_GOOD;
	memset(place, 0, sizeof(*place));
	return issued ? KEY_UUID_OTHER_PAIR : KEY_UUID_NOT_ISSUED;
}

bool key_uuid_issued(const struct key_uuid_keys *k, const uint8_t uuid[KEY_UUID_BYTES],
                     struct key_uuid_place *place)
{
	/* An SAE ID is never empty: this asks for nobody's key. */
	if (key_uuid_check(k, uuid, "", "", place) == KEY_UUID_NOT_ISSUED)
		return false;
	place_unpack(place_of(uuid), place);
	return true;
}

void key_uuid_format(const uint8_t uuid[KEY_UUID_BYTES], char text[KEY_UUID_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < KEY_UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[uuid[i] >> 4];
		*text++ = digits[uuid[i] & 15];
	}
	*text = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int key_uuid_parse(const char *text, size_t len, uint8_t uuid[KEY_UUID_BYTES])
{
	uint8_t out[KEY_UUID_BYTES];
	size_t at = 0;

	if (len != KEY_UUID_TEXT)
		return -EINVAL;
	for (int i = 0; i < KEY_UUID_BYTES; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
			return -EINVAL;
		high = digit(text[at++]);
		low = digit(text[at++]);
		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(uuid, out, sizeof(out));
	return 0;
}
