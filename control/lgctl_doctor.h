/* SPDX-License-Identifier: BSD-3-Clause */

/* `lgctl doctor`: the machine, and what the programs say of themselves where they run. */

#ifndef CONTROL_LGCTL_DOCTOR_H
#define CONTROL_LGCTL_DOCTOR_H

#include <jansson.h>

#include "control/doctor.h"

struct lgctl_doctor_options {
	struct doctor_files files;
	const char *root;                /* "" is this machine */
	const char *socket, *kms_socket; /* NULL: as configured */
};

/* doctor_json() of all checks; the options are of the call alone. */
json_t *lgctl_doctor(const struct lgctl_doctor_options *o);

/* lgctl_doctor_live.c: what gateway, key delivery and service of figures answer. */
void lgctl_doctor_live(struct doctor *d, const char *socket, const char *kms_socket);

#endif
