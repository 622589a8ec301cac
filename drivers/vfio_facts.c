/* SPDX-License-Identifier: BSD-3-Clause */

/* What sysfs says about a PCI function, and whether vfio can open it. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/vfio.h"

#define VFIO_PATH 512

/* 0000:00:00.0 */
static bool is_address(const char *s)
{
	static const char form[] = "hhhh:hh:hh.o";

	if (strlen(s) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i] != '\0'; i++) {
		bool good = form[i] == 'h'   ? isxdigit((unsigned char)s[i]) != 0
		            : form[i] == 'o' ? s[i] >= '0' && s[i] <= '7'
		                             : s[i] == form[i];

		if (!good)
			return false;
	}
	return true;
}

/* The last part of where a link of the function points, "" when there is none. */
static void link_of(const char *root, const char *address, const char *name, char *out, size_t n)
{
	char path[VFIO_PATH], target[256];
	const char *last;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, address, name);
	got = readlink(path, target, sizeof(target) - 1);
	target[got > 0 ? got : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(out, n, "%s", last != NULL ? last + 1 : "");
}

static uint16_t id_of(const char *root, const char *address, const char *name)
{
	char path[VFIO_PATH], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, address, name);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	fclose(f);
	return (uint16_t)strtoul(text, NULL, 16);
}

/* Functions of the group whose driver is neither vfio's nor harmless to it. */
static unsigned int others_in(const char *root, int group)
{
	char path[VFIO_PATH], driver[32];
	unsigned int n = 0;
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", root, group);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		link_of(root, entry->d_name, "driver", driver, sizeof(driver));
		n += driver[0] != '\0' && strncmp(driver, "vfio", 4) != 0 &&
		     strcmp(driver, "pcieport") != 0 && strcmp(driver, "pci-stub") != 0;
	}
	closedir(dir);
	return n;
}

int vfio_facts_read_at(const char *root, const char *address, struct vfio_facts *out,
                       struct err *err)
{
	char group[32], path[VFIO_PATH];
	int fd;

	*out = (struct vfio_facts){.group = -1};
	if (!is_address(address))
		return err_set(err, EINVAL, "card %.40s: not a PCI address such as 0000:3b:00.0",
		               address);
	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", root);
	out->vfio = access(path, F_OK) == 0;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, address);
	out->present = access(path, F_OK) == 0;
	if (!out->present)
		return 0;
	out->vendor = id_of(root, address, "vendor");
	out->device = id_of(root, address, "device");
	link_of(root, address, "driver", out->driver, sizeof(out->driver));
	link_of(root, address, "iommu_group", group, sizeof(group));
	if (group[0] == '\0')
		return 0;
	out->group = atoi(group);
	out->group_others = others_in(root, out->group);
	snprintf(path, sizeof(path), "%s/dev/vfio/%d", root, out->group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	out->may_open = fd >= 0;
	out->busy = fd < 0 && errno == EBUSY;
	if (fd >= 0)
		close(fd);
	return 0;
}

int vfio_facts_read(const char *address, struct vfio_facts *out, struct err *err)
{
	return vfio_facts_read_at("", address, out, err);
}

int vfio_facts_judge(const char *address, const struct vfio_facts *f, struct err *err)
{
	if (!f->present)
		return err_set(err, ENODEV, "card %s: no such PCI function", address);
	if (f->group < 0)
		return err_set(err, ENOTSUP,
		               "card %s: no IOMMU takes care of it: switch it on (intel_iommu=on "
		               "or amd_iommu=on, and in the firmware)",
		               address);
	if (strcmp(f->driver, "vfio-pci") != 0)
		return err_set(err, EINVAL,
		               "card %s: its driver is %s: bind it to vfio-pci (driverctl "
		               "set-override %s vfio-pci)",
		               address, f->driver[0] != '\0' ? f->driver : "none", address);
	if (f->group_others > 0)
		return err_set(err, EBUSY,
		               "card %s: %u other functions of its IOMMU group %d have drivers of "
		               "the kernel: move the card to another slot or bind them too",
		               address, f->group_others, f->group);
	if (!f->vfio)
		return err_set(err, ENODEV, "card %s: no /dev/vfio/vfio: load vfio_iommu_type1",
		               address);
	if (f->busy)
		return err_set(err, EBUSY, "card %s: another process drives it", address);
	if (!f->may_open)
		return err_set(err, EACCES, "card %s: /dev/vfio/%d may not be opened", address,
		               f->group);
	return 0;
}
