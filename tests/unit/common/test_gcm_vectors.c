/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Published answers for AES-256-GCM by all code that runs here: whole, in place, out of
 * place and in pieces. An invalid vector's tag is none that the code computes.
 */

#include <stdint.h>
#include <string.h>

#include "tests/unit/common/gcm_libraries.h"

#define TEXT_MAX    1024
#define VECTORS_MAX 512
#define CANARY      0xee

struct vector {
	char name[16];
	uint8_t key[32], iv[12], aad[TEXT_MAX], plain[TEXT_MAX], sealed[TEXT_MAX], tag[16];
	unsigned int aad_len, len;
	bool valid;
};

static struct vector vectors[VECTORS_MAX];

/* Bytes of a field in hex; -1 when it is not, or longer than MAX. */
static int unhex(const char *text, uint8_t *out, unsigned int max)
{
	unsigned int n = (unsigned int)strlen(text) / 2, byte;

	if (strcmp(text, "-") == 0)
		return 0;
	if (n > max || strlen(text) % 2 != 0)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -1;
		out[i] = (uint8_t)byte;
	}
	return (int)n;
}

static bool parse(char *line, struct vector *v)
{
	char *field[8], *save = NULL;
	int aad_len, plain_len, len;
	unsigned int n = 0;

	for (char *f = strtok_r(line, " \n", &save); f != NULL; f = strtok_r(NULL, " \n", &save)) {
		if (n == 8)
			return false;
		field[n++] = f;
	}
	if (n != 8 || strlen(field[0]) >= sizeof(v->name))
		return false;
	strcpy(v->name, field[0]);
	aad_len = unhex(field[3], v->aad, TEXT_MAX);
	plain_len = unhex(field[4], v->plain, TEXT_MAX);
	len = unhex(field[5], v->sealed, TEXT_MAX);
	v->valid = strcmp(field[7], "valid") == 0;
	v->aad_len = (unsigned int)aad_len;
	v->len = (unsigned int)len;
	return unhex(field[1], v->key, 32) == 32 && unhex(field[2], v->iv, 12) == 12 &&
	       unhex(field[6], v->tag, 16) == 16 && aad_len >= 0 && len >= 0 &&
	       (!v->valid || plain_len == len) && (v->valid || strcmp(field[7], "invalid") == 0);
}

static unsigned int load(const char *file)
{
	const char *dir = getenv("LUMENGATE_VECTORS");
	static char line[16 * TEXT_MAX];
	unsigned int n = 0;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "tests/vectors", file);
	f = fopen(path, "r");
	if (f == NULL) {
		CU_FAIL_FATAL("no vectors");
		return 0;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (n == VECTORS_MAX || !parse(line, &vectors[n])) {
			CU_FAIL_FATAL("not a vector");
			break;
		}
		n++;
	}
	fclose(f);
	return n;
}

struct run {
	const struct gcm_provider *p;
	const struct gcm_key *key;
	const struct vector *v;
	bool seal;
	unsigned int piece; /* 0: whole */
	bool in_place;
	unsigned int shift; /* of the text from a cache line */
};

/* One way through the code; true when text and tag are the vector's. */
static bool answers(const struct run *r)
{
	_Alignas(64) static uint8_t a[TEXT_MAX + 128], b[TEXT_MAX + 128];
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_context *c = (struct gcm_context *)context;
	const struct vector *v = r->v;
	uint8_t *in = a + r->shift, *out = (r->in_place ? a : b) + r->shift, tag[16];
	const uint8_t *want = r->seal ? v->sealed : v->plain;
	bool text_good, tag_good;

	memset(out, CANARY, v->len + 64);
	memcpy(in, r->seal ? v->plain : v->sealed, v->len);
	if (r->piece == 0) {
		(r->seal ? r->p->seal : r->p->open)(r->key, c, out, in, v->len, v->iv, v->aad,
		                                    v->aad_len, tag, 16);
	} else {
		r->p->init(r->key, c, v->iv, v->aad, v->aad_len);
		for (unsigned int at = 0, n; at < v->len; at += n) {
			n = v->len - at < r->piece ? v->len - at : r->piece;
			(r->seal ? r->p->seal_update : r->p->open_update)(r->key, c, out + at,
			                                                  in + at, n);
		}
		(r->seal ? r->p->seal_final : r->p->open_final)(r->key, c, tag, 16);
	}
	for (unsigned int i = 0; i < 64; i++)
		if (out[v->len + i] != CANARY)
			return false;
	text_good = !v->valid || memcmp(out, want, v->len) == 0;
	tag_good = memcmp(tag, v->tag, 16) == 0;
	return text_good && tag_good == v->valid;
}

static void check_vector(const struct gcm_provider *p, const struct vector *v)
{
	static const unsigned int pieces[] = {0, 1, 3, 15, 16, 17, 31, 33, 64, 100, 257};
	_Alignas(64) static uint8_t schedule[GCM_KEY_BYTES];
	struct gcm_key *k = (struct gcm_key *)schedule;

	p->key_expand(v->key, k);
	for (unsigned int i = 0; i < sizeof(pieces) / sizeof(pieces[0]) * 4; i++) {
		struct run r = {p, k, v, i & 1, pieces[i / 4], i & 2, (i * 7) % 64};

		/* There is no text to seal. */
		if (r.seal && !v->valid)
			continue;
		if (!answers(&r)) {
			printf("%s of %s: %s %s in pieces of %u\n", p->name, p->library, v->name,
			       r.seal ? "sealed" : "opened", r.piece);
			CU_FAIL("another answer");
		}
	}
}

static void check_file(const char *file, unsigned int total, unsigned int invalid)
{
	static struct gcm_provider p[PROVIDERS_MAX];
	unsigned int count = load(file), bad = 0, n = providers(p);

	for (unsigned int i = 0; i < count; i++)
		bad += !vectors[i].valid;
	CU_ASSERT_EQUAL(count, total);
	CU_ASSERT_EQUAL(bad, invalid);
	for (unsigned int k = 0; k < n; k++) {
		printf("  %s of %s\n", p[k].name, p[k].library);
		for (unsigned int i = 0; i < count; i++)
			check_vector(&p[k], &vectors[i]);
	}
}

static void test_nist(void)
{
	check_file("gcm_nist.txt", 250, 75);
}

static void test_wycheproof(void)
{
	check_file("gcm_wycheproof.txt", 66, 27);
}

UNIT_MAIN(UNIT(test_nist), UNIT(test_wycheproof))
