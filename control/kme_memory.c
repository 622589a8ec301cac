/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "common/secret.h"

/* The largest answer three times over, a handful of connections, certificates. */
#define BYTES_WANTED ((size_t)12 << 20)
#define BYTES_LEAST  ((size_t)4 << 20)

/*
 * realloc() has to know how much to copy: a line before the block has its size, and keeps the
 * alignment.
 */
#define HEAD 64

static void *take(size_t size)
{
	uint8_t *p = size > SIZE_MAX - HEAD ? NULL : secret_alloc(HEAD + size);

	if (p == NULL)
		return NULL;
	memcpy(p, &size, sizeof(size));
	return p + HEAD;
}

static void give(void *p)
{
	if (p != NULL)
		secret_free((uint8_t *)p - HEAD);
}

static void *resize(void *p, size_t size)
{
	size_t before;
	void *next;

	if (p == NULL)
		return take(size);
	memcpy(&before, (uint8_t *)p - HEAD, sizeof(before));
	if (size == 0) {
		give(p);
		return NULL;
	}
	next = take(size);
	if (next == NULL)
		return NULL;
	memcpy(next, p, before < size ? before : size);
	give(p);
	return next;
}

static void *take_zeroed(size_t n, size_t each)
{
	size_t size;
	void *p;

	if (__builtin_mul_overflow(n, each, &size))
		return NULL;
	p = take(size);
	if (p != NULL)
		memset(p, 0, size);
	return p;
}

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *p = take(size);

	return p == NULL ? NULL : memcpy(p, text, size);
}

static void *crypto_take(size_t size, const char *file, int line)
{
	return take(size);
}

static void *crypto_resize(void *p, size_t size, const char *file, int line)
{
	return resize(p, size);
}

static void crypto_give(void *p, const char *file, int line)
{
	give(p);
}

int kme_memory_init(struct err *err)
{
	const struct rlimit none = {0, 0};
	int rc = secret_init_hidden(BYTES_WANTED, err);

	if (rc == -ENOMEM)
		rc = secret_init_hidden(BYTES_LEAST, err);
	if (rc < 0)
		return rc;
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	json_set_alloc_funcs(take, give);
	if (CRYPTO_set_mem_functions(crypto_take, crypto_resize, crypto_give) != 1)
		return err_set(err, EIO, "OpenSSL was used before its memory was set");
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, give, resize, copy, take_zeroed) !=
	    CURLE_OK)
		return err_set(err, EIO, "libcurl cannot start");
	return 0;
}
