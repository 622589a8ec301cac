/* SPDX-License-Identifier: BSD-3-Clause */

/* Certificates and revocation lists as a test wants them, in memory and as files. */

#ifndef TESTS_UNIT_CONTROL_HTTP_CERTIFICATES_H
#define TESTS_UNIT_CONTROL_HTTP_CERTIFICATES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tests/unit/unit.h"

#define DAY 86400

struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

/* What a certificate says; zero: a client "sae" of now, for 30 days. */
struct says {
	const struct pair *issuer; /* NULL: itself */
	const char *cn[2];         /* NULL at the first: "sae"; "" for none */
	size_t cn_len[2];          /* 0: as strlen() says */
	int cn_type;               /* 0: UTF-8 */
	const char *uri[2];
	size_t uri_len;      /* of the first; 0: as strlen() says */
	const char *purpose; /* NULL: clientAuth; "": none is named */
	bool authority;
	time_t now;
	long from_days, to_days; /* both 0: yesterday to 30 days from now */
	const char *serial;      /* hexadecimal; NULL: the next */
	bool weak;               /* RSA of 1024 bits */
};

static inline void add_extension(X509 *cert, const struct pair *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer != NULL ? issuer->cert : cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static inline void add_uris(X509 *cert, const struct says *s)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	for (int i = 0; i < 2 && s->uri[i] != NULL; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		ASN1_STRING_set(text, s->uri[i],
		                i == 0 && s->uri_len > 0 ? (int)s->uri_len
		                                         : (int)strlen(s->uri[i]));
		GENERAL_NAME_set0_value(name, GEN_URI, text);
		sk_GENERAL_NAME_push(names, name);
	}
	X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
}

static inline void add_names(X509 *cert, const struct says *s)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	const char *first = s->cn[0] != NULL ? s->cn[0] : "sae";

	X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8,
	                           (const unsigned char *)"test", -1, -1, 0);
	for (int i = 0; i < 2; i++) {
		const char *cn = i == 0 ? first : s->cn[1];

		if (cn == NULL || (cn[0] == '\0' && s->cn_len[i] == 0))
			continue;
		/* As it stands, without a check of its characters. */
		CU_ASSERT_EQUAL(X509_NAME_add_entry_by_NID(
		                        subject, NID_commonName,
		                        s->cn_type != 0 ? s->cn_type : V_ASN1_UTF8STRING,
		                        (const unsigned char *)cn,
		                        s->cn_len[i] > 0 ? (int)s->cn_len[i] : (int)strlen(cn), -1,
		                        0),
		                1);
	}
	if (s->uri[0] != NULL)
		add_uris(cert, s);
}

static inline struct pair make_pair(const struct says *s)
{
	static long next = 0x1000;
	struct pair p = {.cert = X509_new(),
	                 .key = s->weak ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256")};
	time_t now = s->now != 0 ? s->now : time(NULL);
	bool set = s->from_days != 0 || s->to_days != 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p.key);
	X509_set_version(p.cert, X509_VERSION_3);
	if (s->serial != NULL) {
		BIGNUM *n = NULL;

		BN_hex2bn(&n, s->serial);
		BN_to_ASN1_INTEGER(n, X509_get_serialNumber(p.cert));
		BN_free(n);
	} else {
		ASN1_INTEGER_set(X509_get_serialNumber(p.cert), next++);
	}
	ASN1_TIME_set(X509_getm_notBefore(p.cert), now + (set ? s->from_days : -1) * DAY);
	ASN1_TIME_set(X509_getm_notAfter(p.cert), now + (set ? s->to_days : 30) * DAY);
	X509_set_pubkey(p.cert, p.key);
	add_names(p.cert, s);
	X509_set_issuer_name(p.cert,
	                     X509_get_subject_name(s->issuer != NULL ? s->issuer->cert : p.cert));
	add_extension(p.cert, s->issuer, NID_basic_constraints,
	              s->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(p.cert, s->issuer, NID_subject_key_identifier, "hash");
	if (s->authority)
		add_extension(p.cert, s->issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
	else if (s->purpose == NULL || s->purpose[0] != '\0')
		add_extension(p.cert, s->issuer, NID_ext_key_usage,
		              s->purpose != NULL ? s->purpose : "clientAuth");
	CU_ASSERT_TRUE(X509_sign(p.cert, s->issuer != NULL ? s->issuer->key : p.key, EVP_sha256()) >
	               0);
	return p;
}

static inline struct pair make_authority(const char *name, const struct pair *issuer)
{
	return make_pair(&(struct says){.cn = {name},
	                                .authority = true,
	                                .issuer = issuer,
	                                .from_days = -100,
	                                .to_days = 1000});
}

static inline void free_pair(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

/* A list of ISSUER, of yesterday and good for DAYS, with REVOKED (or NULL). */
static inline X509_CRL *make_crl(const struct pair *issuer, const X509 *revoked, long days)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert));
	ASN1_TIME_set(t, time(NULL) - 2 * DAY);
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked != NULL) {
		X509_REVOKED *r = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
	}
	ASN1_TIME_set(t, time(NULL) + days * DAY);
	X509_CRL_set1_nextUpdate(crl, t);
	ASN1_TIME_free(t);
	CU_ASSERT_TRUE(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	return crl;
}

/* Files of a folder of its own; FILES_PATH makes the name of one. */
static char files_folder[64];

static inline void files_begin(void)
{
	strcpy(files_folder, "/tmp/kms-files-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(files_folder));
}

static inline const char *files_path(const char *name)
{
	static char path[8][128];
	static unsigned int at;

	at = (at + 1) % 8;
	snprintf(path[at], sizeof(path[at]), "%s/%s", files_folder, name);
	return path[at];
}

static inline FILE *files_open(const char *name, const char *mode)
{
	FILE *f = fopen(files_path(name), mode);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fchmod(fileno(f), 0600);
	return f;
}

static inline void write_cert(const char *name, const X509 *cert, const char *mode)
{
	FILE *f = files_open(name, mode);

	PEM_write_X509(f, (X509 *)cert);
	fclose(f);
}

static inline void write_key(const char *name, const EVP_PKEY *key)
{
	FILE *f = files_open(name, "w");

	PEM_write_PrivateKey(f, (EVP_PKEY *)key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static inline void write_crl(const char *name, X509_CRL *crl, const char *mode)
{
	FILE *f = files_open(name, mode);

	PEM_write_X509_CRL(f, crl);
	X509_CRL_free(crl);
	fclose(f);
}

static inline void write_text(const char *name, const char *text)
{
	FILE *f = files_open(name, "w");

	fputs(text, f);
	fclose(f);
}

#endif
