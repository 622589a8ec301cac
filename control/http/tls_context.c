/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/tls_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define CLIENT_CHAIN_BYTES (32 << 10)

/* draft-cisco-skip-02 wants the first of TLS 1.3. */
static const char suites[] =
        "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
/* Of TLS 1.2 those with forward secrecy and AEAD alone. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* The first is there from OpenSSL 3.5 on. */
static const char groups_hybrid[] = "X25519MLKEM768:X25519:P-256:P-384";
static const char groups[] = "X25519:P-256:P-384";

/* Verified when the handshake is over: a refusal is an answer in HTTP. */
static int accept_any(X509_STORE_CTX *ctx, void *arg)
{
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* No terminal is asked for a passphrase. */
static int no_passphrase(char *buf, int size, int write, void *arg)
{
	return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
	unsigned char *chosen;

	/* RFC 7301 section 3.2: without overlap, the alert no_application_protocol. */
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int fail(struct err *err, const char *what, const char *path)
{
	unsigned long code = ERR_peek_error(); /* the innermost is the first */
	const char *reason = ERR_reason_error_string(code);
	int rc;

	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	rc = err_set(err, EINVAL, "%s %s: %s", what, path,
	             reason != NULL ? reason : "cannot be used");
	ERR_clear_error();
	return rc;
}

/* The library's own words for a file of something else say little. */
static int none(struct err *err, const char *what, const char *path)
{
	int lib = ERR_GET_LIB(ERR_peek_error());

	fail(err, what, path);
	if (lib != ERR_LIB_PEM && lib != ERR_LIB_OSSL_DECODER)
		return -EINVAL;
	return err_set(err, EINVAL, "%s %s: has none in PEM that can be read without a passphrase",
	               what, path);
}

static int check_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(err, errno, "private key %s: %s", path, strerror(errno));
	if ((st.st_mode & 077) != 0)
		return err_set(err, EACCES,
		               "private key %s: mode %03o lets others at it, make it 600", path,
		               st.st_mode & 0777);
	return 0;
}

static int load_own(const struct tls_files *files, struct tls_context *c, struct err *err)
{
	int rc = check_mode(files->key, err);

	if (rc != 0)
		return rc;
	if (SSL_CTX_use_certificate_chain_file(c->ssl, files->certificate) != 1)
		return none(err, "certificate", files->certificate);
	if (SSL_CTX_use_PrivateKey_file(c->ssl, files->key, SSL_FILETYPE_PEM) != 1)
		return none(err, "private key", files->key);
	if (SSL_CTX_check_private_key(c->ssl) != 1)
		return fail(err, "private key", files->key);
	c->until = tls_time(X509_get0_notAfter(SSL_CTX_get0_certificate(c->ssl)));
	return 0;
}

static bool set_up(SSL_CTX *ssl)
{
	/*
	 * A read returns when its buffer has been seen through, whatever was in it: a client that
	 * sends key updates without end must not keep the thread in one call.
	 */
	SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	                                 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	                                 SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Idle connections hold no buffers; a record is read with one call. */
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                              SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ssl, 1);
	/* A resumed session would bring a verdict of before the reload. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_max_early_data(ssl, 0);
	SSL_CTX_set_max_cert_list(ssl, CLIENT_CHAIN_BYTES);
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, accept_any, NULL);
	SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(ssl, suites) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, ciphers) == 1 &&
	       (SSL_CTX_set1_groups_list(ssl, groups_hybrid) == 1 ||
	        SSL_CTX_set1_groups_list(ssl, groups) == 1);
}

static int load_psk(const char *path, struct tls_context *c, struct err *err)
{
	int rc;

	if (!tls_file_given(path))
		return 0;
	rc = tls_psk_load(path, &c->psk, err);
	if (rc != 0)
		return rc;
	c->psk_ssl = SSL_CTX_new(TLS_server_method());
	if (c->psk_ssl == NULL || !set_up(c->psk_ssl) || !tls_psk_set_up(c->psk_ssl))
		return fail(err, "TLS", "library");
	return 0;
}

static int load_trust(const struct tls_files *files, struct tls_context *c, struct err *err)
{
	int rc;

	if (!tls_file_given(files->ca))
		return 0;
	rc = tls_trust_load(files->ca, files->crl, files->identity, &c->trust, err);
	if (rc == 0)
		SSL_CTX_set_client_CA_list(c->ssl, tls_trust_names(c->trust));
	return rc;
}

static int load(const struct tls_files *files, struct tls_context *c, struct err *err)
{
	int rc;

	c->ssl = SSL_CTX_new(TLS_server_method());
	if (c->ssl == NULL || !set_up(c->ssl))
		return fail(err, "TLS", "library");
	rc = load_trust(files, c, err);
	if (rc == 0)
		rc = load_own(files, c, err);
	if (rc == 0)
		rc = load_psk(files->psk, c, err);
	return rc;
}

int tls_context_load(const struct tls_files *files, struct tls_context **out, struct err *err)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(err, ENOMEM, "TLS: out of memory");
	c->references = 1;
	c->until = (time_t)INT64_MAX;
	rc = tls_file_given(files->certificate) ? load(files, c, err) : 0;
	if (rc != 0) {
		tls_context_unref(c);
		return rc;
	}
	ERR_clear_error();
	*out = c;
	return 0;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	c->references++;
	return c;
}

void tls_context_unref(struct tls_context *c)
{
	if (c == NULL || --c->references > 0)
		return;
	SSL_CTX_free(c->ssl);
	SSL_CTX_free(c->psk_ssl);
	tls_trust_free(c->trust);
	tls_psk_free(c->psk);
	free(c);
}
