/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Clients that prove who they are by a pre-shared key: encryptors that speak Cisco SKIP
 * (draft-cisco-skip-02 allows it beside certificates). A file has their keys, a line each:
 *
 *     IDENTITY:HEXADECIMAL
 */

#ifndef CONTROL_HTTP_TLS_PSK_H
#define CONTROL_HTTP_TLS_PSK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "common/err.h"
#include "control/http/identity.h"

#define TLS_PSK_LEAST  32 /* bytes of a key */
#define TLS_PSK_MOST   64
#define TLS_PSK_KEYS   1024
#define TLS_PSK_DIGEST 32

struct tls_psk;

/* -EINVAL with the number of the line, never its words; or as secret_file_read(). */
int tls_psk_load(const char *path, struct tls_psk **out, struct err *err);
void tls_psk_free(struct tls_psk *t);

/* The key of an identity of N bytes, in secret memory of T; NULL: there is none. */
const uint8_t *tls_psk_find(const struct tls_psk *t, const char *identity, size_t n, size_t *len);

/* What is known of a client during the handshake, and after it. Zero but KEYS to begin with. */
struct tls_psk_peer {
	const struct tls_psk *(*keys)(void *ctx); /* those of now */
	void *ctx;
	size_t binder;                    /* bytes of its proof in TLS 1.3, by its hash */
	char identity[HTTP_IDENTITY + 1]; /* whose key it has, once the handshake is over */
	uint8_t digest[TLS_PSK_DIGEST];
};

/* SSL takes the keys of its peer, which SSL_set_app_data() gave to it. */
bool tls_psk_set_up(SSL_CTX *ssl);

/* Is the key that P was known by still its key? */
bool tls_psk_peer_check(const struct tls_psk *t, const struct tls_psk_peer *p);

#endif
