/* SPDX-License-Identifier: BSD-3-Clause */

/* What an engine can be created with. */

#include <errno.h>

#include "qkd-engine/engine_state.h"

#define BLOCK_BITS_MIN       4096
#define BLOCK_BITS_MAX       16000000
#define BLOCK_DETECTIONS_MAX (4u * BLOCK_BITS_MAX)

int engine_config_check(const struct engine_config *c, struct err *err)
{
	const struct finite_key_source *s = &c->source;
	const struct finite_key_input nothing = {.source = *s};
	struct finite_key_result bound;

	if (c->block_bits < BLOCK_BITS_MIN || c->block_bits > BLOCK_BITS_MAX)
		return err_set(err, EINVAL, "block-bits: %u is not within %u to %u", c->block_bits,
		               BLOCK_BITS_MIN, BLOCK_BITS_MAX);
	if (c->frame_bits < CASCADE_FRAME_MIN || c->frame_bits > CASCADE_FRAME_MAX)
		return err_set(err, EINVAL, "frame-bits: %u is not within %u to %u", c->frame_bits,
		               CASCADE_FRAME_MIN, CASCADE_FRAME_MAX);
	if (!(s->mu[1] > 0 && s->mu[0] > s->mu[1] && s->mu[0] <= 1))
		return err_set(err, EINVAL,
		               "intensities: %g and %g are not 1 >= signal > decoy > 0", s->mu[0],
		               s->mu[1]);
	if (!(s->p[0] > 0 && s->p[1] > 0 && s->p[0] + s->p[1] <= 1.000001))
		return err_set(err, EINVAL, "intensities: probabilities %g and %g do not add to 1",
		               s->p[0], s->p[1]);
	if (!(c->p_z > 0 && c->p_z <= 1 && engine_block_detections(c) <= BLOCK_DETECTIONS_MAX))
		return err_set(err, EINVAL,
		               "p-z: with %g a block of %u bits takes more than %u detections",
		               c->p_z, c->block_bits, BLOCK_DETECTIONS_MAX);
	if (!(s->eps_sec > 0 && s->eps_sec < 1 && s->eps_cor > 0 && s->eps_cor < 1))
		return err_set(err, EINVAL, "epsilons: %g and %g are not within 0 to 1", s->eps_sec,
		               s->eps_cor);
	if (c->proof >= FINITE_KEY_PROOFS || finite_key_intensities(c->proof) != 2)
		return err_set(err, EINVAL, "proof: %s is not for one decoy",
		               finite_key_proof_name(c->proof));
	if (finite_key_bound(c->proof, &nothing, &bound) < 0)
		return err_set(err, EINVAL, "%s", bound.reason);
	if (c->leak_mode >= LEAK_MODES || c->leak_mode == LEAK_ERROR_PATTERN)
		return err_set(err, EINVAL,
		               "leak-mode: %s needs a proof that grants the eavesdropper the error "
		               "pattern, and there is none for this protocol",
		               leak_mode_name(c->leak_mode));
	if (c->reconciliation >= RECONCILE_METHODS)
		return err_set(err, EINVAL, "reconciliation: there is no such method");
	if (c->leak_mode == LEAK_ONE_WAY && c->reconciliation == RECONCILE_CASCADE)
		return err_set(err, EINVAL,
		               "leak-mode: one-way is not for cascade, whose questions tell of "
		               "the receiver's bits");
	if (c->reconciliation == RECONCILE_LDPC && c->leak_mode != LEAK_AUTO &&
	    c->leak_mode != LEAK_ONE_WAY)
		return err_set(err, EINVAL, "leak-mode: %s is not for ldpc, which is one-way",
		               leak_mode_name(c->leak_mode));
	if (!(c->qber_abort > 0 && c->qber_abort < 0.5))
		return err_set(err, EINVAL, "qber-abort: %g is not within 0 to 0.5", c->qber_abort);
	if (!(c->qber_alarm > 0 && c->qber_alarm < 0.25))
		return err_set(err, EINVAL, "qber-alarm: %g is not within 0 to 0.25",
		               c->qber_alarm);
	if (c->sample_interval < 2)
		return err_set(err, EINVAL, "sample-interval: %u is below 2", c->sample_interval);
	return engine_memory_check(c, err);
}
