/* SPDX-License-Identifier: BSD-3-Clause */

/* Files that hold secrets: the pre-shared secret of the link, the storage key. */

#ifndef COMMON_SECRET_FILE_H
#define COMMON_SECRET_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Read PATH into secret memory. EACCES when anybody but its owner may read or write it,
 * EINVAL when it has fewer than LEAST bytes or more than MOST. WHAT names it in errors.
 * The caller frees *OUT with secret_free().
 */
int secret_file_read(const char *path, const char *what, size_t least, size_t most, uint8_t **out,
                     size_t *len, struct err *err);

/* The same, but EACCES only when the file's mode has a bit of FORBIDDEN. */
int secret_file_read_mode(const char *path, const char *what, unsigned int forbidden, size_t least,
                          size_t most, uint8_t **out, size_t *len, struct err *err);

#endif
