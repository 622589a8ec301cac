/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The routes that daemons have put on a tap, as the kernel has them: of the main table, by a next
 * hop on the tap's link. Control thread only.
 */

#ifndef DATAPLANE_TAP_ROUTES_H
#define DATAPLANE_TAP_ROUTES_H

#include <stdbool.h>

#include "common/err.h"
#include "dataplane/iface.h"
#include "dataplane/tap.h"

/* How many messages of the kernel one look takes: it holds up the frames of daemons meanwhile. */
#define TAP_ROUTES_LOOK 16384

/*
 * At most MAX routes into OUT, for which there is room, in the kernel's order; of several to one
 * prefix that of the lowest metric, of several next hops the first. LEFT_OUT counts the others:
 * beyond MAX (at least so many, when there are more than TAP_ROUTES_LOOK), without a next hop on
 * IFACE's link, or to what is never forwarded. What the kernel itself makes of addresses is none.
 * -EAGAIN: the table changed meanwhile.
 */
int tap_list_routes(const struct tap *t, const struct iface *iface, struct iface_routes *out,
                    unsigned int max, struct err *err);

#endif
