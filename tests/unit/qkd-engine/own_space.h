/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One end of reconciliation in a workspace W of its own, as large as it asks for: NULL with errno
 * as of the functions that are called, and W needs nothing then; else workspace_fini(&w) ends it.
 */

#ifndef TESTS_OWN_SPACE_H
#define TESTS_OWN_SPACE_H

#include <errno.h>

#include "qkd-engine/cascade.h"
#include "qkd-engine/ldpc.h"
#include "qkd-engine/ldpc_decoder.h"
#include "qkd-engine/workspace.h"

static inline bool own_space(struct workspace *w, int sized, const struct workspace_size *size)
{
	int ret = sized < 0 ? sized : workspace_init(w, size);

	errno = ret < 0 ? -ret : 0;
	return ret >= 0;
}

static inline void *own_or_none(struct workspace *w, void *end)
{
	if (end == NULL)
		workspace_fini(w);
	return end;
}

static inline struct cascade_alice *
cascade_alice_own(struct workspace *w, const struct cascade_params *p, const uint64_t *key)
{
	struct workspace_size size;

	if (!own_space(w, cascade_size(p, &size), &size))
		return NULL;
	return own_or_none(w, cascade_alice_create_in(w, p, key));
}

static inline struct cascade_bob *cascade_bob_own(struct workspace *w,
                                                  const struct cascade_params *p, uint64_t *key)
{
	struct workspace_size size;

	if (!own_space(w, cascade_size(p, &size), &size))
		return NULL;
	return own_or_none(w, cascade_bob_create_in(w, p, key));
}

static inline struct ldpc_alice *ldpc_alice_own(struct workspace *w, const struct ldpc_params *p,
                                                const uint64_t *key)
{
	struct workspace_size size;

	if (!own_space(w, ldpc_alice_size(p->bits, p->frame_bits, &size), &size))
		return NULL;
	return own_or_none(w, ldpc_alice_create_in(w, p, key));
}

static inline struct ldpc_bob *ldpc_bob_own(struct workspace *w, const struct ldpc_params *p,
                                            uint64_t *key)
{
	struct workspace_size size;

	if (!own_space(w, ldpc_bob_size(p->bits, p->frame_bits, &size), &size))
		return NULL;
	return own_or_none(w, ldpc_bob_create_in(w, p, key));
}

static inline struct ldpc_decoder *ldpc_decoder_own(struct workspace *w,
                                                    const struct ldpc_plan *plan,
                                                    const struct ldpc_kernel *kernel)
{
	struct workspace count = {0};

	ldpc_decoder_size(&count, plan->code, plan->z);
	if (!own_space(w, 0, &count.most))
		return NULL;
	return own_or_none(w, ldpc_decoder_create_in(w, plan, kernel));
}

#endif
