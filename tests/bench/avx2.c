/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Loaded before IPsec-MB (LD_PRELOAD): when a driver of DPDK lets the library choose its code, it
 * takes that for AVX2, so that ipsec-secgw runs here what it runs on a CPU without AVX-512.
 */

#include <intel-ipsec-mb.h>

/* That of intel-ipsec-mb.h, in place of the library's. */
void init_mb_mgr_auto(IMB_MGR *state, IMB_ARCH *arch)
{
	init_mb_mgr_avx2(state);
	if (arch != NULL)
		*arch = IMB_ARCH_AVX2;
}
