/* SPDX-License-Identifier: BSD-3-Clause */

/* What the HTTP front of lumengate-web counts. */

#ifndef CONTROL_WEB_HTTP_H
#define CONTROL_WEB_HTTP_H

#include "control/http/https.h"

void web_http_stats(struct https_stats *out);

#endif
