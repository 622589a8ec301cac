/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Routing daemons' interfaces and the rings to the forwarding cores, for the ports and VLANs that
 * have one. Control thread only.
 */

#ifndef DATAPLANE_EXCEPTION_PATH_H
#define DATAPLANE_EXCEPTION_PATH_H

#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/exception.h"
#include "dataplane/iface.h"
#include "dataplane/port.h"

struct exception_path;

/* NULL in *OUT when CONFIG names no interface. PORT and IFACE must outlive the result. */
int exception_path_create(const struct config *config, const struct port port[PORT_ROLES],
                          const struct iface iface[IFACES_MAX], struct exception_path **out,
                          struct err *err);
/* Once the cores have stopped and the ports are closed. NULL is allowed. */
void exception_path_destroy(struct exception_path *p);

/* What the forwarding cores use for interface IFACE of the data plane; NULL: no daemons there. */
struct exception *exception_path_queue(struct exception_path *p, unsigned int iface);
/* The kernel interface there; "" for none. */
const char *exception_path_name(const struct exception_path *p, unsigned int iface);

/*
 * Carry frames both ways, as many as a few milliseconds bring. What daemons have changed, of
 * TAP_ADDRESSES and TAP_ROUTES.
 */
unsigned int exception_path_poll(struct exception_path *p, uint64_t now_ns);

/* The addresses that daemons have put on the interface there; none without one. */
int exception_path_virtual(struct exception_path *p, unsigned int iface, struct iface_virtual *out,
                           struct err *err);

/* The routes that daemons have put on the interface there, as tap_list_routes(). */
int exception_path_routes(struct exception_path *p, unsigned int iface, struct iface_routes *out,
                          unsigned int max, struct err *err);

#endif
