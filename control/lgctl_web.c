/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl web: the service of figures, over its own control socket. */

#include "control/lgctl.h"

int lgctl_build_web(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->socket = LGCTL_WEB_SOCKET_DEFAULT;
	return 0;
}
