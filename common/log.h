/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines for operators, on stderr with the <N> priority prefix that journald reads.
 * Never called between the rx and tx of a non-empty burst, never given key bytes.
 */

#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* One per component: `LOG_COMPONENT_DEFINE(keystore)` at the top of a source file. */
struct log_component {
	const char *name;
	volatile int level; /* the most verbose level that is printed */
	struct log_component *next;
};

#define LOG_COMPONENT_DEFINE(ident)                                                                \
	static struct log_component log_component_ = {.name = #ident, .level = LOG_LEVEL_INFO};    \
	__attribute__((constructor)) static void log_component_register_(void)                     \
	{                                                                                          \
		log_component_register(&log_component_);                                           \
	}

void log_component_register(struct log_component *component);

/* Set the level of component NAME, or of all with "*"; returns false when there is none. */
bool log_level_set(const char *name, int level);

/* The registered components, linked by next. */
const struct log_component *log_components(void);

/* "err", "warning", "info" or "debug", and back; -1 for an unknown name. */
int log_level_parse(const char *name);
const char *log_level_name(int level);

void log_write(const struct log_component *component, int level, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

#define log_at_(lvl, ...)                                                                          \
	do {                                                                                       \
		if (log_component_.level >= (lvl))                                                 \
			log_write(&log_component_, (lvl), __VA_ARGS__);                            \
	} while (0)

#define log_err(...)   log_at_(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)  log_at_(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at_(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at_(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
