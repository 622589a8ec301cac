/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * AES-256-GCM and GHASH from Intel IPsec-MB, bound at run time: one table, chosen once at
 * start. The library's symbols carry no version and DPDK may load an older copy beside
 * ours, so it is opened with dlopen(RTLD_LOCAL) and never linked.
 *
 * Key schedules are opaque: GCM_KEY_BYTES, or the table's own key_bytes, aligned to 64, in
 * secret memory, filled by key_expand() or ghash_key() of the same table that uses them.
 */

#ifndef COMMON_GCM_H
#define COMMON_GCM_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define GCM_KEY_BYTES     2048 /* bound for all versions: 1008 in 1.3, 1264 in 2.0 */
#define GCM_CONTEXT_BYTES 256
#define GCM_IV_BYTES      12
#define GCM_TAG_BYTES     16

struct gcm_key;     /* key_bytes, at most GCM_KEY_BYTES, aligned to 64 */
struct gcm_context; /* GCM_CONTEXT_BYTES, aligned to 16; per call, on the stack */

typedef void (*gcm_crypt_fn)(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                             const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
                             uint64_t aad_len, uint8_t *tag, uint64_t tag_len);
typedef void (*gcm_init_fn)(const struct gcm_key *key, struct gcm_context *ctx, const uint8_t *iv,
                            const uint8_t *aad, uint64_t aad_len);
typedef void (*gcm_update_fn)(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                              const uint8_t *in, uint64_t len);
typedef void (*gcm_final_fn)(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *tag,
                             uint64_t tag_len);

struct gcm_provider {
	char name[32];    /* the code that runs: "vaes-avx512", "avx2", ... */
	char library[64]; /* "libIPSec_MB.so.1 1.3.0" */
	size_t key_bytes; /* what key_expand() and ghash_key() may write, a multiple of 64 */
	void (*key_expand)(const void *key32, struct gcm_key *out);
	/*
	 * In place or out of place. open() only computes the tag: the caller compares it, in
	 * constant time, before it uses the text.
	 */
	gcm_crypt_fn seal, open;
	/* The same in pieces, for chained buffers. */
	gcm_init_fn init;
	gcm_update_fn seal_update, open_update;
	gcm_final_fn seal_final, open_final;
	/* GHASH over LEN bytes, zero-padded to blocks; TAG holds the state before and after. */
	void (*ghash_key)(const void *h16, struct gcm_key *out);
	void (*ghash)(const struct gcm_key *key, const void *in, uint64_t len, void *tag,
	              uint64_t tag_len);
};

/*
 * Open the library and choose the code; later calls return at once. LIBRARY is a path, or
 * NULL for the system's. ENOENT when it cannot be loaded, ENOTSUP when the CPU lacks
 * AES-NI or a known-answer test fails.
 *
 * The choice: the library's own where it is the AVX-512 VAES code; else the VAES code for
 * AVX2 where CPU and library have it, since versions from 1.5 on export it but choose it
 * only on CPUs with GFNI; else the library's own. What is taken against the library's
 * choice, or by name, has given the same answers as that choice before.
 */
int gcm_provider_init(const char *library, struct err *err);

/*
 * The same with the code given by name: "vaes-avx512", "vaes-avx2", "avx512", "avx2" or
 * "sse"; "auto", "" and NULL choose as above. EINVAL: no such name; ENOTSUP: that code
 * cannot run here, with the reason; EBUSY: another one was chosen before.
 */
int gcm_provider_force(const char *library, const char *name, struct err *err);

/* The chosen table; NULL before gcm_provider_init(). */
const struct gcm_provider *gcm_provider(void);

/*
 * All code of LIBRARY that this CPU runs and that passes its known-answer test, the best
 * first, for tests and benchmarks; at most MAX. Chooses nothing. 0 with ERR when the library
 * cannot be loaded.
 */
unsigned int gcm_provider_list(const char *library, struct gcm_provider *out, unsigned int max,
                               struct err *err);

#endif
