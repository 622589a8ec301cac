/* SPDX-License-Identifier: BSD-3-Clause */

/* What the methods of the random source have in common. */

#ifndef CONTROL_METHODS_QRNG_H
#define CONTROL_METHODS_QRNG_H

#include "common/err.h"
#include "dataplane/qkd_role.h"

/* The source of the gateway's link, and the link's status; NULL: it has none. */
struct optics_qrng *methods_qrng_get(struct qkd_role_status *s, struct err *err);

#endif
