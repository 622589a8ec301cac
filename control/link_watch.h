/* SPDX-License-Identifier: BSD-3-Clause */

/* The alarm of a port without link. */

#ifndef CONTROL_LINK_WATCH_H
#define CONTROL_LINK_WATCH_H

#include "dataplane/port.h"
#include "dataplane/port_link.h"

/* L: as it is now. A link that is down on purpose is no alarm of its own. */
void link_watch(enum port_role role, const struct port_link *l);

#endif
