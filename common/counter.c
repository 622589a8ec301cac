/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/counter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct counter *counters;
static unsigned int counter_count;
static struct counter_set *sets;
static uint64_t retired[COUNTER_MAX];
static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;

void counter_register(struct counter *counter)
{
	struct counter **at = &counters;

	while (*at != NULL && strcmp((*at)->name, counter->name) < 0)
		at = &(*at)->next;
	if (counter_count == COUNTER_MAX ||
	    (*at != NULL && strcmp((*at)->name, counter->name) == 0)) {
		fprintf(stderr, "counter %s: table full or name taken\n", counter->name);
		abort();
	}
	counter->index = counter_count++;
	counter->next = *at;
	*at = counter;
}

const struct counter *counter_first(void)
{
	return counters;
}

const struct counter *counter_find(const char *name)
{
	for (const struct counter *c = counters; c != NULL; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

void counter_set_attach(struct counter_set *set, const char *owner)
{
	pthread_mutex_lock(&sets_lock);
	set->owner = owner;
	set->next = sets;
	sets = set;
	pthread_mutex_unlock(&sets_lock);
}

void counter_set_detach(struct counter_set *set)
{
	pthread_mutex_lock(&sets_lock);
	for (struct counter_set **at = &sets; *at != NULL; at = &(*at)->next) {
		if (*at != set)
			continue;
		*at = set->next;
		for (unsigned int i = 0; i < COUNTER_MAX; i++)
			retired[i] += set->value[i];
		break;
	}
	pthread_mutex_unlock(&sets_lock);
}

const struct counter_set *counter_set_first(void)
{
	return sets;
}

uint64_t counter_sum(const struct counter *c)
{
	uint64_t sum;

	pthread_mutex_lock(&sets_lock);
	sum = retired[c->index];
	for (const struct counter_set *s = sets; s != NULL; s = s->next)
		sum += counter_get(s, c);
	pthread_mutex_unlock(&sets_lock);
	return sum;
}
