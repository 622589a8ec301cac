/* SPDX-License-Identifier: BSD-3-Clause */

/* Routes of daemons that the data plane did not take over: an alarm for each port. */

#ifndef CONTROL_ROUTE_WATCH_H
#define CONTROL_ROUTE_WATCH_H

#include "dataplane/dataplane.h"

/* L is of the port of ROLE, which takes over MOST routes; 0: it takes none. */
void route_watch(enum port_role role, unsigned int most, const struct dataplane_learnt *l);

#endif
