/* SPDX-License-Identifier: BSD-3-Clause */

/* The interface of a virtual router (RFC 5798 section 7.3): a macvlan that a daemon puts on a tap.
 */

#ifndef DATAPLANE_TAP_MACVLAN_H
#define DATAPLANE_TAP_MACVLAN_H

#include <stdbool.h>

#include <rte_ether.h>

#include "dataplane/tap.h"

/* Is INTERFACE on top of T, with a virtual router's MAC address? Then that in MAC. */
bool tap_macvlan(const struct tap *t, const char *interface, struct rte_ether_addr *mac);

#endif
