/* SPDX-License-Identifier: BSD-3-Clause */

/* What the table of commands says of each one's arguments. */

#include "control/lgctl_words.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct lgctl_place places[LGCTL_PLACES_MAX];

static int read_args(const char *args)
{
	const struct lgctl_command c = {.words = {"noun", "verb"}, .args = args};

	memset(places, 0, sizeof(places));
	return lgctl_places_read(&c, places);
}

static void test_places(void)
{
	CU_ASSERT_EQUAL(read_args(""), 0);
	CU_ASSERT_EQUAL(read_args("FILE.sor|FILE.svg [--trace N]"), 2);
	CU_ASSERT_STRING_EQUAL(places[0].option, "");
	CU_ASSERT_STRING_EQUAL(places[0].values, "FILE.sor|FILE.svg");
	CU_ASSERT_STRING_EQUAL(places[1].option, "--trace");
	CU_ASSERT_STRING_EQUAL(places[1].values, "N");
	/* What the shell takes is no argument. */
	CU_ASSERT_EQUAL(read_args("[--protocol lim|rusca] < COUNTS.json"), 1);
	/* Alternatives have the same places; "ID" is there once. */
	CU_ASSERT_EQUAL(read_args("list | add|set ID [--side local|peer] | remove ID"), 3);
	CU_ASSERT_STRING_EQUAL(places[0].values, "list|add|set|remove");
	CU_ASSERT_EQUAL(places[1].position, 1);
	CU_ASSERT_STRING_EQUAL(places[1].values, "ID");
	CU_ASSERT_STRING_EQUAL(places[2].option, "--side");
	CU_ASSERT_EQUAL(read_args("[--port]"), -EINVAL);
	CU_ASSERT_EQUAL(read_args("[--port --file]"), -EINVAL);
	CU_ASSERT_EQUAL(read_args("[--an-option-that-is-longer-than-any N]"), -EINVAL);
}

static enum lgctl_value value(const char *noun, const char *option, const char *values)
{
	const struct lgctl_command c = {.words = {noun}};
	struct lgctl_place place = {0};

	snprintf(place.option, sizeof(place.option), "%s", option);
	snprintf(place.values, sizeof(place.values), "%s", values);
	return lgctl_place_value(&c, &place);
}

static void test_values(void)
{
	CU_ASSERT_EQUAL(value("x", "", "show|restart-test"), LGCTL_VALUE_WORDS);
	CU_ASSERT_EQUAL(value("x", "--symbol", "1|8"), LGCTL_VALUE_WORDS);
	CU_ASSERT_EQUAL(value("x", "--priority", "0-7"), LGCTL_VALUE_FREE);
	CU_ASSERT_EQUAL(value("x", "--packets", "N"), LGCTL_VALUE_FREE);
	CU_ASSERT_EQUAL(value("x", "", "FILE"), LGCTL_VALUE_FILE);
	CU_ASSERT_EQUAL(value("x", "", "PLOT.svg"), LGCTL_VALUE_FILE);
	CU_ASSERT_EQUAL(value("x", "--root", "DIR"), LGCTL_VALUE_DIRECTORY);
	CU_ASSERT_EQUAL(value("rpc", "", "METHOD"), LGCTL_VALUE_METHOD);
	CU_ASSERT_EQUAL(value("sa", "", "TUNNEL"), LGCTL_VALUE_TUNNEL);
	CU_ASSERT_EQUAL(value("tunnel", "", "NAME"), LGCTL_VALUE_TUNNEL);
	CU_ASSERT_EQUAL(value("alarm", "", "KIND"), LGCTL_VALUE_ALARM);
	CU_ASSERT_EQUAL(value("alarm", "--kind", "KIND"), LGCTL_VALUE_ALARM);
	/* A capture's file is the gateway's, under any name. */
	CU_ASSERT_EQUAL(value("capture", "--file", "NAME"), LGCTL_VALUE_FREE);
}

/* Completion and manual rest on these. */
static void test_table(void)
{
	const struct lgctl_command *c, *other;

	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		int n = lgctl_places_read(c, places), arguments = 0, options = 0;
		bool good = n >= 0;

		for (int k = 0; k < n; k++)
			*(places[k].option[0] != '\0' ? &options : &arguments) += 1;
		/* The table counts what its text lists. */
		good = good && c->max_args == arguments + 2 * options && c->min_args <= c->max_args;
		good = good && c->about[0] >= 'A' && c->about[0] <= 'Z' &&
		       c->about[strlen(c->about) - 1] == '.';
		for (size_t k = 0; k < i; k++) {
			other = lgctl_command_at(k);
			/* Of one noun all commands stand together, each has a verb, none is twice.
			 */
			if (strcmp(other->words[0], c->words[0]) == 0)
				good = good && c->words[1] != NULL && other->words[1] != NULL &&
				       strcmp(other->words[1], c->words[1]) != 0 &&
				       strcmp(lgctl_command_at(i - 1)->words[0], c->words[0]) == 0;
		}
		if (!good)
			printf("%s %s\n", c->words[0], c->words[1] != NULL ? c->words[1] : "");
		CU_ASSERT(good);
	}
}

UNIT_MAIN(UNIT(test_places), UNIT(test_values), UNIT(test_table))
