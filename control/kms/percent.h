/* SPDX-License-Identifier: BSD-3-Clause */

/* Percent-encoding of URIs (RFC 3986 section 2.1). */

#ifndef CONTROL_KMS_PERCENT_H
#define CONTROL_KMS_PERCENT_H

#include <stddef.h>
#include <sys/types.h>

/*
 * N bytes of TEXT into OUT with room for CAP and a null behind them. The number of bytes decoded;
 * -EINVAL where no two hexadecimal digits follow a '%', -E2BIG when there are more than CAP. A null
 * may be among them.
 */
ssize_t percent_decode(const char *text, size_t n, char *out, size_t cap);

#endif
