/* SPDX-License-Identifier: BSD-3-Clause */

/* The alarm of an address of ours that another station has, too. */

#ifndef CONTROL_ADDRESS_WATCH_H
#define CONTROL_ADDRESS_WATCH_H

#include "dataplane/forward.h"

/* LIST: the N addresses as they are now. */
void address_watch(const struct forward_address *list, unsigned int n);

#endif
