/* SPDX-License-Identifier: BSD-3-Clause */

/* What the history of lumengate-web counts. */

#ifndef CONTROL_WEB_HISTORY_MODULE_H
#define CONTROL_WEB_HISTORY_MODULE_H

#include "control/web/history.h"

/* False: none is kept. */
bool web_history_stats(struct history_stats *out);

#endif
