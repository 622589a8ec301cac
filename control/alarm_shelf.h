/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What operators shelved (RFC 8632, 3.6): alarms of a kind, at a resource, or both are told to
 * nobody and are counted apart, for a time or until they are taken from the shelf. Shelves
 * outlive the process in a file of the state directory. Control thread.
 */

#ifndef CONTROL_ALARM_SHELF_H
#define CONTROL_ALARM_SHELF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define ALARM_SHELVES_MAX 64

struct alarm_shelf {
	char kind[32];               /* "": of any */
	char resource[64];           /* "": any; with '*' at its end: those that begin so */
	char text[96];               /* the operator's words */
	uint64_t since_ns, until_ns; /* wall clock; until 0: till it is taken away */
	uid_t uid;
};

void alarm_shelf_reset(void);

/*
 * Keep shelves in the file PATH from now on, and take those that are there and not over at
 * WALL_NS. -ENOENT: there is no file, which is no error; -EACCES: others may write it; -EPROTO,
 * -EILSEQ: it is none of ours, or damaged. In any case the next change writes it.
 */
int alarm_shelf_open(const char *path, uint64_t wall_ns, struct err *err);

/*
 * Of the same kind and resource there is one: it is replaced. -ENOSPC: there are too many, or an
 * error of the file; nothing is changed then.
 */
int alarm_shelf_add(const struct alarm_shelf *shelf, struct err *err);
/* -ENOENT: there is no such shelf. */
int alarm_shelf_remove(const char *kind, const char *resource, struct err *err);
/* True: some were over at WALL_NS and are gone. */
bool alarm_shelf_expire(uint64_t wall_ns);

bool alarm_shelf_holds(const char *kind, const char *resource);
/* The I-th; NULL past the last. */
const struct alarm_shelf *alarm_shelf_at(size_t i);

#endif
