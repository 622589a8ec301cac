/* SPDX-License-Identifier: BSD-3-Clause */

/* Time. State machines take `now` as an argument; only their callers read a clock. */

#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* DPDK's headers have the same name, as a signed int. */
#undef NS_PER_S

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* CLOCK_MONOTONIC in nanoseconds: for intervals and deadlines. */
uint64_t clock_mono_ns(void);

/* CLOCK_REALTIME in nanoseconds since 1970: for records that people read. */
uint64_t clock_wall_ns(void);

/* RFC 3339 in UTC with milliseconds, "2026-01-02T03:04:05.678Z"; BUF holds at least 32 bytes. */
const char *clock_format(uint64_t wall_ns, char *buf);

#endif
