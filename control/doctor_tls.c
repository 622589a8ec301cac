/* SPDX-License-Identifier: BSD-3-Clause */

/* Certificates in PEM: are they of now, do they hang together, is the private key theirs? */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "control/doctor.h"

#define SOON_DAYS 30 /* enough to get another one, and for two to have noticed */
#define CHAIN_MAX 10
#define DAY_S     86400

/* No terminal is asked for a passphrase. */
static int no_passphrase(char *buf, int size, int write, void *arg)
{
	return 0;
}

static void name_of(const X509 *cert, char out[96])
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int n = X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, out, 96);

	if (n <= 0)
		X509_NAME_oneline(name, out, 96);
	for (char *c = out; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

/* Days from now until WHEN; negative when it is over. */
static long days_until(const ASN1_TIME *when)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, when) != 1)
		return -1;
	return days < 0 || seconds < 0 ? days - (seconds < 0) : days;
}

/* The certificates of PATH, at most CHAIN_MAX; 0 with a finding when there are none. */
static unsigned int load(struct doctor *d, const char *check, const char *path,
                         X509 *out[CHAIN_MAX])
{
	char full[DOCTOR_PATH];
	FILE *f = fopen(doctor_path(d, path, full), "re");
	unsigned int n = 0;

	if (f == NULL) {
		struct doctor_check *c = doctor_unseen(d, check, path);

		if (c->level == DOCTOR_FAIL)
			doctor_advise(c, "put it there, in PEM");
		return 0;
	}
	while (n < CHAIN_MAX && (out[n] = PEM_read_X509(f, NULL, no_passphrase, NULL)) != NULL)
		n++;
	ERR_clear_error();
	fclose(f);
	if (n == 0)
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL, "%s: no certificate in PEM", path),
		              "openssl x509 -in it -text says what it is");
	return n;
}

static void unload(X509 *cert[CHAIN_MAX], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		X509_free(cert[i]);
}

/* A finding about the times of CERT, the end of a time that is near included; false: none. */
static bool times(struct doctor *d, const char *check, const char *path, const X509 *cert)
{
	long from = days_until(X509_get0_notBefore(cert)),
	     to = days_until(X509_get0_notAfter(cert));
	struct doctor_check *c;
	char name[96];

	name_of(cert, name);
	if (to < 0)
		c = doctor_add(d, check, DOCTOR_FAIL, "%s: %s expired %ld days ago", path, name,
		               -to);
	else if (from > 0)
		c = doctor_add(d, check, DOCTOR_FAIL, "%s: %s is valid in %ld days only", path,
		               name, from);
	else if (to < SOON_DAYS)
		c = doctor_add(d, check, DOCTOR_WARN, "%s: %s expires in %ld days", path, name, to);
	else
		return false;
	doctor_advise(c, from > 0 ? "is this machine's clock right?"
	                          : "put a new one there; then lgctl kms reload, or a restart");
	return true;
}

static bool issued(X509 *cert, X509 *by)
{
	bool yes = X509_check_issued(by, cert) == X509_V_OK &&
	           X509_verify(cert, X509_get0_pubkey(by)) == 1;

	ERR_clear_error();
	return yes;
}

/* Each is issued by the one behind it. */
static bool hangs_together(struct doctor *d, const char *check, const char *path, X509 **cert,
                           unsigned int n)
{
	char name[96];

	for (unsigned int i = 0; i + 1 < n; i++) {
		if (issued(cert[i], cert[i + 1]))
			continue;
		name_of(cert[i], name);
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL,
		                         "%s: %s is not issued by the certificate behind it", path,
		                         name),
		              "its own certificate first, then those of its authorities in order");
		return false;
	}
	return true;
}

/* Whether KEY is that of CERT; the key is in memory for that alone. */
static void private_key(struct doctor *d, const char *check, const char *path, const X509 *cert)
{
	char full[DOCTOR_PATH];
	FILE *f = fopen(doctor_path(d, path, full), "re");
	struct doctor_check *c;
	EVP_PKEY *key;
	struct stat st;

	if (f == NULL || fstat(fileno(f), &st) != 0) {
		c = doctor_unseen(d, check, path);
		if (c->level == DOCTOR_FAIL)
			doctor_advise(c, "put it there, in PEM, mode 600");
		if (f != NULL)
			fclose(f);
		return;
	}
	key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	if ((st.st_mode & 077) != 0)
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL, "%s: mode %03o lets others at it",
		                         path, st.st_mode & 0777),
		              "a new key and certificate: others may have read it; chmod 600");
	else if (key == NULL)
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL,
		                         "%s: no private key in PEM that can be read without a "
		                         "passphrase",
		                         path),
		              "openssl pkey -in it says what it is");
	else if (X509_check_private_key(cert, key) != 1)
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL,
		                         "%s: is not the key of the certificate", path),
		              "put the key there that the certificate was requested with");
	else
		doctor_add(d, check, DOCTOR_OK, "%s: that of the certificate, mode %03o", path,
		           st.st_mode & 0777);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

void doctor_certificate(struct doctor *d, const char *check, const char *key_check,
                        const char *path, const char *key)
{
	X509 *cert[CHAIN_MAX];
	unsigned int n = load(d, check, path, cert);
	bool well = n > 0 && hangs_together(d, check, path, cert, n);
	char name[96];

	for (unsigned int i = 0; i < n; i++)
		well = !times(d, check, path, cert[i]) && well;
	if (well) {
		name_of(cert[0], name);
		doctor_add(d, check, DOCTOR_OK, "%s: %s, for %ld days", path, name,
		           days_until(X509_get0_notAfter(cert[0])));
	}
	if (n > 0)
		private_key(d, key_check, key, cert[0]);
	unload(cert, n);
}

void doctor_authorities(struct doctor *d, const char *check, const char *path)
{
	X509 *cert[CHAIN_MAX];
	unsigned int n = load(d, check, path, cert);
	bool well = n > 0;

	for (unsigned int i = 0; i < n; i++)
		well = !times(d, check, path, cert[i]) && well;
	if (well)
		doctor_add(d, check, DOCTOR_OK, "%s: %u authorities", path, n);
	unload(cert, n);
}

void doctor_revocations(struct doctor *d, const char *check, const char *path)
{
	char full[DOCTOR_PATH];
	FILE *f = fopen(doctor_path(d, path, full), "re");
	unsigned int n = 0, over = 0;
	struct doctor_check *c;
	X509_CRL *crl;

	if (f == NULL) {
		c = doctor_unseen(d, check, path);
		if (c->level == DOCTOR_FAIL)
			doctor_advise(c,
			              "put it there, in PEM, or take it out of the configuration");
		return;
	}
	for (; (crl = PEM_read_X509_CRL(f, NULL, no_passphrase, NULL)) != NULL; n++) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

		over += next != NULL && days_until(next) < 0;
		X509_CRL_free(crl);
	}
	ERR_clear_error();
	fclose(f);
	if (n == 0)
		doctor_advise(
		        doctor_add(d, check, DOCTOR_FAIL, "%s: no revocation list in PEM", path),
		        "openssl crl -in it -text says what it is");
	else if (over > 0)
		doctor_advise(doctor_add(d, check, DOCTOR_FAIL,
		                         "%s: %u of %u lists are past their next update", path,
		                         over, n),
		              "fetch new ones: with old ones every client is refused");
	else
		doctor_add(d, check, DOCTOR_OK, "%s: %u lists", path, n);
}
