/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/webhook_body.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/alarm_words.h"

size_t webhook_body(const struct web_alarm *a, const char *id, char out[WEBHOOK_BODY_MAX])
{
	struct alarm_words w;
	json_t *o;
	size_t n;

	alarm_words(a, &w);
	o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I}", "version", 1,
	              "id", id, "program", w.program, "host", a->host, "kind", a->kind, "resource",
	              a->resource, "severity", a->severity, "change", w.change, "time", a->time,
	              "text", a->text, "standing", a->standing, "number",
	              (json_int_t)strtoll(w.number, NULL, 10));
	if (o != NULL && w.action[0] != '\0')
		json_object_set_new(o, "action", json_string(w.action));
	if (o != NULL && w.uid[0] != '\0')
		json_object_set_new(o, "uid", json_integer((json_int_t)strtoll(w.uid, NULL, 10)));
	n = json_dumpb(o, out, WEBHOOK_BODY_MAX, JSON_COMPACT);
	json_decref(o);
	return n <= WEBHOOK_BODY_MAX ? n : 0;
}

void webhook_sign(const uint8_t *secret, size_t secret_len, const char *body, size_t len,
                  char out[WEBHOOK_SIGNATURE_MAX])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	HMAC(EVP_sha256(), secret, (int)secret_len, (const unsigned char *)body, len, mac, &n);
	strcpy(out, "sha256=");
	for (unsigned int i = 0; i < n; i++)
		snprintf(out + 7 + 2 * i, 3, "%02x", mac[i]);
}
