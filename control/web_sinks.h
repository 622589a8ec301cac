/* SPDX-License-Identifier: BSD-3-Clause */

/* What the sinks of lumengate-web count. */

#ifndef CONTROL_WEB_SINKS_H
#define CONTROL_WEB_SINKS_H

#include "control/web/sink.h"

unsigned int web_sinks_count(void);
/* Of the I-th. */
void web_sinks_read(unsigned int i, struct sink_state *out);

#endif
