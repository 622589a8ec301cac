/* SPDX-License-Identifier: BSD-3-Clause */

/* Parts of `lgctl support-bundle`. */

#ifndef CONTROL_LGCTL_BUNDLE_H
#define CONTROL_LGCTL_BUNDLE_H

#include <jansson.h>

#include "control/bundle_tar.h"

struct bundle {
	struct bundle_tar *tar;
	json_t *missing; /* {"what": , "reason": }: what should be in it and is not */
};

void bundle_miss(struct bundle *b, const char *what, const char *reason);
/* V without secrets (redact()) as the file NAME. */
void bundle_add_json(struct bundle *b, const char *name, const json_t *v);

/* lgctl_bundle_system.c: the machine and the journal, by files of /proc and stock programs. */
void bundle_add_system(struct bundle *b);

#endif
