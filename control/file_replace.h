/* SPDX-License-Identifier: BSD-3-Clause */

/* A text file written at once or not at all, whatever happens meanwhile. */

#ifndef CONTROL_FILE_REPLACE_H
#define CONTROL_FILE_REPLACE_H

#include <sys/types.h>

#include "common/err.h"

/*
 * TEXT is what is in the file PATH from now on, also after a power cut. Its mode and owner stay;
 * a new one gets MODE. Where PATH is a link, what it points to is replaced. On failure nothing has
 * changed, and ERR has the path and the reason.
 */
int file_replace(const char *path, const char *text, mode_t mode, struct err *err);

#endif
