/* SPDX-License-Identifier: BSD-3-Clause */

/* A trace with its events as the fields of a .sor file. */

#ifndef DRIVERS_TRACE_SOR_H
#define DRIVERS_TRACE_SOR_H

#include "drivers/sor.h"
#include "drivers/trace.h"
#include "drivers/trace_events.h"

struct trace_sor_names {
	const char *fibre, *from, *to, *serial, *software;
	double threshold_db;
};

/* Free with sor_free(). Longer names are cut. -ENOMEM, -EINVAL: more points than a file has. */
int trace_to_sor(const struct trace *t, const struct trace_events *e,
                 const struct trace_sor_names *names, struct sor *out, struct err *err);

#endif
