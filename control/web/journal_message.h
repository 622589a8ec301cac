/* SPDX-License-Identifier: BSD-3-Clause */

/* An alarm as an entry of systemd's journal, in its native protocol: fields that it indexes. */

#ifndef CONTROL_WEB_JOURNAL_MESSAGE_H
#define CONTROL_WEB_JOURNAL_MESSAGE_H

#include <stddef.h>

#include "control/web/feed.h"

#define JOURNAL_MESSAGE_MAX 4096

/* The length of the datagram. */
size_t journal_message(const struct web_alarm *a, char out[JOURNAL_MESSAGE_MAX]);

#endif
