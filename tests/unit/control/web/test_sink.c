/* SPDX-License-Identifier: BSD-3-Clause */

/* What a sink of a least severity is told. */

#include "control/web/sink.h"
#include "tests/unit/control/web/alarm_sample.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char told[1024]; /* by the sink's own thread */
static bool freed;

static size_t format(void *ctx, const struct web_alarm *a, char *out)
{
	return (size_t)sprintf(out, "%s:%s:%s ", a->source, a->kind, a->severity);
}

static int take(void *ctx, struct outbox *o, const char *message, size_t len, struct err *err)
{
	strcat(told, message);
	return 0;
}

static void release(void *ctx)
{
	freed = ctx == told;
}

static const struct sink_type type = {"test", format, take, release};

static struct sink *start(const char *severity)
{
	struct err err = {0};
	struct sink *s = sink_new(&(struct sink_config){.type = &type,
	                                                .name = "one",
	                                                .target = "somewhere",
	                                                .severity = severity,
	                                                .ctx = told},
	                          &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	told[0] = '\0';
	freed = false;
	return s;
}

static void tell(struct sink *s, const char *kind, const char *severity, const char *data)
{
	struct web_alarm a = alarm_sample(severity, data);

	a.kind = kind;
	sink_tell(s, &a);
	alarm_release(&a);
}

/* All that was told, at the end. */
static const char *stop(struct sink *s)
{
	sink_free(s);
	CU_ASSERT_TRUE(freed);
	return told;
}

static void test_all(void)
{
	struct sink *s = start("warning");

	tell(s, "a", "warning", "{}");
	tell(s, "a", "cleared", "{}");
	CU_ASSERT_STRING_EQUAL(stop(s), "gateway:a:warning gateway:a:cleared ");
}

static void test_least_severity(void)
{
	struct sink *s = start("major");
	struct sink_state state;

	tell(s, "a", "minor", "{}");
	tell(s, "b", "major", "{}");
	tell(s, "a", "cleared", "{}"); /* of what was not told */
	tell(s, "a", "critical", "{}");
	tell(s, "a", "minor", "{}"); /* it became less: the last word */
	tell(s, "a", "warning", "{}");
	tell(s, "a", "cleared", "{}");
	tell(s, "b", "cleared", "{}");
	tell(s, "b", "cleared", "{}");
	sink_state_read(s, &state);
	CU_ASSERT_EQUAL(state.left_out, 5);
	CU_ASSERT_STRING_EQUAL(state.type, "test");
	CU_ASSERT_STRING_EQUAL(state.name, "one");
	CU_ASSERT_STRING_EQUAL(stop(s), "gateway:b:major gateway:a:critical gateway:a:minor "
	                                "gateway:b:cleared ");
}

/* That it is shelved is told, and then nothing. */
static void test_shelved(void)
{
	struct sink *s = start("warning");

	tell(s, "a", "major", "{}");
	tell(s, "a", "major", "{\"change\": \"shelved\", \"shelved\": true}");
	tell(s, "a", "cleared", "{\"shelved\": true}");
	tell(s, "a", "major", "{\"change\": \"unshelved\", \"shelved\": false}");
	CU_ASSERT_STRING_EQUAL(stop(s), "gateway:a:major gateway:a:major gateway:a:major ");
}

UNIT_MAIN(UNIT(test_all), UNIT(test_least_severity), UNIT(test_shelved))
