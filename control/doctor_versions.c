/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK and IPsec-MB as they are installed: loaded, asked, and let go. */

#include <dlfcn.h>
#include <stdio.h>

#include <rte_version.h>

#include "common/gcm.h"
#include "control/doctor.h"

#define CODES_MAX 8

/*
 * The ABI of a long-term release YEAR.11 is YEAR + 1, and its minor releases of the year after add
 * to it (doc/guides/contributing/abi_policy.rst).
 */
#define DPDK_ABI (RTE_VER_MONTH == 11 ? RTE_VER_YEAR + 1 : RTE_VER_YEAR)

static void dpdk(struct doctor *d)
{
	char name[32];
	const char *(*version)(void);
	struct doctor_check *c;
	void *library;

	snprintf(name, sizeof(name), "librte_eal.so.%d", DPDK_ABI);
	library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	version = library != NULL ? (const char *(*)(void))dlsym(library, "rte_version") : NULL;
	if (version == NULL) {
		c = doctor_add(d, "dpdk", DOCTOR_FAIL, "%s cannot be loaded", name);
		doctor_advise(c, "install the packages of DPDK %d.%02d, which this was built with",
		              RTE_VER_YEAR, RTE_VER_MONTH);
	} else {
		doctor_add(d, "dpdk", DOCTOR_OK, "%s, built with %d.%02d.%d", version(),
		           RTE_VER_YEAR, RTE_VER_MONTH, RTE_VER_MINOR);
	}
	/* Left open: its constructors have registered what its destructors do not take back. */
}

static void ipsec_mb(struct doctor *d)
{
	const char *path =
	        d->config != NULL && d->config->ipsec_mb[0] != '\0' ? d->config->ipsec_mb : NULL;
	struct gcm_provider codes[CODES_MAX];
	struct err err = {0};
	unsigned int n = gcm_provider_list(path, codes, CODES_MAX, &err);

	if (n > 0)
		doctor_add(d, "ipsec-mb", DOCTOR_OK, "%s, the best code that runs here is %s",
		           codes[0].library, codes[0].name);
	else
		doctor_advise(doctor_add(d, "ipsec-mb", DOCTOR_FAIL, "%s",
		                         err.code != 0 ? err.text : "none of its code runs here"),
		              "install libipsec-mb1, or name another in resources/ipsec-mb");
}

void doctor_versions(struct doctor *d)
{
	dpdk(d);
	ipsec_mb(d);
}
