/* SPDX-License-Identifier: BSD-3-Clause */

/* The commands of static_gateway.c as text. */

#ifndef TESTS_INTEROP_STATIC_COMMAND_H
#define TESTS_INTEROP_STATIC_COMMAND_H

#include <stdint.h>

#include "common/err.h"
#include "dataplane/tunnel.h"

enum static_verb { STATIC_INSTALL, STATIC_SWITCH, STATIC_RETIRE, STATIC_STOP, STATIC_READ };

struct static_command {
	enum static_verb verb;
	const char *tunnel; /* within the line */
	uint64_t generation;
	struct sa_key *keys; /* the caller's, in secret memory */
	unsigned int keys_max, key_count;
};

/* LINE is cut into words. -EINVAL with the word and the reason; key digits are never shown. */
int static_command_parse(char *line, struct static_command *out, struct err *err);

#endif
