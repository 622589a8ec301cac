/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * key_ID of ETSI GS QKD 014: a UUID of version 8 (RFC 9562 section 5.8) from which the KME at
 * either end reads where the key lies, so that dec_keys at B may follow enc_keys at A before any
 * message between the KMEs. The 122 bits that the version and the variant leave are, from the left,
 *
 *     link 8 | route 4 | class 2 | position 42 | length 8 | issue tag 26 | pair tag 32
 *
 * The issue tag is a MAC over all that stands before it: an identifier that nobody issued passes
 * with a chance of 2^-26. The pair tag is one over that and both SAEs: who learns another pair's
 * identifier asks for its key with a chance of 2^-32, and may be locked out after a few. Both are
 * HMAC-SHA-256 (RFC 2104), cut. An identifier is no secret: it says where in the stream its key is.
 */

#ifndef CONTROL_KMS_KEY_UUID_H
#define CONTROL_KMS_KEY_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define KEY_UUID_BYTES     16
#define KEY_UUID_TEXT      36 /* without the null */
#define KEY_UUID_UNIT      8  /* bytes: a key begins at a multiple of this in its stream */
#define KEY_UUID_LENGTH    256
#define KEY_UUID_ROUTE     15
#define KEY_UUID_POSITIONS ((uint64_t)1 << 42)

/* Streams of keys that leave the gateway: given out at one end, fetched at the other. */
enum key_uuid_class { KEY_UUID_FROM_A = 2, KEY_UUID_FROM_B = 3 };

/* What an identifier says. */
struct key_uuid_place {
	uint8_t link;
	uint8_t route; /* 0: the link itself, no relay */
	enum key_uuid_class class;
	uint64_t position; /* of the first byte in the stream, in units of KEY_UUID_UNIT */
	uint16_t length;   /* bytes, 1 to KEY_UUID_LENGTH */
};

enum key_uuid_verdict {
	KEY_UUID_GOOD,
	KEY_UUID_NOT_ISSUED, /* no issuance can have made it: 400 */
	KEY_UUID_OTHER_PAIR, /* issued, but to other SAEs: 401 */
};

struct key_uuid_keys;

/*
 * The keys of the tags for a link, of SECRET that both ends share (32 bytes or more); it must live
 * as long as any identifier. In secret memory. NULL with ERR set when SECRET is short or there is
 * no room.
 */
struct key_uuid_keys *key_uuid_keys_new(const uint8_t *secret, size_t n, uint8_t link,
                                        struct err *err);
void key_uuid_keys_free(struct key_uuid_keys *k);

/*
 * The identifier of the key at PLACE that MASTER asked for, to share with SLAVE. The same arguments
 * give the same identifier: a PLACE must be used once. -EINVAL with ERR set when PLACE is not of
 * this link or out of range.
 */
int key_uuid_issue(const struct key_uuid_keys *k, const struct key_uuid_place *place,
                   const char *master, const char *slave, uint8_t uuid[KEY_UUID_BYTES],
                   struct err *err);

/*
 * Is UUID one that key_uuid_issue() made for this link and these SAEs? PLACE is set when it is
 * good, and zero else. Takes the same time whichever tag is wrong and wherever.
 */
enum key_uuid_verdict key_uuid_check(const struct key_uuid_keys *k,
                                     const uint8_t uuid[KEY_UUID_BYTES], const char *master,
                                     const char *slave, struct key_uuid_place *place);

/* Was UUID issued for this link, to whatever pair? PLACE as above. */
bool key_uuid_issued(const struct key_uuid_keys *k, const uint8_t uuid[KEY_UUID_BYTES],
                     struct key_uuid_place *place);

/* Five groups of lower-case digits, as RFC 9562 section 4 prints it. */
void key_uuid_format(const uint8_t uuid[KEY_UUID_BYTES], char text[KEY_UUID_TEXT + 1]);

/* Any UUID of that form, in letters of either case; -EINVAL for any other text. */
int key_uuid_parse(const char *text, size_t len, uint8_t uuid[KEY_UUID_BYTES]);

#endif
