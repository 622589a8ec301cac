/* SPDX-License-Identifier: BSD-3-Clause */

/* What a webhook is told: an alarm as a JSON object, and who vouches for it. */

#ifndef CONTROL_WEB_WEBHOOK_BODY_H
#define CONTROL_WEB_WEBHOOK_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "control/web/feed.h"

#define WEBHOOK_BODY_MAX      8192
#define WEBHOOK_SIGNATURE_MAX 72 /* "sha256=", 64 hexadecimal digits, a null */

/*
 * ID: of this message, so that who gets it twice knows. Its length; 0: no memory, or a text that is
 * not UTF-8.
 */
size_t webhook_body(const struct web_alarm *a, const char *id, char out[WEBHOOK_BODY_MAX]);

/* HMAC-SHA-256 (RFC 2104) of BODY under SECRET, "sha256=" and its hexadecimal digits. */
void webhook_sign(const uint8_t *secret, size_t secret_len, const char *body, size_t len,
                  char out[WEBHOOK_SIGNATURE_MAX]);

#endif
