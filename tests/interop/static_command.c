/* SPDX-License-Identifier: BSD-3-Clause */

#include "static_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	bool tunnel, generation, keys;
} verbs[] = {
        [STATIC_INSTALL] = {"install", true, true, true},
        [STATIC_SWITCH] = {"switch", true, true, true},
        [STATIC_RETIRE] = {"retire", true, true, false},
        [STATIC_STOP] = {"stop", true, false, false},
        [STATIC_READ] = {"read", false, false, false},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int number(const char *word, int base, uint64_t most, uint64_t *out)
{
	char *end;

	if (word == NULL || strspn(word, "0123456789abcdefABCDEF") != strlen(word) ||
	    word[0] == '\0')
		return -EINVAL;
	errno = 0;
	*out = strtoull(word, &end, base);
	return *end != '\0' || errno != 0 || *out > most ? -EINVAL : 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Exactly N bytes of hexadecimal digits at TEXT. */
static int hex_bytes(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high >= 0 ? hex_digit(text[2 * i + 1]) : -1;

		if (low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int parse_keys(char **rest, struct static_command *out, struct err *err)
{
	const char *word;

	while ((word = strtok_r(NULL, " ", rest)) != NULL) {
		struct sa_key *k = &out->keys[out->key_count];
		const char *text = strtok_r(NULL, " ", rest);
		uint64_t spi;

		if (out->key_count == out->keys_max)
			return err_set(err, EINVAL, "more than %u keys", out->keys_max);
		if (number(word, 16, UINT32_MAX, &spi) < 0)
			return err_set(err, EINVAL, "SPI \"%s\": not 32 bits in hexadecimal", word);
		if (text == NULL || strlen(text) != 2 * (sizeof(k->key) + sizeof(k->salt)) ||
		    hex_bytes(text, k->key, sizeof(k->key)) < 0 ||
		    hex_bytes(text + 2 * sizeof(k->key), k->salt, sizeof(k->salt)) < 0)
			return err_set(err, EINVAL,
			               "key of SPI %s: not 72 hexadecimal digits, lower case",
			               word);
		k->spi = (uint32_t)spi;
		out->key_count++;
	}
	return out->key_count > 0 ? 0 : err_set(err, EINVAL, "a key is missing");
}

int static_command_parse(char *line, struct static_command *out, struct err *err)
{
	char *rest = NULL;
	const char *word = strtok_r(line, " ", &rest);
	size_t v = 0;

	while (v < VERBS && (word == NULL || strcmp(verbs[v].word, word) != 0))
		v++;
	if (v == VERBS)
		return err_set(err, EINVAL, "\"%s\" is no command", word != NULL ? word : "");
	out->verb = (enum static_verb)v;
	out->key_count = 0;
	if (verbs[v].tunnel && (out->tunnel = strtok_r(NULL, " ", &rest)) == NULL)
		return err_set(err, EINVAL, "%s: the tunnel is missing", verbs[v].word);
	if (verbs[v].generation &&
	    number(strtok_r(NULL, " ", &rest), 10, UINT64_MAX, &out->generation) < 0)
		return err_set(err, EINVAL, "%s: the generation is missing", verbs[v].word);
	if (verbs[v].keys)
		return parse_keys(&rest, out, err);
	word = strtok_r(NULL, " ", &rest);
	return word == NULL ? 0
	                    : err_set(err, EINVAL, "%s: \"%s\" is too much", verbs[v].word, word);
}
