/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm_library.h"

#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include "common/gcm_upper.h"

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/* 1.3 is IMB_VERSION_NUM 0x010300, its library's name ends in 1. */
#if IMB_VERSION_NUM >= 0x020000
#define HEADER_MAJOR 2
#else
#define HEADER_MAJOR 1
#endif

/*
 * __builtin_cpu_supports() says of AVX, AVX2 and AVX-512 that CPUID has them and that the
 * system saves their registers (OSXSAVE, then XCR0). VAES works on the same registers, has no
 * state of its own, and not every compiler knows its name there.
 */
static bool cpu_vaes(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c & 1U << 9) != 0 &&
	       __builtin_cpu_supports("vpclmulqdq");
}

static bool runs_sse(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("sse4.2");
}

static bool runs_avx(void)
{
	return runs_sse() && __builtin_cpu_supports("avx");
}

static bool runs_avx2(void)
{
	return runs_avx() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

static bool runs_avx512(void)
{
	return runs_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq");
}

static bool runs_vaes_avx2(void)
{
	return runs_avx2() && cpu_vaes();
}

static bool runs_vaes_avx512(void)
{
	return runs_avx512() && cpu_vaes();
}

/* avx_gen2 and avx_gen4 are what the library calls its code for AVX and for AVX2. */
const struct gcm_code gcm_codes[] = {
        {"vaes-avx512", "vaes_avx512", runs_vaes_avx512,
         "AVX-512 (F, BW, VL, DQ), VAES and VPCLMULQDQ"},
        {"vaes-avx2", "vaes_avx2", runs_vaes_avx2, "AVX2, BMI2, VAES and VPCLMULQDQ"},
        {"avx512", "avx512", runs_avx512, "AVX-512 (F, BW, VL, DQ), AES-NI and PCLMULQDQ"},
        {"avx2", "avx_gen4", runs_avx2, "AVX2, BMI2, AES-NI and PCLMULQDQ"},
        {"avx", "avx_gen2", runs_avx, "AVX, AES-NI and PCLMULQDQ"},
        {"sse", "sse", runs_sse, "SSE4.2, AES-NI and PCLMULQDQ"},
        {NULL, NULL, NULL, NULL},
};

/* "1.3" of "1.3.0": within it the manager's layout does not change. */
static bool same_release(const char *a, const char *b)
{
	const char *dot = strchr(b, '.');
	size_t n = dot == NULL ? strlen(b) : (size_t)(dot - b) + 1;

	n += dot == NULL ? 0 : strspn(dot + 1, "0123456789");
	return strncmp(a, b, n) == 0 && (a[n] < '0' || a[n] > '9');
}

int gcm_library_open(const char *path, struct gcm_library *lib, struct err *err)
{
	const char *(*version)(void);
	const char *base;

	*lib = (struct gcm_library){0};
	if (path == NULL)
		path = "libIPSec_MB.so." STRING(HEADER_MAJOR);
	lib->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lib->handle == NULL)
		return err_set(err, ENOENT, "ipsec-mb: %s", dlerror());
	version = (const char *(*)(void))dlsym(lib->handle, "imb_get_version_str");
	if (version == NULL)
		return err_set(err, ENOENT, "ipsec-mb: %s is not IPsec-MB", path);
	base = strrchr(path, '/');
	snprintf(lib->name, sizeof(lib->name), "%.40s %.20s", base == NULL ? path : base + 1,
	         version());
	lib->same_layout = same_release(version(), IMB_VERSION_STR);
	return 0;
}

static void *exported(const struct gcm_library *lib, const char *stem, const char *suffix)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", stem, suffix);
	return dlsym(lib->handle, name);
}

