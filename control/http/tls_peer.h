/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who a TLS client is: its certificate against our own authorities and revocation lists, and the
 * name in it. Verified here and not by the TLS library's defaults, so that a client that must be
 * refused can be told why in HTTP, and that a connection is verified anew after a reload.
 */

#ifndef CONTROL_HTTP_TLS_PEER_H
#define CONTROL_HTTP_TLS_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "common/err.h"
#include "control/http/identity.h"

enum tls_identity { TLS_SUBJECT_CN, TLS_SAN_URI, TLS_SERIAL };

/* Never changed once loaded: a reload makes another. */
struct tls_trust;

/*
 * The authorities of the PEM file CA, and the revocation lists of CRL (NULL or "": none). -EINVAL
 * when a file has none or another thing in it, and when TLS_SERIAL is asked for with more than one
 * authority: two give the same numbers.
 */
int tls_trust_load(const char *ca, const char *crl, enum tls_identity identity,
                   struct tls_trust **out, struct err *err);
void tls_trust_free(struct tls_trust *t);
/* Names of the authorities, which a server sends to its clients; a copy. */
STACK_OF(X509_NAME) * tls_trust_names(const struct tls_trust *t);

enum tls_refusal {
	TLS_PEER_GOOD,
	TLS_PEER_NONE,    /* no certificate */
	TLS_PEER_FOREIGN, /* not of our authorities, or a signature is wrong */
	TLS_PEER_EXPIRED,
	TLS_PEER_EARLY, /* not yet valid */
	TLS_PEER_REVOKED,
	TLS_PEER_NO_CRL,  /* no valid list of its authority */
	TLS_PEER_PURPOSE, /* not for TLS clients */
	TLS_PEER_NAME,    /* no name in it, two, or one that is none */
	TLS_PEER_WEAK,    /* a key or hash of too few bits */
	TLS_PEER_OTHER,
	TLS_PEER_REFUSALS
};

struct tls_verdict {
	enum tls_refusal refusal;
	char reason[160];                 /* in words, "" when it is good */
	char identity[HTTP_IDENTITY + 1]; /* when it is good */
	time_t until; /* good before then, by the clocks in certificates and lists */
};

/*
 * Verify CERT (NULL: none), issued by way of CHAIN (may be NULL), at the time NOW. True when it is
 * good. That the client has its key is for TLS to prove.
 */
bool tls_peer_verify(const struct tls_trust *t, X509 *cert, STACK_OF(X509) * chain, time_t now,
                     struct tls_verdict *out);

/*
 * The name in CERT by IDENTITY into OUT: NULL, or what is wrong with it. A name has one place to
 * be, once, without nulls and control characters, which programs read in different ways.
 */
const char *tls_identity_read(const X509 *cert, enum tls_identity identity,
                              char out[HTTP_IDENTITY + 1]);

/* T as time_t; -1 when it is no time. */
time_t tls_time(const ASN1_TIME *t);

#endif
