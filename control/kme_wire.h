/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a gateway and its client of a foreign KME (ETSI GS QKD 014) say to each other: a message a
 * packet of a UNIX SOCK_SEQPACKET socket, integers big-endian. The client does one HTTP exchange
 * for a request and knows nothing else; when, how many and how often is the gateway's.
 *
 *   gateway -> client   1 HELLO   u16 version, u8 site 'A' or 'B'
 *                       2 ENC     u32 request, u16 number of keys
 *                       3 DEC     u32 request, u16 n, n * id[36]
 *   client -> gateway  16 HELLO   u16 version
 *                      17 STATUS  u8 light, u32 keys stored, u16 most in a request,
 *                                 u8 n + source_KME_ID, u8 n + target_KME_ID
 *                      18 KEYS    u32 request, u16 n, n * (id[36], key[32])
 *                      19 FAILED  u32 request (0: the status), u8 fault, u32 ms to wait, u8 n +
 * words
 *
 * A key_ID is the UUID as the KME wrote it, letter by letter. DEC's keys come back in the order of
 * the request. Texts are printable ASCII, at most KME_TEXT_MAX.
 */

#ifndef CONTROL_KME_WIRE_H
#define CONTROL_KME_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KME_VERSION     1
#define KME_KEYS_MAX    256 /* of one request */
#define KME_ID_BYTES    36
#define KME_KEY_BYTES   32
#define KME_ENTRY_BYTES (KME_ID_BYTES + KME_KEY_BYTES)
#define KME_TEXT_MAX    120
#define KME_PACKET_MAX  (7 + KME_KEYS_MAX * KME_ENTRY_BYTES)

enum kme_type {
	KME_HELLO = 1,
	KME_ENC = 2,
	KME_DEC = 3,
	KME_CLIENT_HELLO = 16,
	KME_STATUS = 17,
	KME_KEYS = 18,
	KME_FAILED = 19
};

/* Where the KME's keys come from, as far as it says so. */
enum kme_light { KME_LIGHT_UNKNOWN, KME_LIGHT_REAL, KME_LIGHT_SIMULATED, KME_LIGHTS };
const char *kme_light_name(enum kme_light light);

enum kme_fault {
	KME_UNREACHABLE = 1, /* no connection, TLS, time-out */
	KME_GARBLED,         /* an answer that the standard does not have */
	KME_REFUSED,         /* 4xx and what else is no success */
	KME_BUSY,            /* 503 */
	KME_FAULTS
};
const char *kme_fault_name(enum kme_fault fault);

struct kme_message {
	enum kme_type type;
	uint16_t version;
	char site; /* 'A', 'B' */
	uint32_t request;
	uint16_t number;        /* of keys or identifiers */
	const uint8_t *entries; /* DEC: number * KME_ID_BYTES; KEYS: number * KME_ENTRY_BYTES */
	enum kme_light light;
	uint32_t stored;
	uint16_t most; /* keys in a request, not 0 */
	char source[KME_TEXT_MAX + 1], target[KME_TEXT_MAX + 1];
	enum kme_fault fault;
	uint32_t wait_ms; /* 0: not said */
	char text[KME_TEXT_MAX + 1];
};

/* The bytes written to OUT, KME_PACKET_MAX at the most; KEYS is for secret memory. */
size_t kme_encode(const struct kme_message *m, uint8_t *out);

/* 0, or -EPROTO for anything that kme_encode() would not write; M points into MSG. */
int kme_decode(const uint8_t *msg, size_t len, struct kme_message *m);

/* 8-4-4-4-12 hexadecimal digits. */
bool kme_id_valid(const uint8_t id[KME_ID_BYTES]);

/* FROM's first KME_TEXT_MAX bytes, what is not printable ASCII replaced by '?'. */
void kme_text_copy(char to[KME_TEXT_MAX + 1], const char *from, size_t len);

#endif
