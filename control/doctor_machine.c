/* SPDX-License-Identifier: BSD-3-Clause */

/* CPU, cores, clock, huge pages, memory that may be locked. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "control/doctor.h"

#define MIB         (1024.0 * 1024.0)
#define LOCK_LEAST  10.3 /* MiB: below it no gateway starts */
#define LOCK_USUAL  48.0 /* for keys and blocks */
#define LOCK_CARD   16.0 /* for a card behind vfio */
#define CAP_IPC     14   /* CAP_IPC_LOCK: no limit counts */
#define CLOCK_DIR   "/sys/devices/system/clocksource/clocksource0/"
#define HUGE_DIR    "/sys/kernel/mm/hugepages/"
#define SELF_STATUS "/proc/self/status"

static bool has_flag(const char *flags, const char *flag)
{
	size_t n = strlen(flag);

	for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += n)
		if ((at == flags || at[-1] == ' ' || at[-1] == '\t') &&
		    (at[n] == ' ' || at[n] == '\n' || at[n] == '\0'))
			return true;
	return false;
}

static void cpu(struct doctor *d)
{
	static const struct {
		const char *name, *flags[5];
		enum doctor_level without;
		const char *advice;
	} needs[] = {
	        {"AES-NI and PCLMULQDQ",
	         {"aes", "pclmulqdq", "sse4_2"},
	         DOCTOR_FAIL,
	         "another CPU, or let the hypervisor pass them on: no gateway runs without"},
	        {"AVX2", {"avx2", "bmi2"}, DOCTOR_WARN, "the gateway runs, and is slower"},
	        {"VAES and VPCLMULQDQ",
	         {"vaes", "vpclmulqdq"},
	         DOCTOR_WARN,
	         "the gateway runs; AES-GCM and privacy amplification are slower"},
	        {"AVX-512",
	         {"avx512f", "avx512bw", "avx512vl", "avx512dq"},
	         DOCTOR_WARN,
	         "the gateway runs; AES-GCM and LDPC are slower"},
	};
	char *flags = doctor_field(d, "/proc/cpuinfo", "flags");

	if (flags == NULL) {
		doctor_advise(doctor_add(d, "cpu", DOCTOR_FAIL, "/proc/cpuinfo names no flags"),
		              "x86-64 is needed, and /proc");
		return;
	}
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const char *missing = NULL;

		for (size_t k = 0; k < 5 && needs[i].flags[k] != NULL && missing == NULL; k++)
			if (!has_flag(flags, needs[i].flags[k]))
				missing = needs[i].flags[k];
		if (missing == NULL)
			doctor_add(d, "cpu", DOCTOR_OK, "%s", needs[i].name);
		else
			doctor_advise(doctor_add(d, "cpu", needs[i].without,
			                         "%s: the CPU has no %s", needs[i].name, missing),
			              "%s", needs[i].advice);
	}
	/* The data plane measures by the TSC. */
	if (!has_flag(flags, "constant_tsc") || !has_flag(flags, "nonstop_tsc"))
		doctor_advise(doctor_add(d, "clock", DOCTOR_WARN,
		                         "the CPU's time-stamp counter changes its rate, or stops"),
		              "fix the frequency in the firmware: times of packets are wrong");
	free(flags);
}

static void clock_source(struct doctor *d)
{
	char source[32];
	struct doctor_check *c;

	if (!doctor_line(d, CLOCK_DIR "current_clocksource", source, sizeof(source))) {
		doctor_advise(doctor_add(d, "clock", DOCTOR_WARN, "no clock source is told"),
		              "mount /sys");
		return;
	}
	if (strcmp(source, "tsc") == 0) {
		doctor_add(d, "clock", DOCTOR_OK, "clock source tsc");
		return;
	}
	c = doctor_add(d, "clock", DOCTOR_WARN, "clock source %s", source);
	if (strcmp(source, "kvm-clock") == 0 || strncmp(source, "hyperv", 6) == 0)
		doctor_advise(c, "fit for use in a virtual machine; tsc is steadier");
	else
		doctor_advise(c,
		              "reading it is slow: echo tsc >%scurrent_clocksource, or "
		              "clocksource=tsc at boot",
		              CLOCK_DIR);
}

/* Certificates, times of alarms and keys that expire go by the wall clock. */
static void synchronised(struct doctor *d)
{
	struct timex t = {0};

	/* Of a machine that does not run nobody can say. */
	if (d->root[0] != '\0' || adjtimex(&t) < 0)
		return;
	if ((t.status & STA_UNSYNC) == 0)
		doctor_add(d, "clock", DOCTOR_OK, "synchronised, off by %.3f s at most",
		           (double)t.maxerror / 1e6);
	else
		doctor_advise(doctor_add(d, "clock", DOCTOR_WARN, "nobody synchronises the time"),
		              "apt install chrony, and the same servers at both sites");
}

void doctor_allowed_cpus(const struct doctor *d, cpu_set_t *out)
{
	char *list = doctor_field(d, SELF_STATUS, "Cpus_allowed_list:");
	cpu_set_t wanted;

	doctor_cpus(list != NULL ? list : "", out);
	free(list);
	if (d->config->eal.cpus[0] == '\0')
		return;
	doctor_cpus(d->config->eal.cpus, &wanted);
	CPU_AND(out, out, &wanted);
}

