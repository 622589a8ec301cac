/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "common/base64.h"
#include "control/gateway.h"
#include "control/method.h"
#include "control/snapshot.h"

/* 64 KiB are 2048 keys; the arena of secret memory holds them for the call. */
#define IMPORT_MAX ((size_t)64 << 10)

struct import_params {
	const char *data;
};

static const struct method_param import_params[] = {
        METHOD_PARAM(struct import_params, data, PARAM_STRING, .max = (IMPORT_MAX + 2) / 3 * 4,
                     .secret = true,
                     .help = "the keys in base64: 32 bytes each, at most 65536 bytes"),
};

static int keystore_show(const void *params, json_t **result, struct err *err)
{
	*result = snapshot_keystore();
	return *result != NULL ? 0 : err_set(err, ENOTCONN, "the key store is not open");
}

static int keystore_import_data(const void *params, json_t **result, struct err *err)
{
	const struct import_params *p = params;
	size_t len = strlen(p->data);
	uint8_t *data;
	ssize_t n;
	int rc;

	if (gateway_ops()->keystore_import == NULL)
		return err_set(err, ENOTCONN, "the key store is not open");
	data = secret_alloc(len / 4 * 3 + 1);
	if (data == NULL)
		return err_set(err, ENOMEM, "/params/data: no secret memory left");
	n = base64_decode(p->data, len, data);
	if (n < 0)
		rc = err_set(err, EINVAL, "/params/data: not base64");
	else if (n == 0 || n % KEY_BYTES != 0)
		rc = err_set(err, EINVAL, "/params/data: %zd bytes are not a multiple of %d", n,
		             KEY_BYTES);
	else
		rc = gateway_ops()->keystore_import(data, (size_t)n, err);
	secret_free(data);
	if (rc == 0)
		*result = json_pack("{s:I}", "keys", (json_int_t)(n / KEY_BYTES));
	return rc;
}

METHOD_DEFINE(keystore_show, .summary = "Keys at hand and what became of the others",
              .fn = keystore_show)
METHOD_DEFINE(keystore_import, .summary = "Import keys for lab use and tests",
              .fn = keystore_import_data, .params = import_params, .param_count = 1,
              .right = METHOD_WRITE)
