/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Is the link of a port there? Asked by the control thread, never on a core. It may also be taken
 * down on purpose: what is attached then sees no carrier.
 */

#ifndef DATAPLANE_PORT_LINK_H
#define DATAPLANE_PORT_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct port;

struct port_link {
	bool known; /* it was asked once */
	bool up;
	bool held;      /* down on purpose: what is behind it is not known */
	uint64_t flaps; /* times that it went down */
	uint64_t changed_ns;
};

enum port_link_change { PORT_LINK_SAME, PORT_LINK_CAME_UP, PORT_LINK_WENT_DOWN };

/* What was read is UP. The first reading is no change unless it is down. */
enum port_link_change port_link_update(struct port_link *l, bool up, uint64_t now_ns);

/* Of the device, or of the kernel interface behind it, whose state net_af_packet does not tell. */
bool port_link_read(const struct port *port);

/* Take the link down or up; -ENOTSUP: the device cannot. A second time is no error. */
int port_link_set(struct port *port, struct port_link *l, bool up);

#endif
