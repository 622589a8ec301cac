/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/tls_psk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "common/secret.h"
#include "common/secret_file.h"

#define FILE_MOST     (512 << 10)
#define BINDER_SHA384 48

struct entry {
	char identity[HTTP_IDENTITY + 1];
	uint8_t key[TLS_PSK_MOST];
	size_t len;
};

struct tls_psk {
	size_t count;
	struct entry *entry; /* secret memory */
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

const uint8_t *tls_psk_find(const struct tls_psk *t, const char *identity, size_t n, size_t *len)
{
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		const struct entry *e = &t->entry[i];

		if (strlen(e->identity) != n || memcmp(e->identity, identity, n) != 0)
			continue;
		*len = e->len;
		return e->key;
	}
	return NULL;
}

static const char *parse_key(const char *hex, size_t n, struct entry *e)
{
	if (n % 2 != 0 || n < 2 * TLS_PSK_LEAST || n > 2 * TLS_PSK_MOST)
		return "the key has not 32 to 64 bytes in hexadecimal";
	for (size_t i = 0; i < n; i += 2) {
		int high = digit(hex[i]), low = digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return "the key is not hexadecimal";
		e->key[i / 2] = (uint8_t)(high << 4 | low);
	}
	e->len = n / 2;
	return NULL;
}

/* NULL, or what is wrong with the line of N bytes. */
static const char *parse_line(struct tls_psk *t, const char *line, size_t n)
{
	const char *colon = memrchr(line, ':', n), *fault;
	struct entry *e = &t->entry[t->count];
	size_t len;

	if (n == 0 || line[0] == '#')
		return NULL;
	if (colon == NULL)
		return "not IDENTITY:KEY";
	fault = http_identity_fault(line, (size_t)(colon - line));
	if (fault != NULL)
		return fault;
	if (tls_psk_find(t, line, (size_t)(colon - line), &len) != NULL)
		return "the identity has a key already";
	if (t->count == TLS_PSK_KEYS)
		return "more than 1024 keys";
	memcpy(e->identity, line, (size_t)(colon - line));
	e->identity[colon - line] = '\0';
	fault = parse_key(colon + 1, n - (size_t)(colon + 1 - line), e);
	if (fault == NULL)
		t->count++;
	return fault;
}

static int parse(struct tls_psk *t, const char *path, const char *text, size_t n, struct err *err)
{
	const char *end = text + n;

	for (unsigned int number = 1; text < end; number++) {
		const char *lf = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((lf != NULL ? lf : end) - text);
		const char *fault;

		if (len > 0 && text[len - 1] == '\r')
			fault = parse_line(t, text, len - 1);
		else
			fault = parse_line(t, text, len);
		if (fault != NULL)
			return err_set(err, EINVAL, "pre-shared keys %s: line %u: %s", path, number,
			               fault);
		text += len + 1;
	}
	if (t->count == 0)
		return err_set(err, EINVAL, "pre-shared keys %s: has none", path);
	return 0;
}

/* No more entries than there are lines. */
static size_t count_lines(const uint8_t *text, size_t n)
{
	size_t lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines < TLS_PSK_KEYS ? lines + 1 : TLS_PSK_KEYS + 1;
}

