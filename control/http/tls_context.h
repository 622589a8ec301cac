/* SPDX-License-Identifier: BSD-3-Clause */

/* What TLS sessions of a server are made from: its certificate and key, whom it trusts. */

#ifndef CONTROL_HTTP_TLS_CONTEXT_H
#define CONTROL_HTTP_TLS_CONTEXT_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "common/err.h"
#include "control/http/tls_peer.h"
#include "control/http/tls_psk.h"

struct tls_files {
	/* "" or NULL: none */
	const char *certificate; /* PEM, with those of authorities behind it; none: no TLS */
	const char *key;         /* PEM, for its owner alone */
	const char *ca, *crl;    /* no CA: no client has a certificate */
	enum tls_identity identity;
	const char *psk; /* pre-shared keys, as tls_psk.h */
};

static inline bool tls_file_given(const char *path)
{
	return path != NULL && path[0] != '\0';
}

/* Never changed once loaded; a reload makes another. Counted references. */
struct tls_context {
	SSL_CTX *ssl;            /* NULL: no TLS */
	struct tls_trust *trust; /* NULL: no authorities */
	SSL_CTX *psk_ssl;        /* NULL: no pre-shared keys; nobody needs a certificate there */
	struct tls_psk *psk;
	time_t until; /* our own certificate's end, INT64_MAX without one */
	unsigned int references;
};

/*
 * TLS 1.2 and 1.3 with client certificates asked for, not demanded; no tickets, no resumption, no
 * renegotiation, no early data, plaintext wiped from the library's buffers. With ALPN, http/1.1 or
 * http/1.0, or the alert no_application_protocol. -EINVAL, -EACCES and the like name the file.
 */
int tls_context_load(const struct tls_files *files, struct tls_context **out, struct err *err);

/* Not for several threads at a time. */
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c);

#endif
