/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/tls_peer.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/x509v3.h>

static const char *take(const char *text, size_t n, char *out)
{
	const char *fault = http_identity_fault(text, n);

	if (fault != NULL)
		return fault;
	memcpy(out, text, n);
	out[n] = '\0';
	return NULL;
}

static const char *common_name(const X509 *cert, char *out)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;
	const char *fault;
	int n;

	if (at < 0)
		return "the subject has no common name";
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return "the subject has two common names";
	/* From whichever type of string, and with its length: nulls stay. */
	n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (n < 0)
		return "the common name is no text";
	fault = take((const char *)text, (size_t)n, out);
	OPENSSL_free(text);
	return fault;
}

static const char *uri_of(const GENERAL_NAMES *names, char *out)
{
	const ASN1_IA5STRING *found = NULL;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;
		if (found != NULL)
			return "two URIs are among the alternative names";
		found = name->d.uniformResourceIdentifier;
	}
	if (found == NULL)
		return "no URI is among the alternative names";
	return take((const char *)ASN1_STRING_get0_data(found), (size_t)ASN1_STRING_length(found),
	            out);
}

static const char *san_uri(const X509 *cert, char *out)
{
	GENERAL_NAMES *names;
	const char *fault;
	int critical;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
	if (names == NULL)
		return critical == -2 ? "alternative names are given twice"
		                      : "no alternative names";
	fault = uri_of(names, out);
	GENERAL_NAMES_free(names);
	return fault;
}

/* As openssl x509 -serial prints it. */
static const char *serial(const X509 *cert, char *out)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	const char *fault = "the serial number is none";
	char *text = NULL;

	if (number != NULL && !BN_is_negative(number) && BN_num_bytes(number) <= 20)
		text = BN_bn2hex(number);
	if (text != NULL)
		fault = take(text, strlen(text), out);
	OPENSSL_free(text);
	BN_free(number);
	return fault;
}

const char *tls_identity_read(const X509 *cert, enum tls_identity identity,
                              char out[HTTP_IDENTITY + 1])
{
	switch (identity) {
	case TLS_SAN_URI:
		return san_uri(cert, out);
	case TLS_SERIAL:
		return serial(cert, out);
	default:
		return common_name(cert, out);
	}
}
