/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Loaded before IPsec-MB (LD_PRELOAD): when a driver of DPDK lets the library choose its code, it
 * takes that for AVX2, so that ipsec-secgw runs here what it runs on a CPU without AVX-512. The
 * library is the one that the driver has loaded.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <intel-ipsec-mb.h>

static void *loaded(void)
{
	static const char *const names[] = {"libIPSec_MB.so.1", "libIPSec_MB.so.2"};
	void *library = NULL;

	for (unsigned int i = 0; i < 2 && library == NULL; i++)
		library = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
	return library;
}

/* That of intel-ipsec-mb.h, in place of the library's. */
void init_mb_mgr_auto(IMB_MGR *state, IMB_ARCH *arch)
{
	void (*init)(IMB_MGR * state) = NULL;
	void *library = loaded();

	if (library != NULL)
		*(void **)&init = dlsym(library, "init_mb_mgr_avx2");
	if (init == NULL) {
		fprintf(stderr, "the library has no code for AVX2 to choose\n");
		abort();
	}
	init(state);
	if (arch != NULL)
		*arch = IMB_ARCH_AVX2;
}
