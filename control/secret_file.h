/* SPDX-License-Identifier: BSD-3-Clause */

/* Files that hold secrets: the pre-shared secret of the link, the storage key. */

#ifndef CONTROL_SECRET_FILE_H
#define CONTROL_SECRET_FILE_H

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

/*
 * The pre-shared secret of a link: at least PSK_LEAST random bytes, the same file at both
 * ends, never used for another link. From its start: 32 bytes from which the channel's MAC
 * keys are derived, 16 bytes hash key A to B, 16 bytes hash key B to A, then one-time pads
 * of 32 bytes, of A and of B in turn.
 */
#define PSK_LEAST   4096
#define PSK_MOST    (16u << 20)
#define PSK_SECRET  0
#define PSK_HASH_AB 32
#define PSK_HASH_BA 48
#define PSK_PADS    64

#endif
