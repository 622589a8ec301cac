/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/target.h"

#include <errno.h>
#include <string.h>

#include "control/kms/percent.h"

static const char prefix[] = "/api/v1/keys/";

static const struct {
	const char *name;
	enum kms_call call;
	const char *sae; /* what the standard calls the SAE ID of this path */
	const char *allow;
} calls[] = {
        {"status", KMS_STATUS, "slave_SAE_ID", "GET"},
        {"enc_keys", KMS_ENC_KEYS, "slave_SAE_ID", "GET, POST"},
        {"dec_keys", KMS_DEC_KEYS, "master_SAE_ID", "GET, POST"},
};

static int no_path(struct http_fault *f)
{
	return http_fault_set(f, 404,
	                      "no such path: there is /api/v1/keys/SAE_ID/ with status, enc_keys "
	                      "and dec_keys");
}

static int sae_read(const char *name, const char *text, size_t n, char *sae, struct http_fault *f)
{
	ssize_t len = percent_decode(text, n, sae, KMS_SAE_ID);
	const char *wrong;

	if (len == -EINVAL)
		return http_fault_field(f, 400, name, "has a %% without two hexadecimal digits");
	wrong = len < 0 ? "is longer than 255 bytes" : http_identity_fault(sae, (size_t)len);
	return wrong == NULL ? 0 : http_fault_field(f, 400, name, "%s", wrong);
}

int kms_target_parse(const char *method, const char *target, size_t n, struct kms_target *out,
                     struct http_fault *f)
{
	const size_t skip = sizeof(prefix) - 1;
	const char *query = memchr(target, '?', n);
	const char *end = query != NULL ? query : target + n;
	const char *sae, *slash;
	size_t i;

	memset(out, 0, sizeof(*out));
	if ((size_t)(end - target) < skip || memcmp(target, prefix, skip) != 0)
		return no_path(f);
	sae = target + skip;
	/* Before decoding: an encoded slash belongs to the SAE ID. */
	slash = memchr(sae, '/', (size_t)(end - sae));
	if (slash == NULL)
		return no_path(f);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((size_t)(end - slash - 1) == strlen(calls[i].name) &&
		    memcmp(slash + 1, calls[i].name, strlen(calls[i].name)) == 0)
			break;
	if (i == sizeof(calls) / sizeof(calls[0]))
		return no_path(f);
	out->call = calls[i].call;
	out->post = strcmp(method, "POST") == 0;
	if ((!out->post && strcmp(method, "GET") != 0) || (out->post && out->call == KMS_STATUS)) {
		http_fault_set(f, 405, "method not allowed for this path");
		http_fault_add(f, "allowed", "%s", calls[i].allow);
		f->allow = calls[i].allow;
		return -405;
	}
	if (query != NULL) {
		out->query = query + 1;
		out->query_len = (size_t)(target + n - query - 1);
	}
	return sae_read(calls[i].sae, sae, (size_t)(slash - sae), out->sae, f);
}
