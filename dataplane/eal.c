/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/eal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_pdump.h>

#include "common/log.h"
#include "config/config.h"
#include "dataplane/eal_huge.h"

LOG_COMPONENT_DEFINE(eal)

#define LCORES_MAX 32
/* The argument of net_bonding that names a member: 23.11 renamed it. */
#ifdef HAVE_BOND_MEMBER
#define BOND_MEMBER_KEY "member="
#else
#define BOND_MEMBER_KEY "slave="
#endif
#define HUGE_PAGE (2UL << 20)

static bool on_hugepages, has_secondaries;
/* Of hugepages in files; "": they are not. */
static char shared_dir[PATH_MAX], shared_prefix[64];

bool eal_device_is_pci(const char *device)
{
	unsigned int domain, bus, slot, function;
	int used = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) != 4 &&
	    sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &used) != 3)
		return false;
	return device[used] == '\0' || device[used] == ',';
}

void eal_device_name(const char *device, char *name, size_t size)
{
	snprintf(name, size, "%.*s", (int)strcspn(device, ","), device);
}

int eal_cpus_parse(const char *list, cpu_set_t *set, struct err *err)
{
	const char *p = list;

	CPU_ZERO(set);
	for (;;) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (end == p || *p < '0' || *p > '9')
			return err_set(err, EINVAL, "cpus \"%s\": a number is missing", list);
		p = end;
		if (*p == '-') {
			p++;
			last = strtoul(p, &end, 10);
			if (end == p || *p < '0' || *p > '9')
				return err_set(err, EINVAL, "cpus \"%s\": a range has no end",
				               list);
			p = end;
		}
		if (last < first || last >= CPU_SETSIZE)
			return err_set(err, EINVAL, "cpus \"%s\": range %lu-%lu is not valid", list,
			               first, last);
		for (unsigned long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, set);
		if (*p == '\0')
			return 0;
		if (*p++ != ',')
			return err_set(err, EINVAL, "cpus \"%s\": a comma is missing", list);
	}
}

/* Hugepages that the kernel has free, of any size, in MiB. */
static uint64_t hugepages_free_mb(void)
{
	static const char root[] = "/sys/kernel/mm/hugepages";
	uint64_t free_kb = 0;
	struct dirent *entry;
	DIR *dir = opendir(root);

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		unsigned long size_kb, pages;
		char path[PATH_MAX];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", root, entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			free_kb += size_kb * pages;
		fclose(file);
	}
	closedir(dir);
	return free_kb / 1024;
}

bool eal_hugepages_usable(unsigned int memory_mb)
{
	void *p;

	if (hugepages_free_mb() < memory_mb)
		return false;
	/* A cgroup or a container may still deny them. */
	p = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	         -1, 0);
	if (p == MAP_FAILED)
		return false;
	munmap(p, HUGE_PAGE);
	return true;
}

bool eal_has_secondaries(void)
{
	return has_secondaries;
}

bool eal_on_hugepages(void)
{
	return on_hugepages;
}

static int add(struct eal_args *args, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (args->count == EAL_ARGS_MAX - 1)
		return err_set(err, E2BIG, "eal: too many arguments");
	va_start(ap, fmt);
	n = vsnprintf(args->text[args->count], sizeof(args->text[0]), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(args->text[0]))
		return err_set(err, E2BIG, "eal: the argument \"%s\" is too long",
		               args->text[args->count]);
	args->value[args->count] = args->text[args->count];
	args->value[++args->count] = NULL;
	return 0;
}

/* "0@(0-1),1@(0-1)", or one CPU for each polling lcore when there are enough. */
static int lcores_text(const struct eal_config *config, const cpu_set_t *allowed, char *text,
                       size_t size, struct err *err)
{
	char all[256] = "";
	int cpu[LCORES_MAX + 1];
	unsigned int count = 0;
	size_t len = 0;

	for (int c = 0; c < CPU_SETSIZE; c++) {
		if (!CPU_ISSET(c, allowed))
			continue;
		if (count <= LCORES_MAX)
			cpu[count] = c;
		count++;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%d", len > 0 ? "," : "",
		                        c);
		/* More than fit are more than enough. */
		if (len + 8 > sizeof(all))
			break;
	}
	if (count == 0)
		return err_set(err, EINVAL, "cpus: none of them may be used by this process");
	len = (size_t)snprintf(text, size, "0@(%s)", all);
	for (unsigned int i = 1; i <= config->lcores && len < size; i++) {
		if (count > config->lcores)
			len += (size_t)snprintf(text + len, size - len, ",%u@%d", i, cpu[i]);
		else
			len += (size_t)snprintf(text + len, size - len, ",%u@(%s)", i, all);
	}
	if (len >= size)
		return err_set(err, E2BIG, "cpus: the list of lcores is too long");
	return 0;
}

static int add_device(struct eal_args *args, const char *device, bool *pci, struct err *err);

/* The members of a bonded device, then itself in the words of this DPDK. */
static int add_bond(struct eal_args *args, const char *device, bool *pci, struct err *err)
{
	char text[512], member[CONFIG_MEMBER_TEXT];
	struct config_bond_argument a;
	size_t len = strcspn(device, ",");
	int rc = 0;

	len = (size_t)snprintf(text, sizeof(text), "%.*s", (int)len, device);
	for (unsigned int i = 0; rc == 0 && config_bond_argument(device, i, &a); i++) {
		if (len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, ",%s%s",
			                        a.is_member ? BOND_MEMBER_KEY : "", a.text);
		if (!a.is_member)
			continue;
		memcpy(member, a.text, sizeof(member));
		rc = add_device(args, member, pci, err);
	}
	return rc < 0 ? rc : add(args, err, "--vdev=%s", text);
}

