/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * To a syslog receiver: a datagram a message over UDP (RFC 5426) or to a UNIX socket, or a stream
 * of messages behind their lengths over TCP (RFC 6587, 3.4.1: octet counting).
 */

#ifndef CONTROL_WEB_SYSLOG_SINK_H
#define CONTROL_WEB_SYSLOG_SINK_H

#include "config/config_web.h"
#include "control/web/sink.h"

struct sink *syslog_sink_new(const struct config_web_syslog *config, struct err *err);

#endif
