/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A transport around the one under test, for the driver: counts what is written, shows other
 * values in some registers, ends the process at a given write.
 */

#ifndef TESTS_CONFORMANCE_WRAPPER_H
#define TESTS_CONFORMANCE_WRAPPER_H

#include <stdint.h>

#include "drivers/transport.h"

#define WRAPPER_NAME "conformance"

struct wrapper {
	const struct transport_ops *under;
	uint32_t offset, value;       /* what the register at OFFSET shows; VALUE 0: the truth */
	unsigned int written, die_at; /* writes and doorbells; 0: live on */
};
extern struct wrapper wrapper;

/* Around UNDER, truthful; known to transport_find() from the first call on. */
void wrapper_reset(const struct transport_ops *under);

#endif