static int add_device(struct eal_args *args, const char *device, bool *pci, struct err *err)
{
	bool is_pci = eal_device_is_pci(device);

	if (config_device_is_bond(device))
		return add_bond(args, device, pci, err);
	*pci |= is_pci;
	return add(args, err, "%s%s", is_pci ? "--allow=" : "--vdev=", device);
}

int eal_args_build(const struct eal_config *config, const cpu_set_t *allowed, bool hugepages,
                   struct eal_args *args, struct err *err)
{
	char lcores[480];
	bool pci = false;
	int rc;

	args->count = 0;
	if (config->lcores < 1 || config->lcores > LCORES_MAX)
		return err_set(err, EINVAL, "lcores: %u is not within 1 to %u", config->lcores,
		               LCORES_MAX);
	if (config->device_count > EAL_DEVICES_MAX)
		return err_set(err, EINVAL, "devices: more than %u", EAL_DEVICES_MAX);
	rc = lcores_text(config, allowed, lcores, sizeof(lcores), err);
	if (rc < 0)
		return rc;
	if ((rc = add(args, err, "lumengate")) < 0 ||
	    (rc = add(args, err, "--file-prefix=%s", config->file_prefix)) < 0 ||
	    (rc = add(args, err, "--lcores=%s", lcores)) < 0 ||
	    (rc = add(args, err, "--log-level=notice")) < 0 || (rc = add(args, err, "-m")) < 0 ||
	    (rc = add(args, err, "%u", config->memory_mb)) < 0)
		return rc;
	/*
	 * Neither mode leaves memory files behind; DPDK does not take the two together. Secondary
	 * processes need the files.
	 */
	if (!hugepages)
		rc = add(args, err, "--no-huge");
	else
		rc = config->secondaries ? 0 : add(args, err, "--in-memory");
	if (rc == 0 && !hugepages)
		rc = add(args, err, "--no-shconf");
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < config->device_count; i++) {
		rc = add_device(args, config->devices[i], &pci, err);
		if (rc < 0)
			return rc;
	}
	/* Memory addresses matter to PCI devices only: there, let DPDK see what the bus needs. */
	if (!pci &&
	    ((rc = add(args, err, "--no-pci")) < 0 || (rc = add(args, err, "--iova-mode=va")) < 0))
		return rc;
	if (!config->telemetry && (rc = add(args, err, "--no-telemetry")) < 0)
		return rc;
	return 0;
}

/* What primary and secondary processes share: of no use once the primary is gone. */
static void remove_shared(const char *runtime_dir)
{
	DIR *dir = opendir(runtime_dir);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	/* DPDK leaves the pages, with packets in them, to the next start. */
	eal_huge_clean(shared_dir, shared_prefix);
}

/* DPDK unlinks its telemetry socket at exit only, and the directory never. */
static void remove_runtime_dir(void)
{
	const char *dir = rte_eal_get_runtime_dir();
	char path[PATH_MAX];

	if (dir == NULL || dir[0] == '\0')
		return;
	if (shared_dir[0] != '\0')
		remove_shared(dir);
	shared_dir[0] = '\0';
	snprintf(path, sizeof(path), "%s/dpdk_telemetry.v2", dir);
	unlink(path);
	/* What is not empty is another process' and stays. */
	rmdir(dir);
}

/* What is left of the wish for secondary processes; stale files go before pages are counted. */
static bool prepare_secondaries(const struct eal_config *config, char *dir, size_t size)
{
	if (!config->hugepages || !config->secondaries)
		return false;
	if (!eal_huge_dir("/proc/mounts", dir, size)) {
		log_warn("secondary processes cannot attach: no hugetlbfs is mounted");
		return false;
	}
	eal_huge_clean(dir, config->file_prefix);
	return true;
}

/* dpdk-dumpcap asks through this; without it the gateway runs all the same. */
static void open_to_secondaries(void)
{
	has_secondaries = rte_pdump_init() == 0;
	if (!has_secondaries)
		log_warn("dpdk-dumpcap cannot attach: %s", rte_strerror(rte_errno));
}

int eal_start(const struct eal_config *wish, struct err *err)
{
	static struct eal_args args;
	struct eal_config copy = *wish, *config = &copy;
	char dir[PATH_MAX];
	cpu_set_t allowed, wanted;
	int rc;

	copy.secondaries = prepare_secondaries(wish, dir, sizeof(dir));

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return err_set(err, errno, "cpus: cannot read the allowed CPUs");
	if (config->cpus != NULL && config->cpus[0] != '\0') {
		rc = eal_cpus_parse(config->cpus, &wanted, err);
		if (rc < 0)
			return rc;
		CPU_AND(&allowed, &allowed, &wanted);
	}
	on_hugepages = config->hugepages && eal_hugepages_usable(config->memory_mb);
	rc = eal_args_build(config, &allowed, on_hugepages, &args, err);
	if (rc < 0)
		return rc;
	if (on_hugepages && copy.secondaries) {
		memcpy(shared_dir, dir, sizeof(shared_dir));
		snprintf(shared_prefix, sizeof(shared_prefix), "%s", config->file_prefix);
	}
	rte_openlog_stream(stderr);
	if (rte_eal_init(args.count, args.value) < 0) {
		rc = rte_errno > 0 ? rte_errno : EIO;
		remove_runtime_dir();
		return err_set(err, rc, "DPDK did not start (%s); its reason is in the lines above",
		               rte_strerror(rc));
	}
	if (shared_dir[0] != '\0')
		open_to_secondaries();
	return 0;
}

void eal_stop(void)
{
	if (has_secondaries)
		rte_pdump_uninit();
	has_secondaries = false;
	rte_eal_cleanup();
	remove_runtime_dir();
}
