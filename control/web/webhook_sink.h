/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * To a webhook: a POST a change, over HTTPS with the server's certificate verified, in order, until
 * it says 2xx. 408, 425, 429, 5xx and no answer are tried again; another status gives the message
 * up. With a secret there is a header
 *
 *     Lumengate-Signature: sha256=HMAC-SHA-256 of the body, hexadecimal
 *
 * by which the receiver knows that nobody else sent it. Redirections are not followed.
 */

#ifndef CONTROL_WEB_WEBHOOK_SINK_H
#define CONTROL_WEB_WEBHOOK_SINK_H

#include "config/config_web.h"
#include "control/web/sink.h"

/* -errno and ERR with path and reason: its files cannot be used. */
struct sink *webhook_sink_new(const struct config_web_webhook *config, struct err *err);

#endif
