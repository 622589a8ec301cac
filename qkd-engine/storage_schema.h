/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef QKD_ENGINE_STORAGE_SCHEMA_H
#define QKD_ENGINE_STORAGE_SCHEMA_H

#include <sqlite3.h>

#include "common/err.h"

#define STORAGE_SCHEMA_VERSION 3 /* PRAGMA user_version of the file */

/*
 * Lock the file and see to its tables: 0; -EBUSY: somebody else has it, -EPROTO: not ours, or as
 * sqlite_file_fail() has it.
 */
int storage_schema(sqlite3 *db, struct err *err);

#endif
