/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/kms_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define KEY_TEXT_MAX 512 /* base64 of 256 bytes, and more */

size_t kms_answer_length(const char *text, size_t len, int *status)
{
	const char *end = strstr(text, "\r\n\r\n"), *line = text;
	size_t body = 0;

	if (end == NULL)
		return 0;
	if (sscanf(text, "HTTP/1.%*c %3d", status) != 1)
		*status = 0;
	while (line < end) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			body = strtoull(line + 15, NULL, 10);
		line = strstr(line, "\r\n") + 2;
	}
	return (size_t)(end - text) + 4 + body;
}

static void rubbish(const char *what)
{
	fprintf(stderr, "kms_load: an answer has a key whose %s is none\n", what);
	exit(1);
}

/* The text of the member that begins at P, behind its name; its length into *N. */
static const char *member(const char *p, size_t *n)
{
	const char *end;

	p += strspn(p, " \t\r\n:");
	if (*p++ != '"' || (end = strchr(p, '"')) == NULL)
		rubbish("text");
	*n = (size_t)(end - p);
	return p;
}

static void write_key(const char *id, size_t id_len, const char *key, size_t key_len, FILE *keys)
{
	uint8_t record[16 + SHA256_DIGEST_LENGTH], raw[KEY_TEXT_MAX];
	char digits[33];
	size_t n = 0;
	int bytes;

	for (size_t i = 0; i < id_len && n < 32; i++)
		if (id[i] != '-')
			digits[n++] = id[i];
	digits[n] = '\0';
	if (id_len != 36 || n != 32 || strspn(digits, "0123456789abcdef") != 32)
		rubbish("key_ID");
	for (size_t i = 0; i < 16; i++) {
		char two[3] = {digits[2 * i], digits[2 * i + 1], '\0'};

		record[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	if (key_len == 0 || key_len % 4 != 0 || key_len > KEY_TEXT_MAX)
		rubbish("base64");
	bytes = EVP_DecodeBlock(raw, (const uint8_t *)key, (int)key_len);
	if (bytes < 0)
		rubbish("base64");
	/* EVP_DecodeBlock counts the padding as bytes. */
	bytes -= (key[key_len - 1] == '=') + (key[key_len - 2] == '=');
	SHA256(raw, (size_t)bytes, record + 16);
	if (fwrite(record, 32, 1, keys) != 1)
		rubbish("record");
}

unsigned int kms_answer_keys(const char *text, size_t len, FILE *keys, FILE *ids)
{
	const char *p = text, *id = NULL, *key = NULL;
	size_t id_len = 0, key_len = 0;
	unsigned int count = 0;

	while ((p = strstr(p, "\"key")) != NULL && p < text + len) {
		if (strncmp(p, "\"key_ID\"", 8) == 0)
			p = id = member(p + 8, &id_len);
		else if (strncmp(p, "\"key\"", 5) == 0)
			p = key = member(p + 5, &key_len);
		else
			p += 4;
		if (id == NULL || key == NULL)
			continue;
		count++;
		if (keys != NULL)
			write_key(id, id_len, key, key_len, keys);
		if (ids != NULL)
			fprintf(ids, "%.*s\n", (int)id_len, id);
		id = key = NULL;
	}
	return count;
}
