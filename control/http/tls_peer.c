/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/tls_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define CHAIN_MOST    4 /* authorities between a client and one that we trust */
#define SECURITY_BITS 2 /* level: 112 bits, no SHA-1 (SSL_CTX_set_security_level(3)) */

struct tls_trust {
	X509_STORE *store;
	enum tls_identity identity;
	bool crl;
	time_t crl_until; /* the first of the lists that must be renewed */
};

time_t tls_time(const ASN1_TIME *t)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	return timegm(&tm);
}

/* What is next in BIO, in a PEM file of certificates or lists; false at its end. */
static bool next(BIO *bio, bool lists, X509 **cert, X509_CRL **crl)
{
	if (lists)
		*crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	else
		*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	return *cert != NULL || *crl != NULL;
}

static int add(struct tls_trust *t, X509 *cert, X509_CRL *crl)
{
	if (cert != NULL)
		return X509_STORE_add_cert(t->store, cert);
	if (X509_CRL_get0_nextUpdate(crl) != NULL) {
		time_t until = tls_time(X509_CRL_get0_nextUpdate(crl));

		if (until < t->crl_until)
			t->crl_until = until;
	}
	return X509_STORE_add_crl(t->store, crl);
}

static int load(struct tls_trust *t, const char *path, bool lists, struct err *err)
{
	const char *what = lists ? "revocation lists" : "authorities";
	BIO *bio = BIO_new_file(path, "r");
	X509 *cert = NULL;
	X509_CRL *crl = NULL;
	unsigned int count = 0;
	int rc = 0;

	if (bio == NULL) {
		ERR_clear_error();
		return err_set(err, errno != 0 ? errno : EIO, "%s %s: %s", what, path,
		               strerror(errno));
	}
	while (rc == 0 && next(bio, lists, &cert, &crl)) {
		if (add(t, cert, crl) != 1)
			rc = err_set(err, EINVAL, "%s %s: number %u cannot be taken", what, path,
			             count + 1);
		X509_free(cert);
		X509_CRL_free(crl);
		cert = NULL;
		crl = NULL;
		count++;
	}
	/* The end of the file is an error of its own kind, all others are damage. */
	if (rc == 0 && (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		rc = err_set(err, EINVAL, "%s %s: %s in PEM", what, path,
		             count == 0 ? "has none" : "is damaged behind those that are read");
	if (rc == 0 && !lists && t->identity == TLS_SERIAL && count > 1)
		rc = err_set(err, EINVAL,
		             "%s %s: has %u, and identity by serial number takes one: two give the "
		             "same numbers",
		             what, path, count);
	ERR_clear_error();
	BIO_free(bio);
	return rc;
}

int tls_trust_load(const char *ca, const char *crl, enum tls_identity identity,
                   struct tls_trust **out, struct err *err)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return err_set(err, ENOMEM, "authorities: out of memory");
	t->identity = identity;
	t->crl = crl != NULL && crl[0] != '\0';
	t->crl_until = (time_t)INT64_MAX;
	t->store = X509_STORE_new();
	if (t->store == NULL)
		rc = err_set(err, ENOMEM, "authorities: out of memory");
	else
		rc = load(t, ca, false, err);
	if (rc == 0 && t->crl)
		rc = load(t, crl, true, err);
	if (rc != 0) {
		tls_trust_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void tls_trust_free(struct tls_trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	free(t);
}

STACK_OF(X509_NAME) * tls_trust_names(const struct tls_trust *t)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(t->store);

	for (int i = 0; names != NULL && i < sk_X509_OBJECT_num(objects); i++) {
		X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		X509_NAME *name;

		if (cert == NULL)
			continue;
		name = X509_NAME_dup(X509_get_subject_name(cert));
		if (name != NULL && sk_X509_NAME_push(names, name) == 0)
			X509_NAME_free(name);
	}
	return names;
}

static enum tls_refusal refusal_of(int code)
{
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TLS_PEER_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_PEER_EARLY;
	case X509_V_ERR_CERT_REVOKED:
		return TLS_PEER_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
		return TLS_PEER_NO_CRL;
	case X509_V_ERR_INVALID_PURPOSE:
		return TLS_PEER_PURPOSE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return TLS_PEER_WEAK;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return TLS_PEER_FOREIGN;
	default:
		return TLS_PEER_OTHER;
	}
}

static bool refuse(struct tls_verdict *out, enum tls_refusal refusal, const char *reason)
{
	out->refusal = refusal;
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
	return false;
}

/* The first end of what the verdict rests on. */
static time_t good_until(const struct tls_trust *t, STACK_OF(X509) * chain)
{
	time_t until = t->crl_until;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		time_t end = tls_time(X509_get0_notAfter(sk_X509_value(chain, i)));

		if (end < until)
			until = end;
	}
	return until;
}

static bool verify(const struct tls_trust *t, X509_STORE_CTX *ctx, X509 *cert, time_t now,
                   struct tls_verdict *out)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	const char *fault;

	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_MOST);
	X509_VERIFY_PARAM_set_time(param, now);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_BITS);
	if (t->crl)
		X509_VERIFY_PARAM_set_flags(param,
		                            X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	if (X509_verify_cert(ctx) != 1) {
		int code = X509_STORE_CTX_get_error(ctx);

		return refuse(out, refusal_of(code), X509_verify_cert_error_string(code));
	}
	fault = tls_identity_read(cert, t->identity, out->identity);
	if (fault != NULL) {
		out->identity[0] = '\0';
		return refuse(out, TLS_PEER_NAME, fault);
	}
	out->until = good_until(t, X509_STORE_CTX_get0_chain(ctx));
	return true;
}

bool tls_peer_verify(const struct tls_trust *t, X509 *cert, STACK_OF(X509) * chain, time_t now,
                     struct tls_verdict *out)
{
	X509_STORE_CTX *ctx;
	bool good;

	*out = (struct tls_verdict){0};
	if (cert == NULL)
		return refuse(out, TLS_PEER_NONE, "none was shown");
	ctx = X509_STORE_CTX_new();
	if (ctx == NULL || X509_STORE_CTX_init(ctx, t->store, cert, chain) != 1)
		good = refuse(out, TLS_PEER_OTHER, "out of memory");
	else
		good = verify(t, ctx, cert, now, out);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return good;
}
