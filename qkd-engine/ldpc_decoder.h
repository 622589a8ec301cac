/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bob's decoder: finds the errors of one frame from the difference between Alice's syndrome
 * and his own. Row-layered belief propagation (Hocevar 2004) in bytes: a layer's messages use
 * what the layers before have found in the same sweep. The check rule is in ldpc_kernel.h. How
 * long it takes depends on the errors, and on nothing else of the key.
 *
 *     ldpc_decoder_start(d, syndrome, f, merged, true);
 *     while ((ret = ldpc_decoder_step(d)) == -EAGAIN)
 *             ;
 *     if (ret == 0) use ldpc_decoder_errors(d);
 */

#ifndef QKD_ENGINE_LDPC_DECODER_H
#define QKD_ENGINE_LDPC_DECODER_H

#include "qkd-engine/ldpc_kernel.h"
#include "qkd-engine/ldpc_plan.h"

/* Sweeps over all checks before a frame is given up, in its last attempt and before. */
#define LDPC_SWEEPS_MAX 80
#define LDPC_SWEEPS     50

struct ldpc_decoder;

/* PLAN is kept by reference. All memory is secret, of W. NULL: it does not fit. */
struct ldpc_decoder *ldpc_decoder_create_in(struct workspace *w, const struct ldpc_plan *plan,
                                            const struct ldpc_kernel *kernel);
/* What CODE takes of W with circulants of Z. */
void ldpc_decoder_size(struct workspace *w, const struct ldpc_code *code, size_t z);

/* Frame F with MERGED pairs; LAST: try longer. SYNDROME is kept by reference. */
void ldpc_decoder_start(struct ldpc_decoder *d, const uint64_t *syndrome, size_t f,
                        unsigned int merged, bool last);

/*
 * About 50 us of work: -EAGAIN; 0: the errors found have the syndrome, exactly; -ENOENT: given
 * up.
 */
int ldpc_decoder_step(struct ldpc_decoder *d);

/* After 0: the errors, as words of the code, in the key positions alone. */
const uint64_t *ldpc_decoder_errors(const struct ldpc_decoder *d);

/* Sweeps made for this frame. */
unsigned int ldpc_decoder_sweeps(const struct ldpc_decoder *d);

#endif
