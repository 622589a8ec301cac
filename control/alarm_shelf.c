/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm_shelf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "control/alarm_store.h"

LOG_COMPONENT_DEFINE(alarm_shelf)

static struct alarm_shelf shelves[ALARM_SHELVES_MAX];
static size_t count;
static char file[512]; /* "": none */

void alarm_shelf_reset(void)
{
	count = 0;
	file[0] = '\0';
}

int alarm_shelf_open(const char *path, uint64_t wall_ns, struct err *err)
{
	int rc;

	snprintf(file, sizeof(file), "%s", path);
	rc = alarm_store_load(file, shelves, ALARM_SHELVES_MAX, &count, err);
	alarm_shelf_expire(wall_ns);
	return rc;
}

static bool same(const struct alarm_shelf *s, const char *kind, const char *resource)
{
	return strcmp(s->kind, kind) == 0 && strcmp(s->resource, resource) == 0;
}

/* NEXT, N of them, on disk and then here; or neither. */
static int install(const struct alarm_shelf *next, size_t n, struct err *err)
{
	int rc = file[0] != '\0' ? alarm_store_save(file, next, n, err) : 0;

	if (rc != 0)
		return rc;
	memcpy(shelves, next, n * sizeof(shelves[0]));
	count = n;
	return 0;
}

int alarm_shelf_add(const struct alarm_shelf *shelf, struct err *err)
{
	struct alarm_shelf next[ALARM_SHELVES_MAX];
	size_t i = 0;

	memcpy(next, shelves, sizeof(next));
	while (i < count && !same(&next[i], shelf->kind, shelf->resource))
		i++;
	if (i == ALARM_SHELVES_MAX)
		return err_set(err, ENOSPC, "there are %d shelves already", ALARM_SHELVES_MAX);
	next[i] = *shelf;
	return install(next, i < count ? count : count + 1, err);
}

int alarm_shelf_remove(const char *kind, const char *resource, struct err *err)
{
	struct alarm_shelf next[ALARM_SHELVES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!same(&shelves[i], kind, resource))
			next[n++] = shelves[i];
	if (n == count)
		return err_set(err, ENOENT, "nothing is shelved by %s%s%s%s",
		               kind[0] != '\0' ? "kind " : "", kind,
		               kind[0] != '\0' && resource[0] != '\0' ? " and resource "
		               : resource[0] != '\0'                  ? "resource "
		                                                      : "",
		               resource);
	return install(next, n, err);
}

bool alarm_shelf_expire(uint64_t wall_ns)
{
	struct alarm_shelf next[ALARM_SHELVES_MAX];
	struct err err = {0};
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (shelves[i].until_ns == 0 || shelves[i].until_ns > wall_ns)
			next[n++] = shelves[i];
	if (n == count)
		return false;
	/* What a file still has is over when it is read, too. */
	if (install(next, n, &err) != 0) {
		log_warn("%s", err.text);
		memcpy(shelves, next, n * sizeof(shelves[0]));
		count = n;
	}
	return true;
}

bool alarm_shelf_holds(const char *kind, const char *resource)
{
	for (size_t i = 0; i < count; i++) {
		const struct alarm_shelf *s = &shelves[i];
		size_t n = strlen(s->resource);
		bool part = n > 0 && s->resource[n - 1] == '*';

		if ((s->kind[0] == '\0' || strcmp(s->kind, kind) == 0) &&
		    (n == 0 || (part ? strncmp(s->resource, resource, n - 1) == 0
		                     : strcmp(s->resource, resource) == 0)))
			return true;
	}
	return false;
}

const struct alarm_shelf *alarm_shelf_at(size_t i)
{
	return i < count ? &shelves[i] : NULL;
}
