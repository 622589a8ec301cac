/* SPDX-License-Identifier: BSD-3-Clause */

/* The audit log's entry of a commit that the gateway itself took back. */

#ifndef CONTROL_COMMIT_REVERT_H
#define CONTROL_COMMIT_REVERT_H

#include <stdint.h>

#include "common/err.h"

/* COMMIT was not confirmed, and taking it back gave RC and ERR. */
void commit_reverted(uint64_t commit, int rc, const struct err *err);

#endif