bool gcm_library_bind(const struct gcm_library *lib, const struct gcm_code *code,
                      struct gcm_provider *p)
{
	static const struct {
		const char *stem;
		size_t offset;
	} symbols[] = {
	        {"aes_gcm_enc_256", offsetof(struct gcm_provider, seal)},
	        {"aes_gcm_dec_256", offsetof(struct gcm_provider, open)},
	        {"aes_gcm_init_256", offsetof(struct gcm_provider, init)},
	        {"aes_gcm_enc_256_update", offsetof(struct gcm_provider, seal_update)},
	        {"aes_gcm_dec_256_update", offsetof(struct gcm_provider, open_update)},
	        {"aes_gcm_enc_256_finalize", offsetof(struct gcm_provider, seal_final)},
	        {"aes_gcm_dec_256_finalize", offsetof(struct gcm_provider, open_final)},
	        {"aes_gcm_pre_256", offsetof(struct gcm_provider, key_expand)},
	        {"ghash_pre", offsetof(struct gcm_provider, ghash_key)},
	        {"ghash", offsetof(struct gcm_provider, ghash)},
	};

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *f = exported(lib, symbols[i].stem, code->suffix);

		/* 1.3's code for AVX2 and AVX-512 takes the hash keys of that for AVX. */
		if (f == NULL && strcmp(symbols[i].stem, "ghash_pre") == 0)
			f = exported(lib, "ghash_pre", "avx_gen2");
		if (f == NULL)
			return false;
		memcpy((char *)p + symbols[i].offset, &f, sizeof(f));
	}
	snprintf(p->name, sizeof(p->name), "%s", code->name);
	memcpy(p->library, lib->name, sizeof(p->library));
	return strcmp(code->name, "vaes-avx2") != 0 || gcm_upper_clean(p);
}

/* The name of code by its function. */
static const char *code_name(const struct gcm_library *lib, gcm_crypt_fn seal)
{
	for (const struct gcm_code *c = gcm_codes; c->name != NULL; c++)
		if (exported(lib, "aes_gcm_enc_256", c->suffix) == (void *)seal)
			return c->name;
	return "other";
}

static bool bind_manager(const struct gcm_library *lib, struct gcm_provider *p)
{
	IMB_MGR *(*alloc)(uint64_t) = (IMB_MGR * (*)(uint64_t)) dlsym(lib->handle, "alloc_mb_mgr");
	void (*release)(IMB_MGR *) = (void (*)(IMB_MGR *))dlsym(lib->handle, "free_mb_mgr");
	void (*choose)(IMB_MGR *, IMB_ARCH *) =
	        (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(lib->handle, "init_mb_mgr_auto");
	IMB_MGR *mgr = alloc == NULL || choose == NULL || release == NULL ? NULL : alloc(0);

	if (mgr == NULL)
		return false;
	choose(mgr, NULL);
	p->seal = (gcm_crypt_fn)mgr->gcm256_enc;
	p->open = (gcm_crypt_fn)mgr->gcm256_dec;
	p->init = (gcm_init_fn)mgr->gcm256_init;
	p->seal_update = (gcm_update_fn)mgr->gcm256_enc_update;
	p->open_update = (gcm_update_fn)mgr->gcm256_dec_update;
	p->seal_final = (gcm_final_fn)mgr->gcm256_enc_finalize;
	p->open_final = (gcm_final_fn)mgr->gcm256_dec_finalize;
	p->key_expand = (void (*)(const void *, struct gcm_key *))mgr->gcm256_pre;
	p->ghash_key = (void (*)(const void *, struct gcm_key *))mgr->ghash_pre;
	p->ghash = (void (*)(const struct gcm_key *, const void *, uint64_t, void *,
	                     uint64_t))mgr->ghash;
	release(mgr);
	snprintf(p->name, sizeof(p->name), "%s", code_name(lib, p->seal));
	memcpy(p->library, lib->name, sizeof(p->library));
	return p->seal != NULL && p->init != NULL && p->key_expand != NULL && p->ghash != NULL;
}

/* The code that the manager of a library of another layout takes, in its order. */
static bool bind_like_manager(const struct gcm_library *lib, struct gcm_provider *p)
{
	for (const struct gcm_code *c = gcm_codes; c->name != NULL; c++)
		if (strcmp(c->name, "vaes-avx2") != 0 && c->runs() && gcm_library_bind(lib, c, p))
			return true;
	return false;
}

bool gcm_library_dispatched(const struct gcm_library *lib, struct gcm_provider *p)
{
	return lib->same_layout ? bind_manager(lib, p) : bind_like_manager(lib, p);
}