static void cores(struct doctor *d)
{
	unsigned int lcores = doctor_lcores(d);
	cpu_set_t allowed, isolated, both;
	char list[256];
	int n;

	doctor_allowed_cpus(d, &allowed);
	n = CPU_COUNT(&allowed);
	if ((unsigned int)n > lcores)
		doctor_add(d, "cores", DOCTOR_OK, "%d CPUs for %u polling lcores and control", n,
		           lcores);
	else
		doctor_advise(doctor_add(d, "cores", DOCTOR_WARN,
		                         "%d CPUs for %u polling lcores and control: they share", n,
		                         lcores),
		              "more CPUs, or fewer of resources/forward-lcores and qkd-lcores");
	doctor_line(d, "/sys/devices/system/cpu/isolated", list, sizeof(list));
	doctor_cpus(list, &isolated);
	/* Whoever asks may use none of these: the service is told of them by its unit. */
	if (d->config->eal.cpus[0] != '\0') {
		doctor_cpus(d->config->eal.cpus, &allowed);
		CPU_AND(&both, &isolated, &allowed);
	} else {
		both = isolated;
	}
	if ((unsigned int)CPU_COUNT(&both) >= lcores)
		doctor_add(d, "isolation", DOCTOR_OK, "isolated CPUs: %s", list);
	else
		doctor_advise(
		        doctor_add(d, "isolation", DOCTOR_WARN,
		                   "%d of the gateway's CPUs are isolated, for %u polling "
		                   "lcores",
		                   CPU_COUNT(&both), lcores),
		        "where packets must not wait: lumengate-setup-machine --isolate CPUS: "
		        "isolcpus=, nohz_full= and rcu_nocbs= at boot, and CPUAffinity= of the "
		        "service");
}

/* Pages of KB kilobytes: all, or those free. */
static uint64_t pages(const struct doctor *d, unsigned int kb, const char *which)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), HUGE_DIR "hugepages-%ukB/%s", kb, which);
	return doctor_line(d, path, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static void huge_pages(struct doctor *d)
{
	static const unsigned int sizes[] = {2048, 1048576};
	bool pci = doctor_has_pci(d);
	uint64_t all = 0, free_mb = 0;
	unsigned int need = d->config->eal.memory_mb;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		all += pages(d, sizes[i], "nr_hugepages") * (sizes[i] / 1024);
		free_mb += pages(d, sizes[i], "free_hugepages") * (sizes[i] / 1024);
	}
	if (!d->config->eal.hugepages)
		doctor_add(d, "hugepages", DOCTOR_OK, "not used (resources/hugepages)");
	else if (free_mb >= need)
		doctor_add(d, "hugepages", DOCTOR_OK, "%" PRIu64 " MiB free, %u needed", free_mb,
		           need);
	else if (all >= need)
		doctor_advise(doctor_add(d, "hugepages", DOCTOR_WARN,
		                         "%" PRIu64 " of %" PRIu64 " MiB free, %u needed", free_mb,
		                         all, need),
		              "well when it is this gateway that has the others");
	else
		doctor_advise(doctor_add(d, "hugepages", pci ? DOCTOR_FAIL : DOCTOR_WARN,
		                         "%" PRIu64 " MiB, %u needed%s", all, need,
		                         pci ? "" : ": normal pages will do for virtual devices"),
		              "lumengate-setup-machine, or echo %u >" HUGE_DIR
		              "hugepages-2048kB/nr_hugepages, or hugepages=%u at boot",
		              (need + 1) / 2, (need + 1) / 2);
}

static void locked_memory(struct doctor *d)
{
	char *limit = doctor_field(d, "/proc/self/limits", "Max locked memory");
	char *caps = doctor_field(d, SELF_STATUS, "CapEff:");
	bool vfio = strcmp(d->config->qkd.transport, "vfio") == 0 && d->config->qkd.enabled;
	double need = LOCK_USUAL + (vfio ? LOCK_CARD : 0), mib = 0;
	bool unlimited = limit != NULL && strstr(limit, "unlimited") != NULL &&
	                 strspn(limit, " ") == (size_t)(strstr(limit, "unlimited") - limit);

	if (limit != NULL)
		mib = strtod(limit, NULL) / MIB;
	if (caps != NULL && (strtoull(caps, NULL, 16) >> CAP_IPC & 1) != 0)
		doctor_add(d, "locked-memory", DOCTOR_OK, "no limit counts: CAP_IPC_LOCK");
	else if (unlimited || mib >= need)
		doctor_add(d, "locked-memory", DOCTOR_OK, "%s, %.0f MiB needed",
		           unlimited ? "unlimited" : "enough", need);
	else
		doctor_advise(
		        doctor_add(d, "locked-memory", mib < LOCK_LEAST ? DOCTOR_FAIL : DOCTOR_WARN,
		                   "%.1f MiB for this user, %.0f needed, more for many tunnels "
		                   "and large blocks",
		                   mib, need),
		        "ulimit -l, or LimitMEMLOCK=infinity for the service");
	free(limit);
	free(caps);
}

void doctor_machine(struct doctor *d)
{
	cpu(d);
	clock_source(d);
	synchronised(d);
	if (d->config == NULL)
		return;
	cores(d);
	huge_pages(d);
	locked_memory(d);
}
