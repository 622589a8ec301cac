/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/* 1.3 is IMB_VERSION_NUM 0x010300, its library's name ends in 1. */
#if IMB_VERSION_NUM >= 0x020000
#define HEADER_MAJOR 2
#else
#define HEADER_MAJOR 1
#endif

static struct gcm_provider table;
static bool ready;

const struct gcm_provider *gcm_provider(void)
{
	return ready ? &table : NULL;
}

/* Bind the exported functions of one technique; false when one is missing. */
static bool bind_named(void *lib, const char *technique, struct gcm_provider *p)
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
		char name[64];
		void *f;

		snprintf(name, sizeof(name), "%s_%s", symbols[i].stem, technique);
		f = dlsym(lib, name);
		if (f == NULL)
			return false;
		memcpy((char *)p + symbols[i].offset, &f, sizeof(f));
	}
	snprintf(p->name, sizeof(p->name), "%s", technique);
	return true;
}

static const char *arch_name(const IMB_MGR *mgr)
{
	static const char *const names[] = {
	        [IMB_ARCH_SSE] = "sse", [IMB_ARCH_AVX2] = "avx2", [IMB_ARCH_AVX512] = "avx512"};
	unsigned int arch = mgr->used_arch;

	if (arch == IMB_ARCH_AVX512 && mgr->features & IMB_FEATURE_VAES)
		return "vaes_avx512";
	return arch < sizeof(names) / sizeof(names[0]) && names[arch] != NULL ? names[arch]
	                                                                      : "other";
}

/* The library's own choice, read from the manager; its layout must be our header's. */
static bool bind_manager(void *lib, struct gcm_provider *p)
{
	IMB_MGR *(*alloc)(uint64_t) = (IMB_MGR * (*)(uint64_t)) dlsym(lib, "alloc_mb_mgr");
	void (*release)(IMB_MGR *) = (void (*)(IMB_MGR *))dlsym(lib, "free_mb_mgr");
	void (*choose)(IMB_MGR *, IMB_ARCH *) =
	        (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(lib, "init_mb_mgr_auto");
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
	snprintf(p->name, sizeof(p->name), "%s", arch_name(mgr));
	release(mgr);
	return p->seal != NULL && p->key_expand != NULL && p->ghash != NULL;
}

/*
 * One text of 48 bytes under AES-256-GCM: test case 15 of McGrew and Viega, "The
 * Galois/Counter Mode of Operation", shortened to three blocks, whole and in pieces, there
 * and back. The first block of its ciphertext is 522dc1f099567d07f47f37a32a84427d.
 */
static bool known_answer(const struct gcm_provider *p)
{
	static const uint8_t key[32] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
	                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
	                                0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
	                                0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
	static const uint8_t iv[12] = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
	                               0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
	static const uint8_t plain[48] = {
	        0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
	        0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
	        0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
	        0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25};
	static const uint8_t first[16] = {0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07,
	                                  0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d};
	_Alignas(64) uint8_t schedule[GCM_KEY_BYTES] = {0};
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	struct gcm_key *k = (struct gcm_key *)schedule;
	struct gcm_context *c = (struct gcm_context *)context;
	uint8_t out[48], back[48], pieces[48], tag[3][16];

	p->key_expand(key, k);
	p->seal(k, c, out, plain, 48, iv, key, 12, tag[0], 16);
	p->open(k, c, back, out, 48, iv, key, 12, tag[1], 16);
	p->init(k, c, iv, key, 12);
	p->seal_update(k, c, pieces, plain, 17);
	p->seal_update(k, c, pieces + 17, plain + 17, 31);
	p->seal_final(k, c, tag[2], 16);
	return memcmp(out, first, 16) == 0 && memcmp(back, plain, 48) == 0 &&
	       memcmp(pieces, out, 48) == 0 && memcmp(tag[0], tag[1], 16) == 0 &&
	       memcmp(tag[0], tag[2], 16) == 0;
}

/* What the CPU can run, the best first; a library of another major version is bound by name. */
static bool bind_best(void *lib, bool same_layout, struct gcm_provider *p)
{
	bool vaes = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
	bool avx512 = vaes && __builtin_cpu_supports("avx512f") &&
	              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	              __builtin_cpu_supports("avx512dq");

	if (same_layout && avx512)
		return bind_manager(lib, p) && known_answer(p);
	if (avx512 && bind_named(lib, "vaes_avx512", p) && known_answer(p))
		return true;
	/* Versions 1.5 and later export this code, but choose it only where GFNI is too. */
	if (vaes && bind_named(lib, "vaes_avx2", p) && known_answer(p))
		return true;
	if (same_layout)
		return bind_manager(lib, p) && known_answer(p);
	return (bind_named(lib, "avx_gen4", p) || bind_named(lib, "sse", p)) && known_answer(p);
}

int gcm_provider_init(const char *library, struct err *err)
{
	const char *path = library != NULL ? library : "libIPSec_MB.so." STRING(HEADER_MAJOR);
	const char *(*version)(void);
	struct gcm_provider p = {0};
	const char *base;
	void *lib;

	if (ready)
		return 0;
	if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul"))
		return err_set(err, ENOTSUP, "ipsec-mb: this CPU lacks AES-NI or PCLMULQDQ");
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		return err_set(err, ENOENT, "ipsec-mb: %s", dlerror());
	version = (const char *(*)(void))dlsym(lib, "imb_get_version_str");
	if (version == NULL)
		return err_set(err, ENOENT, "ipsec-mb: %s is not IPsec-MB", path);
	base = strrchr(path, '/');
	snprintf(p.library, sizeof(p.library), "%.40s %.20s", base == NULL ? path : base + 1,
	         version());
	if (!bind_best(lib, version()[0] - '0' == HEADER_MAJOR, &p))
		return err_set(err, ENOTSUP, "ipsec-mb: no code of %s passes its known-answer test",
		               p.library);
	table = p;
	ready = true;
	return 0;
}
