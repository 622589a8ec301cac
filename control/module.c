/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct module *modules;
static struct module *order[MODULES_MAX];
static unsigned int count;

static struct module *find(const char *name)
{
	for (struct module *m = modules; m != NULL; m = m->next)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

void module_register(struct module *module)
{
	struct module **at = &modules;

	if (find(module->name) != NULL) {
		fprintf(stderr, "module %s is defined twice\n", module->name);
		abort();
	}
	/* By name: the order of constructors must not show. */
	while (*at != NULL && strcmp((*at)->name, module->name) < 0)
		at = &(*at)->next;
	module->next = *at;
	*at = module;
}

static bool ordered(const struct module *m)
{
	for (unsigned int i = 0; i < count; i++)
		if (order[i] == m)
			return true;
	return false;
}

/* Depth bounds the recursion: a chain longer than all modules is a cycle. */
static int put(struct module *m, unsigned int depth, struct err *err)
{
	if (ordered(m))
		return 0;
	if (depth > MODULES_MAX || count == MODULES_MAX)
		return err_set(err, ELOOP, "module %s: depends on itself", m->name);
	for (unsigned int i = 0; i < MODULE_DEPENDS_MAX && m->depends_on[i] != NULL; i++) {
		struct module *need = find(m->depends_on[i]);
		int rc;

		if (need == NULL)
			return err_set(err, ENOENT, "module %s: there is no module %s", m->name,
			               m->depends_on[i]);
		rc = put(need, depth + 1, err);
		if (rc != 0)
			return rc;
	}
	order[count++] = m;
	return 0;
}

int modules_init(struct app *app, struct err *err)
{
	int rc;

	count = 0;
	for (struct module *m = modules; m != NULL; m = m->next) {
		rc = put(m, 0, err);
		if (rc != 0)
			return rc;
	}
	for (unsigned int i = 0; i < count; i++) {
		rc = order[i]->init != NULL ? order[i]->init(app, err) : 0;
		if (rc != 0) {
			err_prefix(err, "%s", order[i]->name);
			return rc;
		}
		order[i]->initialised = true;
	}
	return 0;
}

int modules_start(struct app *app, struct err *err)
{
	int rc;

	for (unsigned int i = 0; i < count; i++) {
		rc = order[i]->start != NULL ? order[i]->start(app, err) : 0;
		if (rc != 0) {
			err_prefix(err, "%s", order[i]->name);
			return rc;
		}
		order[i]->started = true;
	}
	return 0;
}

void modules_stop(struct app *app)
{
	for (unsigned int i = count; i-- > 0;) {
		if (order[i]->started && order[i]->stop != NULL)
			order[i]->stop(app);
		order[i]->started = false;
	}
}

void modules_fini(struct app *app)
{
	for (unsigned int i = count; i-- > 0;) {
		if (order[i]->initialised && order[i]->fini != NULL)
			order[i]->fini(app);
		order[i]->initialised = false;
	}
}
