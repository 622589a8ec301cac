/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * To systemd's journal by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram an
 * entry. Not by sd_journal_send(), which waits for a journal that is behind.
 */

#ifndef CONTROL_WEB_JOURNAL_SINK_H
#define CONTROL_WEB_JOURNAL_SINK_H

#include "config/config_web.h"
#include "control/web/sink.h"

struct sink *journal_sink_new(const struct config_web_journal *config, struct err *err);

#endif
