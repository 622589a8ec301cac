/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/alarms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/alarm.h"

struct noted_alarms noted_alarms;

/* Active ones at either site and each resource by itself. */
static struct {
	char kind[ALARMS_NAME], resource[64];
} active[2 * ALARMS_MAX];

void noted_alarms_begin(void)
{
	noted_alarms.count = 0;
}

void noted_alarms_add(struct noted_alarms *n, const char *kind, unsigned int times)
{
	unsigned int i = 0;

	while (i < n->count && strcmp(n->list[i].kind, kind) != 0)
		i++;
	if (i == n->count && n->count == ALARMS_MAX) {
		fprintf(stderr, "bench_attacks: more than %d kinds of alarms\n", ALARMS_MAX);
		exit(1);
	}
	if (i == n->count) {
		n->list[n->count++] = (struct noted_alarm){.first_ns = n->now_ns};
		snprintf(n->list[i].kind, ALARMS_NAME, "%s", kind);
	}
	n->list[i].times += times;
}

static unsigned int place(const char *kind, const char *resource)
{
	unsigned int i = 0;

	while (i < noted_alarms.active &&
	       (strcmp(active[i].kind, kind) != 0 || strcmp(active[i].resource, resource) != 0))
		i++;
	return i;
}

void alarm_raise(const char *kind, const char *resource, enum alarm_severity severity,
                 const char *text)
{
	unsigned int i = place(kind, resource);

	if (i < noted_alarms.active)
		return;
	if (i == 2 * ALARMS_MAX) {
		fprintf(stderr, "bench_attacks: too many alarms\n");
		exit(1);
	}
	snprintf(active[i].kind, sizeof(active[i].kind), "%s", kind);
	snprintf(active[i].resource, sizeof(active[i].resource), "%s", resource);
	noted_alarms.active++;
	noted_alarms_add(&noted_alarms, kind, 1);
}

void alarm_clear(const char *kind, const char *resource, const char *text)
{
	unsigned int i = place(kind, resource);

	if (i == noted_alarms.active)
		return;
	active[i] = active[--noted_alarms.active];
}
