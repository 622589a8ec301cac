/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The control socket that programs made of modules have in common: methods and events on it. A
 * program's module says where it is and who may use it.
 */

#ifndef CONTROL_CONTROL_SOCKET_H
#define CONTROL_CONTROL_SOCKET_H

#include "control/module.h"
#include "control/server.h"

/* As server_create(). */
int control_socket_open(struct app *app, const struct server_config *config, struct err *err);

/* A module's fini(). */
void control_socket_close(struct app *app);

#endif
