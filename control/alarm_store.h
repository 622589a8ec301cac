/* SPDX-License-Identifier: BSD-3-Clause */

/* The file of what is shelved: JSON, mode 0600, replaced at once or not at all. */

#ifndef CONTROL_ALARM_STORE_H
#define CONTROL_ALARM_STORE_H

#include "control/alarm_shelf.h"

/* Negative errno and ERR; the file is as it was then. */
int alarm_store_save(const char *path, const struct alarm_shelf *shelves, size_t count,
                     struct err *err);

/* All of it or, with an error as of alarm_shelf_open(), none. */
int alarm_store_load(const char *path, struct alarm_shelf *out, size_t max, size_t *count,
                     struct err *err);

#endif
