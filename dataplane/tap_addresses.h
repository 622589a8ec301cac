/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses of taps by rtnetlink(7): the port's are put there, and those that a daemon adds or
 * removes, as keepalived does with a virtual router's, are learned. Control thread only.
 */

#ifndef DATAPLANE_TAP_ADDRESSES_H
#define DATAPLANE_TAP_ADDRESSES_H

#include "common/err.h"
#include "config/config.h"
#include "dataplane/iface.h"
#include "dataplane/tap.h"

/* Put ADDRESS, with the prefix of its link, on T. One that is there already is none the worse. */
int tap_add_address(const struct tap *t, const struct config_prefix *address, struct err *err);

/*
 * Let the kernel tell all who listen of IFACE's own addresses that are on T, and of the link-local
 * one, as if they were new; nothing else changes, and what somebody removed stays away.
 */
void tap_tell_addresses(const struct tap *t, const struct iface *iface);

/*
 * The addresses of T, and of virtual routers' interfaces on it, that are not IFACE's own: at most
 * IFACE_VIRTUAL_MAX, in a fixed order.
 */
int tap_list_virtual(const struct tap *t, const struct iface *iface, struct iface_virtual *out,
                     struct err *err);

#endif
