/* SPDX-License-Identifier: BSD-3-Clause */

/* Tables of figures over the answers of a program that is played here. */

#include "control/web/figure.h"
#include "tests/unit/control/web/fake_program.h"
#include "tests/unit/unit.h"

#include <string.h>

static char seen[4000];

static void see(void *ctx, const struct figure_value *v)
{
	size_t n = strlen(seen);

	n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%s", v->figure->family.name);
	for (size_t i = 0; i < v->labels; i++)
		n += (size_t)snprintf(seen + n, sizeof(seen) - n, "|%s=%s", v->label[i].name,
		                      v->label[i].value);
	if (v->whole)
		snprintf(seen + n, sizeof(seen) - n, " %llu\n", (unsigned long long)v->number);
	else
		snprintf(seen + n, sizeof(seen) - n, " %.6g\n", v->real);
}

#define ROW(name_, at_, value_, ...)                                                               \
	{                                                                                          \
		.family = {name_, METRIC_GAUGE, "", ""}, .method = "status", .at = at_,            \
		.value = value_, __VA_ARGS__                                                       \
	}

static const struct figure rows[] = {
        ROW("plain", "a", "n", .scale = 0),
        ROW("scaled", "a", "n", .scale = 1e-3),
        ROW("real", "a", "r", .scale = 0),
        ROW("negative", "a", "below", .scale = 0),
        ROW("truth", "a", "yes", .scale = 0),
        ROW("equal", "a", "state=up", .scale = 0),
        ROW("unequal", "a", "state=down", .scale = 0),
        ROW("time", "a", "when", .scale = 0),
        ROW("each", "list/*", "v", .label = {{"name", "name"}, {"fixed", "=yes"}}),
        ROW("keyed", "map/*", "@", .label = {{"key", "@drop."}}),
        ROW("deep", "deep/*/in", "v", .label = {{"key", "@"}, {"id", "id"}}),
        /* What is not there, or no figure, is not seen. */
        ROW("none", "a/b/c", "n", .scale = 0),
        ROW("none", "a", "x", .scale = 0),
        ROW("none", "a", "text", .scale = 0),
        ROW("none", "a", "null", .scale = 0),
        ROW("none", "a", "missing=up", .scale = 0),
        {.family = {"info", METRIC_INFO, "", ""},
         .method = "status",
         .at = "a",
         .value = "",
         .label = {{"state", "state"}, {"number", "n"}, {"none", "none"}}},
        {.family = {"other", METRIC_GAUGE, "", ""},
         .method = "tunnel_list",
         .at = "",
         .value = "n"},
};

static void test_rows(void)
{
	static const struct figure_table table = {rows, sizeof(rows) / sizeof(rows[0])};
	struct fake_program p;

	fake_begin(&p,
	           "{\"a\":{\"n\":1500,\"r\":0.25,\"below\":-4,\"yes\":true,\"state\":\"up\","
	           "\"when\":\"2026-01-31T08:00:00.000Z\",\"text\":\"ok\",\"null\":null},"
	           "\"list\":[{\"name\":\"x\",\"v\":1},{\"name\":\"y\"},{\"name\":\"z\",\"v\":3}],"
	           "\"map\":{\"drop.no_key\":7,\"other\":8},"
	           "\"deep\":{\"k\":{\"in\":{\"v\":9,\"id\":5}}}}");
	seen[0] = '\0';
	figures_walk(&table, fake_source(&p), see, NULL);
	CU_ASSERT_STRING_EQUAL(seen, "plain 1500\n"
	                             "scaled 1.5\n"
	                             "real 0.25\n"
	                             "negative -4\n"
	                             "truth 1\n"
	                             "equal 1\n"
	                             "unequal 0\n"
	                             "time 1769846400\n"
	                             "each|name=x|fixed=yes 1\n"
	                             "each|name=z|fixed=yes 3\n"
	                             "keyed|key=no_key 7\n"
	                             "keyed|key=other 8\n"
	                             "deep|key=k|id=5 9\n"
	                             "info|state=up|number=1500|none= 1\n");
	fake_end(&p);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Names are what OpenMetrics wants of them; lines of a family stand together. */
static void check_names(const struct figure_table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct metric_family *f = &t->figure[i].family;
		bool first = true;

		CU_ASSERT_NSTRING_EQUAL(f->name, "lumengate_", 10);
		CU_ASSERT_EQUAL(strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
		                strlen(f->name));
		CU_ASSERT_FALSE(ends_with(f->name, "_total") || ends_with(f->name, "_info"));
		if (f->unit[0] != '\0')
			CU_ASSERT_TRUE(ends_with(f->name, f->unit));
		for (size_t k = 0; k < i; k++) {
			bool same = strcmp(t->figure[k].family.name, f->name) == 0;

			/* After another, the first of this name must not have been. */
			if (same && strcmp(t->figure[i - 1].family.name, f->name) != 0)
				CU_FAIL("a family is torn");
			first &= !same;
			if (same)
				CU_ASSERT_EQUAL(t->figure[k].family.type, f->type);
		}
		CU_ASSERT_EQUAL(f->help[0] != '\0', first || f->help[0] != '\0');
		if (first)
			CU_ASSERT_NOT_EQUAL(f->help[0], '\0');
	}
}

static void test_names(void)
{
	check_names(&figures_gateway);
	check_names(&figures_kms);
	CU_ASSERT_TRUE(figures_gateway.count > 80 && figures_kms.count > 40);
}

UNIT_MAIN(UNIT(test_rows), UNIT(test_names))
