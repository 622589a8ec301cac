/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Hugepages in files, which DPDK's secondary processes such as dpdk-dumpcap map. A process that
 * was killed leaves its files, and the pages with them, to be found taken by its successor.
 */

#ifndef DATAPLANE_EAL_HUGE_H
#define DATAPLANE_EAL_HUGE_H

#include <stdbool.h>
#include <stddef.h>

/* The first mount of hugetlbfs in MOUNTS ("/proc/mounts"); false when there is none. */
bool eal_huge_dir(const char *mounts, char *out, size_t size);

/* Remove what a dead process of FILE_PREFIX left in DIR: nobody holds its lock. */
void eal_huge_clean(const char *dir, const char *file_prefix);

#endif
