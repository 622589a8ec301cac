/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/grant_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

int grant_table_init(struct grant_table *t, size_t keys_max)
{
	size_t n = 64;

	while (n < keys_max)
		n *= 2;
	*t = (struct grant_table){.buckets = calloc(n, sizeof(*t->buckets)), .bucket_count = n};
	t->last = &t->first;
	return t->buckets == NULL ? -ENOMEM : 0;
}

void grant_table_fini(struct grant_table *t)
{
	while (t->first != NULL) {
		struct granted *g = t->first;

		t->first = g->next;
		granted_free(g);
	}
	free(t->buckets);
}

static uint32_t all_slaves(const struct granted *g)
{
	return (uint32_t)((UINT64_C(1) << g->parts.slave_count) - 1);
}

static uint8_t *mask_of(const struct granted *g, uint32_t index)
{
	return g->row + g->message_len + (size_t)index * 4;
}

uint32_t granted_taken(const struct granted *g, uint32_t index)
{
	return get_be32(mask_of(g, index));
}

/* The length of the GRANT at the start of a row of LEN bytes: 4 bytes a key are behind it. */
static size_t message_in_row(const uint8_t *row, size_t len)
{
	struct grant_parts parts;

	/* The number of keys says how long the tail is, and the tail how long the message is. */
	for (size_t keys = 1; keys <= KMS_GRANT_KEYS && keys * 4 < len; keys++)
		if (grant_decode(row, len - keys * 4, &parts) == 0 && parts.count == keys)
			return len - keys * 4;
	return 0;
}

struct granted *granted_new(const uint8_t *bytes, size_t len, bool row, int *rc)
{
	size_t message_len = row ? message_in_row(bytes, len) : len;
	struct grant_parts parts;
	struct granted *g;

	*rc = message_len == 0 ? -EPROTO : grant_decode(bytes, message_len, &parts);
	if (*rc < 0)
		return NULL;
	g = calloc(1, sizeof(*g) + parts.count * sizeof(g->keys[0]));
	if (g != NULL)
		g->row = calloc(1, message_len + parts.count * 4);
	if (g == NULL || g->row == NULL) {
		free(g);
		*rc = -ENOMEM;
		return NULL;
	}
	memcpy(g->row, bytes, row ? len : message_len);
	g->message_len = message_len;
	g->row_len = message_len + parts.count * 4;
	grant_decode(g->row, message_len, &g->parts);
	for (uint32_t i = 0; i < parts.count; i++) {
		g->keys[i].of = g;
		g->keys[i].index = i;
		g->left += parts.slave_count -
		           (uint32_t)__builtin_popcount(granted_taken(g, i) & all_slaves(g));
	}
	return g;
}

void granted_free(struct granted *g)
{
	if (g == NULL)
		return;
	free(g->row);
	free(g);
}

static const uint8_t *id_of(const struct granted_key *k)
{
	return k->of->parts.ids + (size_t)k->index * KEY_UUID_BYTES;
}

/* The last bytes of an identifier are a MAC: as good as a hash. */
static struct granted_key **bucket(const struct grant_table *t, const uint8_t *id)
{
	return &t->buckets[get_be32(id + 12) & (t->bucket_count - 1)];
}

const struct granted_key *grant_table_find(const struct grant_table *t,
                                           const uint8_t id[KEY_UUID_BYTES])
{
	const struct granted_key *k = *bucket(t, id);

	while (k != NULL && memcmp(id_of(k), id, KEY_UUID_BYTES) != 0)
		k = k->next;
	return k;
}

static void take_out(struct grant_table *t, struct granted_key *k)
{
	struct granted_key **at = bucket(t, id_of(k));

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	t->keys--;
}

int grant_table_add(struct grant_table *t, struct granted *g)
{
	for (uint32_t i = 0; i < g->parts.count; i++) {
		struct granted_key *k = &g->keys[i], **at = bucket(t, id_of(k));

		/* One by one, so that an identifier that is twice in it is found, too. */
		if (grant_table_find(t, id_of(k)) != NULL) {
			while (i-- > 0)
				take_out(t, &g->keys[i]);
			return -ENOTUNIQ;
		}
		k->next = *at;
		*at = k;
		t->keys++;
	}
	g->next = NULL;
	*t->last = g;
	t->last = &g->next;
	t->grants++;
	return 0;
}

void grant_table_remove(struct grant_table *t, struct granted *g)
{
	struct granted **at = &t->first;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	if (t->last == &g->next)
		t->last = at;
	for (uint32_t i = 0; i < g->parts.count; i++)
		take_out(t, &g->keys[i]);
	t->grants--;
}

struct granted *grant_table_by_name(const struct grant_table *t, struct grant_name name)
{
	struct granted *g = t->first;

	while (g != NULL &&
	       (g->parts.name.process != name.process || g->parts.name.number != name.number))
		g = g->next;
	return g;
}

static bool is(const struct grant_text *text, const char *name)
{
	return strlen(name) == text->len && memcmp(name, text->bytes, text->len) == 0;
}

int granted_slave(const struct granted *g, const char *slave)
{
	for (unsigned int i = 0; i < g->parts.slave_count; i++)
		if (is(&g->parts.slaves[i], slave))
			return (int)i;
	return -1;
}

bool granted_master(const struct granted *g, const char *master)
{
	return is(&g->parts.master, master);
}

void granted_mark(struct granted *g, uint32_t index, unsigned int slave, bool taken)
{
	uint32_t mask = granted_taken(g, index), bit = UINT32_C(1) << slave;

	if (((mask & bit) != 0) == taken)
		return;
	put_be32(mask_of(g, index), mask ^ bit);
	if (taken)
		g->left--;
	else
		g->left++;
}

void granted_row_name(struct grant_name name, char out[GRANT_ROW_NAME])
{
	snprintf(out, GRANT_ROW_NAME, "%016llx%016llx", (unsigned long long)name.process,
	         (unsigned long long)name.number);
}
