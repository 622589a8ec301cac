/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm_upper.h"

/* Written before P is used, at start. */
static struct gcm_provider behind;

/* Compilers keep nothing in these registers over a call. */
static inline void clean(void)
{
	__asm__ volatile("vzeroupper");
}

static void seal(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                 const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
                 uint64_t aad_len, uint8_t *tag, uint64_t tag_len)
{
	behind.seal(key, ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	clean();
}

static void open(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                 const uint8_t *in, uint64_t len, const uint8_t *iv, const uint8_t *aad,
                 uint64_t aad_len, uint8_t *tag, uint64_t tag_len)
{
	behind.open(key, ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	clean();
}

static void init(const struct gcm_key *key, struct gcm_context *ctx, const uint8_t *iv,
                 const uint8_t *aad, uint64_t aad_len)
{
	behind.init(key, ctx, iv, aad, aad_len);
	clean();
}

static void seal_update(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                        const uint8_t *in, uint64_t len)
{
	behind.seal_update(key, ctx, out, in, len);
	clean();
}

static void open_update(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *out,
                        const uint8_t *in, uint64_t len)
{
	behind.open_update(key, ctx, out, in, len);
	clean();
}

static void seal_final(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *tag,
                       uint64_t tag_len)
{
	behind.seal_final(key, ctx, tag, tag_len);
	clean();
}

static void open_final(const struct gcm_key *key, struct gcm_context *ctx, uint8_t *tag,
                       uint64_t tag_len)
{
	behind.open_final(key, ctx, tag, tag_len);
	clean();
}

static void key_expand(const void *key, struct gcm_key *out)
{
	behind.key_expand(key, out);
	clean();
}

static void ghash_key(const void *h, struct gcm_key *out)
{
	behind.ghash_key(h, out);
	clean();
}

static void ghash(const struct gcm_key *key, const void *in, uint64_t len, void *tag,
                  uint64_t tag_len)
{
	behind.ghash(key, in, len, tag, tag_len);
	clean();
}

bool gcm_upper_clean(struct gcm_provider *p)
{
	if (behind.seal != NULL && behind.seal != p->seal)
		return false;
	behind = *p;
	p->seal = seal;
	p->open = open;
	p->init = init;
	p->seal_update = seal_update;
	p->open_update = open_update;
	p->seal_final = seal_final;
	p->open_final = open_final;
	p->key_expand = key_expand;
	p->ghash_key = ghash_key;
	p->ghash = ghash;
	return true;
}
