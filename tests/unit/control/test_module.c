/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/module.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static char trace[256];
static const char *fail_at = "";

static int step(const char *what, struct err *err)
{
	if (strcmp(what, fail_at) == 0)
		return err_set(err, EIO, "told to fail");
	strcat(trace, what);
	strcat(trace, " ");
	return 0;
}

#define HOOKS(name)                                                                                \
	static int name##_init(struct app *app, struct err *err)                                   \
	{                                                                                          \
		return step("init-" #name, err);                                                   \
	}                                                                                          \
	static int name##_start(struct app *app, struct err *err)                                  \
	{                                                                                          \
		return step("start-" #name, err);                                                  \
	}                                                                                          \
	static void name##_stop(struct app *app)                                                   \
	{                                                                                          \
		step("stop-" #name, NULL);                                                         \
	}                                                                                          \
	static void name##_fini(struct app *app)                                                   \
	{                                                                                          \
		step("fini-" #name, NULL);                                                         \
	}

HOOKS(a)
HOOKS(b)
HOOKS(c)

static struct module a = {"a", {"c"}, a_init, a_start, a_stop, a_fini};
static struct module b = {"b", {"a"}, b_init, b_start, b_stop, b_fini};
static struct module c = {"c", {NULL}, c_init, c_start, c_stop, c_fini};

static int up(struct err *err)
{
	struct app app = {0};
	int rc;

	trace[0] = '\0';
	*err = (struct err){0};
	rc = modules_init(&app, err);
	if (rc == 0)
		rc = modules_start(&app, err);
	modules_stop(&app);
	modules_fini(&app);
	return rc;
}

static void test_order_follows_needs(void)
{
	struct err err;

	module_register(&a);
	module_register(&b);
	module_register(&c);
	CU_ASSERT_EQUAL(up(&err), 0);
	CU_ASSERT_STRING_EQUAL(trace, "init-c init-a init-b start-c start-a start-b stop-b stop-a "
	                              "stop-c fini-b fini-a fini-c ");
}

static void test_failure_undoes_what_was_done(void)
{
	struct err err;

	fail_at = "init-b";
	CU_ASSERT_EQUAL(up(&err), -EIO);
	CU_ASSERT_STRING_EQUAL(err.text, "b: told to fail");
	CU_ASSERT_STRING_EQUAL(trace, "init-c init-a fini-a fini-c ");
	fail_at = "start-a";
	CU_ASSERT_EQUAL(up(&err), -EIO);
	CU_ASSERT_STRING_EQUAL(trace, "init-c init-a init-b start-c stop-c fini-b fini-a fini-c ");
	fail_at = "";
}

static void test_unknown_need_and_cycle(void)
{
	struct err err;

	c.depends_on[0] = "d";
	CU_ASSERT_EQUAL(up(&err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "module c: there is no module d");
	CU_ASSERT_STRING_EQUAL(trace, "");
	c.depends_on[0] = "b";
	CU_ASSERT_EQUAL(up(&err), -ELOOP);
	CU_ASSERT_STRING_EQUAL(trace, "");
	c.depends_on[0] = NULL;
}

UNIT_MAIN(UNIT(test_order_follows_needs), UNIT(test_failure_undoes_what_was_done),
          UNIT(test_unknown_need_and_cycle))
