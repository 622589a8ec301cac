/* SPDX-License-Identifier: BSD-3-Clause */

/* Routes of daemons that the data plane did not take over: an alarm for each port and VLAN. */

#ifndef CONTROL_ROUTE_WATCH_H
#define CONTROL_ROUTE_WATCH_H

#include "dataplane/dataplane.h"

/* L is of interface IFACE of the data plane, which is in VLAN of the LAN; 0: a port itself. */
void route_watch(unsigned int iface, unsigned int vlan, const struct dataplane_learnt *l);

#endif
