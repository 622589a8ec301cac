/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl_words.h"

#include <errno.h>
#include <string.h>

#define ARGS_MAX 1024

/* Is VALUE one of LIST ("a|b")? */
static bool holds(const char *list, const char *value)
{
	size_t n = strlen(value);

	for (const char *at = list; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, value, n) == 0 && (at[n] == '|' || at[n] == '\0'))
			return true;
	}
	return false;
}

static int join(struct lgctl_place *places, int n, const struct lgctl_place *place)
{
	size_t len;
	int i = 0;

	while (i < n && (strcmp(places[i].option, place->option) != 0 ||
	                 places[i].position != place->position))
		i++;
	if (i == LGCTL_PLACES_MAX)
		return -EINVAL;
	if (i == n) {
		places[n] = *place;
		return n + 1;
	}
	if (holds(places[i].values, place->values))
		return n;
	len = strlen(places[i].values);
	if (len + 1 + strlen(place->values) >= sizeof(place->values))
		return -EINVAL;
	snprintf(places[i].values + len, sizeof(place->values) - len, "|%s", place->values);
	return n;
}

int lgctl_places_read(const struct lgctl_command *command, struct lgctl_place *out)
{
	char text[ARGS_MAX], *rest, *word;
	unsigned int position = 0;
	int n = 0;

	if (strlen(command->args) >= sizeof(text))
		return -EINVAL;
	strcpy(text, command->args);
	/* What may be left out is no matter here. */
	for (char *c = text; *c != '\0'; c++)
		if (*c == '[' || *c == ']')
			*c = ' ';
	for (word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		struct lgctl_place place = {0};

		if (strcmp(word, "|") == 0) {
			position = 0;
			continue;
		}
		/* The shell's business. */
		if (strcmp(word, "<") == 0) {
			strtok_r(NULL, " ", &rest);
			continue;
		}
		if (strncmp(word, "--", 2) == 0) {
			if (strlen(word) >= sizeof(place.option))
				return -EINVAL;
			strcpy(place.option, word);
			word = strtok_r(NULL, " ", &rest);
		} else {
			place.position = position++;
		}
		if (word == NULL || word[0] == '-' || strlen(word) >= sizeof(place.values))
			return -EINVAL;
		strcpy(place.values, word);
		n = join(out, n, &place);
		if (n < 0)
			return n;
	}
	return n;
}

enum lgctl_value lgctl_place_value(const struct lgctl_command *command,
                                   const struct lgctl_place *place)
{
	const char *v = place->values;

	if (v[strcspn(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0')
		/* "1|8" are words, "0-7" is a range. */
		return v[0] >= '0' && v[0] <= '9' && strchr(v, '|') == NULL ? LGCTL_VALUE_FREE
		                                                            : LGCTL_VALUE_WORDS;
	if (strcmp(v, "DIR") == 0)
		return LGCTL_VALUE_DIRECTORY;
	if (strncmp(v, "FILE", 4) == 0 || strchr(v, '.') != NULL)
		return LGCTL_VALUE_FILE;
	if (strcmp(v, "METHOD") == 0)
		return LGCTL_VALUE_METHOD;
	if (strcmp(v, "KIND") == 0)
		return LGCTL_VALUE_ALARM;
	if (place->option[0] == '\0' &&
	    (strcmp(v, "TUNNEL") == 0 ||
	     (strcmp(v, "NAME") == 0 && strcmp(command->words[0], "tunnel") == 0)))
		return LGCTL_VALUE_TUNNEL;
	return LGCTL_VALUE_FREE;
}