int tls_psk_load(const char *path, struct tls_psk **out, struct err *err)
{
	struct tls_psk *t = calloc(1, sizeof(*t));
	uint8_t *text = NULL;
	size_t n = 0;
	int rc;

	if (t == NULL)
		return err_set(err, ENOMEM, "pre-shared keys: out of memory");
	rc = secret_file_read(path, "pre-shared keys", 1, FILE_MOST, &text, &n, err);
	if (rc == 0) {
		t->entry = secret_alloc(count_lines(text, n) * sizeof(*t->entry));
		rc = t->entry == NULL
		             ? err_set(err, ENOMEM, "pre-shared keys: secret memory is full")
		             : parse(t, path, (const char *)text, n, err);
	}
	secret_free(text);
	if (rc != 0) {
		tls_psk_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void tls_psk_free(struct tls_psk *t)
{
	if (t == NULL)
		return;
	secret_free(t->entry);
	free(t);
}

/* The key of an identity that a client says, which becomes its name if it has the key. */
static const uint8_t *take(SSL *ssl, const char *identity, size_t n, size_t *len)
{
	struct tls_psk_peer *p = SSL_get_app_data(ssl);
	const uint8_t *key = tls_psk_find(p->keys(p->ctx), identity, n, len);

	if (key == NULL)
		return NULL;
	memcpy(p->identity, identity, n);
	p->identity[n] = '\0';
	SHA256(key, *len, p->digest);
	return key;
}

/* TLS 1.2, and of TLS 1.3 keys for SHA-256, which is what a key without a hash is for. */
static unsigned int on_identity(SSL *ssl, const char *identity, unsigned char *psk,
                                unsigned int room)
{
	size_t len;
	const uint8_t *key = take(ssl, identity, strlen(identity), &len);

	if (key == NULL || len > room)
		return 0;
	memcpy(psk, key, len);
	return (unsigned int)len;
}

/*
 * TLS 1.3 with SHA-384, as draft-cisco-skip-02 wants it. The hash of a key is agreed beforehand
 * (RFC 8446 section 4.2.11); here the length of the client's proof tells which one it took.
 */
static int on_session(SSL *ssl, const unsigned char *identity, size_t n, SSL_SESSION **out)
{
	static const unsigned char suite[] = {0x13, 0x02}; /* TLS_AES_256_GCM_SHA384 */
	struct tls_psk_peer *p = SSL_get_app_data(ssl);
	const uint8_t *key;
	size_t len;

	*out = NULL;
	if (p->binder != BINDER_SHA384)
		return 1;
	key = take(ssl, (const char *)identity, n, &len);
	if (key == NULL)
		return 1;
	*out = SSL_SESSION_new();
	if (*out != NULL && SSL_SESSION_set1_master_key(*out, key, len) == 1 &&
	    SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite)) == 1 &&
	    SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION) == 1)
		return 1;
	SSL_SESSION_free(*out);
	*out = NULL;
	return 0;
}

/* The first proof in extension pre_shared_key: behind the identities, each with its length. */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_psk_peer *p = SSL_get_app_data(ssl);
	const unsigned char *ext;
	size_t n, identities;

	p->binder = 0;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &ext, &n) != 1 || n < 2)
		return SSL_CLIENT_HELLO_SUCCESS;
	identities = (size_t)ext[0] << 8 | ext[1];
	/* Two bytes are the length of all proofs, then comes that of the first one. */
	if (n > 2 + identities + 2)
		p->binder = ext[2 + identities + 2];
	/* While this is set the library would choose a suite with SHA-256, which does not fit. */
	if (p->binder == BINDER_SHA384)
		SSL_set_psk_server_callback(ssl, NULL);
	return SSL_CLIENT_HELLO_SUCCESS;
}

bool tls_psk_set_up(SSL_CTX *ssl)
{
	/* Without a certificate of our own no handshake ends but by a key. */
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_client_hello_cb(ssl, on_hello, NULL);
	SSL_CTX_set_psk_server_callback(ssl, on_identity);
	SSL_CTX_set_psk_find_session_callback(ssl, on_session);
	SSL_CTX_set_dh_auto(ssl, 1);
	return SSL_CTX_set_cipher_list(ssl, "DHE-PSK-AES256-GCM-SHA384:"
	                                    "ECDHE-PSK-CHACHA20-POLY1305:"
	                                    "PSK-AES256-GCM-SHA384") == 1;
}

bool tls_psk_peer_check(const struct tls_psk *t, const struct tls_psk_peer *p)
{
	uint8_t digest[TLS_PSK_DIGEST];
	size_t len;
	const uint8_t *key = tls_psk_find(t, p->identity, strlen(p->identity), &len);

	if (key == NULL || p->identity[0] == '\0')
		return false;
	SHA256(key, len, digest);
	return CRYPTO_memcmp(digest, p->digest, sizeof(digest)) == 0;
}
