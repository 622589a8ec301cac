/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/decoy.h"

#include <string.h>

#include "common/decoy_share.h"
#include "drivers/watch/monitors.h"

#define FEWER 0.9

void watch_decoy_init(struct watch_decoy *w, double mu, double nu, double p_mu, double p_nu)
{
	memset(w, 0, sizeof(*w));
	w->p0 = decoy_share(mu, nu, p_mu, p_nu, 1);
	w->p1 = decoy_share(mu, nu, p_mu, p_nu, FEWER);
	cusum_init(&w->few, watch_nats(WATCH_DECOY));
}

uint32_t watch_decoy_add(struct watch_decoy *w, uint64_t signal, uint64_t decoy)
{
	uint64_t n = signal + decoy;

	/* A vacuum for a decoy has no least share. */
	if (n == 0 || w->p1 <= 0)
		return 0;
	w->share = (double)decoy / (double)n;
	return cusum_add(&w->few, ratio_binomial(decoy, n, w->p0, w->p1), (double)n)
	               ? 1u << WATCH_DECOY
	               : 0;
}
