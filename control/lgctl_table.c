/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl_table.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define CELL_MAX    192

void lgctl_clean(char *text)
{
	unsigned char *to = (unsigned char *)text;

	for (const unsigned char *c = to; *c != '\0'; c++)
		/* C0, DEL, and C1, which in UTF-8 has two bytes */
		if (*c < 0x20 || *c == 0x7f) {
			*to++ = '?';
		} else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
			*to++ = '?';
			c++;
		} else {
			*to++ = *c;
		}
	*to = '\0';
}

/* Characters of UTF-8. */
static size_t columns_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* What a cut left of a character at the end is none. */
static void whole(char *text, size_t size)
{
	size_t n = strlen(text), first = n;

	while (first > 0 && ((unsigned char)text[first - 1] & 0xc0) == 0x80)
		first--;
	if (n + 1 == size && first > 0 && (unsigned char)text[first - 1] >= 0xc0)
		text[first - 1] = '\0';
}

void lgctl_cell(const json_t *v, char *out, size_t size)
{
	char *text;

	if (json_is_string(v))
		snprintf(out, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(out, size, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(out, size, "%.6g", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(out, size, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_object(v)) {
		text = json_dumps(v, JSON_COMPACT);
		snprintf(out, size, "%s", text != NULL ? text : "-");
		free(text);
	} else
		snprintf(out, size, "-");
	whole(out, size);
	lgctl_clean(out);
}

void lgctl_table(FILE *out, const json_t *list, const struct lgctl_column *columns, size_t n)
{
	size_t width[COLUMNS_MAX], i, c, len;
	char text[CELL_MAX];
	json_t *row, *v;

	for (c = 0; c < n; c++) {
		width[c] = strlen(columns[c].title);
		json_array_foreach (list, i, row) {
			lgctl_cell(json_object_get(row, columns[c].member), text, sizeof(text));
			len = columns_of(text);
			width[c] = len > width[c] ? len : width[c];
		}
	}
	for (c = 0; c < n; c++)
		if (c + 1 < n)
			fprintf(out, "%-*s  ", (int)width[c], columns[c].title);
		else
			fprintf(out, "%s\n", columns[c].title);
	json_array_foreach (list, i, row) {
		for (c = 0; c < n; c++) {
			v = json_object_get(row, columns[c].member);
			lgctl_cell(v, text, sizeof(text));
			/* printf() counts bytes. */
			len = width[c] + strlen(text) - columns_of(text);
			if (c + 1 == n)
				fprintf(out, "%s\n", text);
			else if (json_is_number(v))
				fprintf(out, "%*s  ", (int)len, text);
			else
				fprintf(out, "%-*s  ", (int)len, text);
		}
	}
}
