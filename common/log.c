/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct log_component *components;

static const struct {
	int level;
	const char *name;
} level_names[] = {
        {LOG_LEVEL_ERR, "err"},
        {LOG_LEVEL_WARN, "warning"},
        {LOG_LEVEL_INFO, "info"},
        {LOG_LEVEL_DEBUG, "debug"},
};

void log_component_register(struct log_component *component)
{
	component->next = components;
	components = component;
}

const struct log_component *log_components(void)
{
	return components;
}

bool log_level_set(const char *name, int level)
{
	bool all = strcmp(name, "*") == 0, found = false;

	/* Several files may share a component's name: all of them follow. */
	for (struct log_component *c = components; c != NULL; c = c->next) {
		if (all || strcmp(c->name, name) == 0) {
			c->level = level;
			found = true;
		}
	}
	return found;
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(level_names[i].name, name) == 0)
			return level_names[i].level;
	return -1;
}

const char *log_level_name(int level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (level_names[i].level == level)
			return level_names[i].name;
	return "unknown";
}

void log_write(const struct log_component *component, int level, const char *fmt, ...)
{
	char line[512];
	size_t len;
	va_list ap;
	int n, m;

	n = snprintf(line, sizeof(line) - 1, "<%d>%s: ", level, component->name);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	len = (size_t)n + (size_t)(m < 0 ? 0 : m);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* One write a line, so that threads do not interleave inside it. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
