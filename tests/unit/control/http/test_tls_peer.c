/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/tls_peer.h"
#include "tests/unit/control/http/certificates.h"
#include "tests/unit/remove_tree.h"

#include <errno.h>

static struct pair root;

static void begin(void)
{
	files_begin();
	root = make_authority("root", NULL);
	write_cert("ca.pem", root.cert, "w");
}

static void end(void)
{
	free_pair(&root);
	remove_tree(files_folder);
}

static struct tls_trust *load(const char *crl, enum tls_identity identity)
{
	struct tls_trust *t = NULL;
	struct err err = {0};
	int rc = tls_trust_load(files_path("ca.pem"), crl != NULL ? files_path(crl) : NULL,
	                        identity, &t, &err);

	if (rc != 0)
		printf("%s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	return t;
}

static void check(const struct tls_trust *t, const struct says *s, STACK_OF(X509) * chain,
                  enum tls_refusal refusal, const char *words)
{
	struct pair p = make_pair(s);
	struct tls_verdict v;
	bool good = tls_peer_verify(t, p.cert, chain, time(NULL), &v);

	if (good != (refusal == TLS_PEER_GOOD) || v.refusal != refusal ||
	    strcmp(good ? v.identity : "", good ? words : "") != 0 ||
	    (!good && strstr(v.reason, words) == NULL)) {
		printf("%d: %s %s\n", v.refusal, v.identity, v.reason);
		CU_FAIL("another verdict was expected");
	}
	free_pair(&p);
}

static void test_good(void)
{
	struct tls_trust *t;
	struct tls_verdict v;
	struct pair p;
	time_t end_s;

	begin();
	t = load(NULL, TLS_SUBJECT_CN);
	check(t, &(struct says){.issuer = &root}, NULL, TLS_PEER_GOOD, "sae");
	check(t, &(struct says){.issuer = &root, .cn = {"B\xc3\xbc"}}, NULL, TLS_PEER_GOOD,
	      "B\xc3\xbc");
	check(t, &(struct says){.issuer = &root, .purpose = ""}, NULL, TLS_PEER_GOOD, "sae");
	check(t, &(struct says){.issuer = &root, .purpose = "serverAuth,clientAuth"}, NULL,
	      TLS_PEER_GOOD, "sae");
	p = make_pair(&(struct says){.issuer = &root, .from_days = -1, .to_days = 7});
	CU_ASSERT_TRUE(tls_peer_verify(t, p.cert, NULL, time(NULL), &v));
	CU_ASSERT_EQUAL(v.until, tls_time(X509_get0_notAfter(p.cert)));
	end_s = v.until;
	CU_ASSERT_TRUE(tls_peer_verify(t, p.cert, NULL, end_s - 1, &v));
	CU_ASSERT_FALSE(tls_peer_verify(t, p.cert, NULL, end_s, &v));
	CU_ASSERT_EQUAL(v.refusal, TLS_PEER_EXPIRED);
	free_pair(&p);
	tls_trust_free(t);
	end();
}

static void test_bad(void)
{
	struct pair other, twin;
	struct tls_verdict v;
	struct tls_trust *t;

	begin();
	other = make_authority("other", NULL);
	twin = make_authority("root", NULL);
	t = load(NULL, TLS_SUBJECT_CN);
	CU_ASSERT_FALSE(tls_peer_verify(t, NULL, NULL, time(NULL), &v));
	CU_ASSERT_EQUAL(v.refusal, TLS_PEER_NONE);
	check(t, &(struct says){.issuer = &other}, NULL, TLS_PEER_FOREIGN, "issuer");
	check(t, &(struct says){.issuer = &twin}, NULL, TLS_PEER_FOREIGN, "");
	check(t, &(struct says){0}, NULL, TLS_PEER_FOREIGN, "self-signed");
	check(t, &(struct says){.issuer = &root, .from_days = -9, .to_days = -1}, NULL,
	      TLS_PEER_EXPIRED, "expired");
	check(t, &(struct says){.issuer = &root, .from_days = 1, .to_days = 9}, NULL,
	      TLS_PEER_EARLY, "not yet valid");
	check(t, &(struct says){.issuer = &root, .purpose = "serverAuth"}, NULL, TLS_PEER_PURPOSE,
	      "purpose");
	check(t, &(struct says){.issuer = &root, .purpose = "codeSigning"}, NULL, TLS_PEER_PURPOSE,
	      "purpose");
	check(t, &(struct says){.issuer = &root, .weak = true}, NULL, TLS_PEER_WEAK, "weak");
	free_pair(&other);
	free_pair(&twin);
	tls_trust_free(t);
	end();
}

static void test_common_names(void)
{
	const struct {
		struct says s;
		const char *why;
	} bad[] = {
	        {{.cn = {"sae\0.evil"}, .cn_len = {9}}, "control"},
	        {{.cn = {"\0"}, .cn_len = {1}}, "control"},
	        {{.cn = {"sae\n"}}, "control"},
	        {{.cn = {"sae\x7f"}}, "control"},
	        {{.cn = {"sae", "sae"}}, "two common names"},
	        {{.cn = {""}}, "no common name"},
	        /* Two bytes a character: a null is in each, and this one is a character. */
	        {{.cn = {"\0s\0\0"}, .cn_len = {4}, .cn_type = V_ASN1_BMPSTRING}, "control"},
	};
	struct tls_trust *t;

	begin();
	t = load(NULL, TLS_SUBJECT_CN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct says s = bad[i].s;

		s.issuer = &root;
		check(t, &s, NULL, TLS_PEER_NAME, bad[i].why);
	}
	check(t,
	      &(struct says){.issuer = &root,
	                     .cn = {"\0s\0a"},
	                     .cn_len = {4},
	                     .cn_type = V_ASN1_BMPSTRING},
	      NULL, TLS_PEER_GOOD, "sa");
	tls_trust_free(t);
	end();
}

static void test_uris(void)
{
	struct tls_trust *t;

	begin();
	t = load(NULL, TLS_SAN_URI);
	check(t, &(struct says){.issuer = &root, .uri = {"urn:sae:a"}}, NULL, TLS_PEER_GOOD,
	      "urn:sae:a");
	check(t, &(struct says){.issuer = &root}, NULL, TLS_PEER_NAME, "no alternative names");
	check(t, &(struct says){.issuer = &root, .uri = {"urn:sae:a", "urn:sae:a"}}, NULL,
	      TLS_PEER_NAME, "two URIs");
	check(t, &(struct says){.issuer = &root, .uri = {"urn:\0a"}, .uri_len = 6}, NULL,
	      TLS_PEER_NAME, "control");
	check(t, &(struct says){.issuer = &root, .uri = {""}}, NULL, TLS_PEER_NAME, "");
	tls_trust_free(t);
	end();
}

static void test_serials(void)
{
	struct pair other = make_authority("other", NULL);
	struct tls_trust *t;
	struct err err = {0};

	begin();
	t = load(NULL, TLS_SERIAL);
	check(t, &(struct says){.issuer = &root, .serial = "0A1B2c"}, NULL, TLS_PEER_GOOD,
	      "0A1B2C");
	check(t, &(struct says){.issuer = &root, .serial = "-5"}, NULL, TLS_PEER_NAME, "serial");
	tls_trust_free(t);
	t = NULL;
	write_cert("ca.pem", other.cert, "a");
	CU_ASSERT_EQUAL(tls_trust_load(files_path("ca.pem"), NULL, TLS_SERIAL, &t, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has 2"));
	CU_ASSERT_PTR_NULL(t);
	free_pair(&other);
	end();
}

static void test_chain(void)
{
	struct pair middle, leaf;
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct tls_trust *t;

	begin();
	middle = make_authority("middle", &root);
	leaf = make_pair(&(struct says){.issuer = &root});
	t = load(NULL, TLS_SUBJECT_CN);
	check(t, &(struct says){.issuer = &middle}, NULL, TLS_PEER_FOREIGN, "issuer");
	sk_X509_push(chain, middle.cert);
	check(t, &(struct says){.issuer = &middle}, chain, TLS_PEER_GOOD, "sae");
	/* Whoever has a certificate is no authority by that. */
	sk_X509_push(chain, leaf.cert);
	check(t, &(struct says){.issuer = &leaf}, chain, TLS_PEER_FOREIGN, "");
	sk_X509_free(chain);
	free_pair(&middle);
	free_pair(&leaf);
	tls_trust_free(t);
	end();
}

static void test_revoked(void)
{
	struct pair good, revoked, middle;
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct tls_trust *t;
	struct tls_verdict v;

	begin();
	good = make_pair(&(struct says){.issuer = &root});
	revoked = make_pair(&(struct says){.issuer = &root});
	middle = make_authority("middle", &root);
	write_crl("crl.pem", make_crl(&root, revoked.cert, 3), "w");
	t = load("crl.pem", TLS_SUBJECT_CN);
	CU_ASSERT_TRUE(tls_peer_verify(t, good.cert, NULL, time(NULL), &v));
	CU_ASSERT_TRUE(v.until <= time(NULL) + 3 * DAY + 1 && v.until > time(NULL) + 2 * DAY);
	CU_ASSERT_FALSE(tls_peer_verify(t, revoked.cert, NULL, time(NULL), &v));
	CU_ASSERT_EQUAL(v.refusal, TLS_PEER_REVOKED);
	/* The list has ended: nobody knows who is revoked since. */
	CU_ASSERT_FALSE(tls_peer_verify(t, good.cert, NULL, time(NULL) + 4 * DAY, &v));
	CU_ASSERT_EQUAL(v.refusal, TLS_PEER_NO_CRL);
	/* One of each authority is wanted. */
	sk_X509_push(chain, middle.cert);
	check(t, &(struct says){.issuer = &middle}, chain, TLS_PEER_NO_CRL, "CRL");
	tls_trust_free(t);
	write_crl("crl.pem", make_crl(&middle, NULL, 3), "a");
	t = load("crl.pem", TLS_SUBJECT_CN);
	check(t, &(struct says){.issuer = &middle}, chain, TLS_PEER_GOOD, "sae");
	tls_trust_free(t);
	/* The authority between is revoked. */
	write_crl("crl.pem", make_crl(&root, middle.cert, 3), "w");
	write_crl("crl.pem", make_crl(&middle, NULL, 3), "a");
	t = load("crl.pem", TLS_SUBJECT_CN);
	check(t, &(struct says){.issuer = &middle}, chain, TLS_PEER_REVOKED, "revoked");
	tls_trust_free(t);
	sk_X509_free(chain);
	free_pair(&good);
	free_pair(&revoked);
	free_pair(&middle);
	end();
}

static void check_files(const char *ca, const char *crl, const char *words)
{
	struct tls_trust *t = NULL;
	struct err err = {0};

	CU_ASSERT_NOT_EQUAL(tls_trust_load(files_path(ca), crl == NULL ? NULL : files_path(crl),
	                                   TLS_SUBJECT_CN, &t, &err),
	                    0);
	CU_ASSERT_PTR_NULL(t);
	if (strstr(err.text, words) == NULL) {
		printf("%s\n", err.text);
		CU_FAIL("another error was expected");
	}
}

static void test_files(void)
{
	begin();
	check_files("none.pem", NULL, "authorities /tmp/kms-files");
	check_files("none.pem", NULL, "No such file");
	write_text("empty.pem", "");
	check_files("empty.pem", NULL, "has none in PEM");
	write_text("text.pem", "hello\n");
	check_files("text.pem", NULL, "has none in PEM");
	check_files("ca.pem", "none.pem", "revocation lists");
	check_files("ca.pem", "ca.pem", "has none in PEM");
	write_cert("half.pem", root.cert, "w");
	fputs("-----BEGIN CERTIFICATE-----\nMIIB\n", files_open("half.pem", "a"));
	fflush(NULL);
	check_files("half.pem", NULL, "damaged");
	end();
}

UNIT_MAIN(UNIT(test_good), UNIT(test_bad), UNIT(test_common_names), UNIT(test_uris),
          UNIT(test_serials), UNIT(test_chain), UNIT(test_revoked), UNIT(test_files))
