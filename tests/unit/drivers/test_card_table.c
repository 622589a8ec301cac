/* SPDX-License-Identifier: BSD-3-Clause */

/* The contract's two forms against each other: the table and docs/optical-card.md. */

#include "drivers/card_table.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card_regs.h"

#define PAGE_MAX 65536

static char page[PAGE_MAX];
static const char *const accesses[] = {"RO", "RW", "WO", "RW1C", "RW"};

static void read_page(void)
{
	FILE *f = fopen(OPTICAL_CARD_MD, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
}

static bool has_word(const char *line, size_t n, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= n; i++)
		if (memcmp(line + i, word, length) == 0 &&
		    (i == 0 || (!isalnum((unsigned char)line[i - 1]) && line[i - 1] != '_')) &&
		    (i + length == n ||
		     (!isalnum((unsigned char)line[i + length]) && line[i + length] != '_')))
			return true;
	return false;
}

static const char *feature_name(uint32_t feature)
{
	switch (feature) {
	case CARD_FEATURE_SELF_TEST:
		return "feature SELF_TEST";
	case CARD_FEATURE_MONITOR:
		return "feature MONITOR";
	case CARD_FEATURE_PROTECTION:
		return "feature PROTECTION";
	case CARD_FEATURE_OTDR:
		return "feature OTDR";
	case CARD_FEATURE_OCM:
		return "feature OCM";
	case CARD_FEATURE_QRNG_TESTS:
		return "feature QRNG_TESTS";
	case CARD_FEATURE_TWO_DECOY:
		return "feature TWO_DECOY";
	case CARD_FEATURE_THREE_STATE:
		return "feature THREE_STATE";
	case CARD_FEATURE_REFERENCE:
		return "feature REFERENCE";
	default:
		return NULL; /* said once, above its table */
	}
}

/* The name as the page has it: pairs go without LO and HI. */
static void page_name(const struct card_register *r, char *out)
{
	size_t n;

	strcpy(out, r->name);
	n = strlen(out);
	if (n > 3 && (strcmp(out + n - 3, "_LO") == 0 || strcmp(out + n - 3, "_HI") == 0))
		out[n - 3] = '\0';
}

static bool documented(const struct card_register *r)
{
	bool ring = r->offset >= CARD_RING(0), count = strcmp(r->name, "RX_COUNT") == 0;
	bool analog = r->offset >= CARD_ANALOG(0) && r->offset < CARD_ANALOG(CARD_ANALOG_COUNT);
	const char *feature = feature_name(r->feature);
	char offset[16], name[64];

	page_name(r, name);
	snprintf(offset, sizeof(offset), ring ? "0x%02x" : "0x%03x",
	         ring    ? r->offset - CARD_RING(0)
	         : count ? CARD_RX_COUNT_LO(0)
	                 : r->offset);
	for (const char *line = page; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		size_t n;

		line += *line == '\n';
		n = strcspn(line, "\n");
		if (*line != '|' || !has_word(line, n, name))
			continue;
		if (analog ||
		    (has_word(line, n, offset) && has_word(line, n, accesses[r->access]) &&
		     (feature == NULL || has_word(line, n, feature))))
			return true;
	}
	return false;
}

static void test_every_register_is_documented(void)
{
	read_page();
	for (size_t i = 0; i < card_register_count; i++) {
		bool found = documented(&card_registers[i]);

		if (!found)
			printf("0x%03x %s is not on the page as the table has it\n",
			       card_registers[i].offset, card_registers[i].name);
		CU_ASSERT(found);
	}
}

static bool known_access(const char *access)
{
	for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
		if (strcmp(access, accesses[i]) == 0)
			return true;
	return false;
}

/* "| 0x200 | NAME, NAME | RO | ...": rows of registers are those with an access behind them. */
static void test_every_documented_register_is_there(void)
{
	unsigned int rows = 0;

	for (const char *line = page; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		char names[128], access[8], offsets[64];
		unsigned int offset;

		line += *line == '\n';
		if (sscanf(line, "| %63[^|]| %127[^|]| %7[A-Z0-9] |", offsets, names, access) !=
		            3 ||
		    sscanf(offsets, "0x%x", &offset) != 1 || !known_access(access))
			continue;
		rows++;
		for (const char *at = offsets; (at = strstr(at, "0x")) != NULL; at += 2) {
			const struct card_register *r;
			char name[64];
			bool ring = strncmp(names, "RING_", 5) == 0;

			offset = (unsigned int)strtoul(at, NULL, 16) + (ring ? CARD_RING(0) : 0);
			r = card_register_find(offset);
			if (r == NULL)
				printf("%.60s: there is no such register\n", line);
			CU_ASSERT_PTR_NOT_NULL(r);
			if (r == NULL)
				continue;
			page_name(r, name);
			CU_ASSERT(has_word(names, strlen(names), name));
			CU_ASSERT_STRING_EQUAL(access, accesses[r->access]);
		}
	}
	CU_ASSERT(rows > 75);
}

static void test_rows_are_in_order_and_whole(void)
{
	for (size_t i = 0; i < card_register_count; i++) {
		const struct card_register *r = &card_registers[i];

		CU_ASSERT_EQUAL(r->offset % 4, 0);
		CU_ASSERT(r->offset < CARD_SHM_MBOX_OFFSET);
		CU_ASSERT_PTR_EQUAL(card_register_find(r->offset), r);
		CU_ASSERT(r->roles != 0);
		CU_ASSERT_EQUAL(r->access == CARD_WO ? r->reset : r->reset & ~r->mask, 0);
	}
	CU_ASSERT_PTR_NULL(card_register_find(0x1fc));
	CU_ASSERT_STRING_EQUAL(card_register_find(CARD_RING(6) + CARD_RING_TAIL)->name,
	                       "RING_TAIL");
}

static void test_rings_by_role_and_feature(void)
{
	CU_ASSERT(card_ring_there(CARD_RING_TAGS, CARD_ROLE_BOB, 0));
	CU_ASSERT(!card_ring_there(CARD_RING_TAGS, CARD_ROLE_ALICE, 0xffffffff));
	CU_ASSERT(!card_ring_there(CARD_RING_OTDR, CARD_ROLE_BOB, CARD_FEATURES_1_0));
	CU_ASSERT(card_ring_there(CARD_RING_OTDR, CARD_ROLE_BOB, CARD_FEATURE_OTDR));
	CU_ASSERT(!card_ring_there(CARD_RING_COUNT, CARD_ROLE_BOB, 0xffffffff));
}

UNIT_MAIN(UNIT(test_every_register_is_documented), UNIT(test_every_documented_register_is_there),
          UNIT(test_rows_are_in_order_and_whole), UNIT(test_rings_by_role_and_feature))
