/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The parts of a program's process, each registered by its own file with what it
 * needs:
 *
 *     MODULE_DEFINE(wan, .depends_on = {"eal", "keystore"}, .init = wan_init, .fini = wan_fini)
 *
 * All are initialised in the order of their needs, then started in it; stopped and finished
 * in the reverse.
 */

#ifndef CONTROL_MODULE_H
#define CONTROL_MODULE_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/err.h"
#include "config/config.h"
#include "config/config_kms.h"
#include "config/config_web.h"

#define MODULE_DEPENDS_MAX 8
#define MODULES_MAX        64

/* What modules get from main(). */
struct app {
	struct event_base *base;
	/* As they were at start: that of the program, the others NULL. */
	const struct config *config;
	const struct config_kms *kms;
	const struct config_web *web;
	/* Of the gateway: the file it was read from, and what was in it. */
	const char *config_file, *config_source;
};

struct module {
	const char *name;
	const char *depends_on[MODULE_DEPENDS_MAX];
	/* Any may be NULL. What init and start did before they failed they undo themselves. */
	int (*init)(struct app *app, struct err *err);
	int (*start)(struct app *app, struct err *err);
	void (*stop)(struct app *app);
	void (*fini)(struct app *app);
	struct module *next;
	bool initialised, started;
};

#define MODULE_DEFINE(name_, ...)                                                                  \
	static struct module name_##_module_ = {.name = #name_, __VA_ARGS__};                      \
	__attribute__((constructor)) static void name_##_module_register_(void)                    \
	{                                                                                          \
		module_register(&name_##_module_);                                                 \
	}

/* Called by constructors; aborts on a duplicate name. */
void module_register(struct module *module);

/* An error names the module. After one, modules_stop() and modules_fini() undo the rest. */
int modules_init(struct app *app, struct err *err);
int modules_start(struct app *app, struct err *err);
void modules_stop(struct app *app);
void modules_fini(struct app *app);

#endif
