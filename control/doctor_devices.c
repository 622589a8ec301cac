/* SPDX-License-Identifier: BSD-3-Clause */

/* IOMMU, optical card, NICs and their drivers. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/doctor.h"
#include "drivers/card_regs.h"
#include "drivers/vfio.h"

#define PCI_DIR "/sys/bus/pci/devices/"

void doctor_each_pci(struct doctor *d,
                     void (*back)(struct doctor *d, const char *what, const char *address))
{
	const struct config_port *const ports[] = {&d->config->lan, &d->config->wan};
	static const char *const names[] = {"lan port", "wan port"};
	char members[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_TEXT], address[16];

	for (unsigned int i = 0; i < 2; i++) {
		unsigned int n = config_bond_members(ports[i]->device, members, CONFIG_MEMBERS_MAX);

		if (doctor_pci(ports[i]->device, address))
			back(d, names[i], address);
		for (unsigned int k = 0; k < n; k++)
			if (doctor_pci(members[k], address))
				back(d, names[i], address);
	}
	if (doctor_pci(d->config->crypto_device, address))
		back(d, "crypto device", address);
}

static int group_of(const struct doctor *d, const char *address)
{
	char path[128], group[32];

	snprintf(path, sizeof(path), PCI_DIR "%s/iommu_group", address);
	doctor_link(d, path, group, sizeof(group));
	return group[0] != '\0' ? atoi(group) : -1;
}

static unsigned int entries(const struct doctor *d, const char *path)
{
	char full[DOCTOR_PATH];
	DIR *dir = opendir(doctor_path(d, path, full));
	const struct dirent *e;
	unsigned int n = 0;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static bool has_vfio_card(const struct doctor *d)
{
	return d->config->qkd.enabled && strcmp(d->config->qkd.transport, "vfio") == 0;
}

static void iommu(struct doctor *d)
{
	unsigned int groups = entries(d, "/sys/kernel/iommu_groups");
	bool card = has_vfio_card(d), pci = doctor_has_pci(d);

	if (groups > 0)
		doctor_add(d, "iommu", DOCTOR_OK, "on, %u groups", groups);
	else if (!card && !pci)
		doctor_add(d, "iommu", DOCTOR_OK, "off, and no PCI device needs it");
	else
		doctor_advise(
		        doctor_add(d, "iommu", card ? DOCTOR_FAIL : DOCTOR_WARN, "off: %s",
		                   card ? "no card is opened without it"
		                        : "NICs reach all of the memory"),
		        "intel_iommu=on or amd_iommu=on iommu=pt at boot, and VT-d or AMD-Vi in "
		        "the firmware");
}

static void nic(struct doctor *d, const char *what, const char *address)
{
	/* Their drivers leave the function with the kernel. */
	static const char *const shared[] = {"mlx5_core", "mlx4_core", "mana"};
	char path[128], full[DOCTOR_PATH], driver[32];
	struct doctor_check *c;

	snprintf(path, sizeof(path), PCI_DIR "%s", address);
	if (access(doctor_path(d, path, full), F_OK) != 0) {
		doctor_advise(doctor_add(d, "nic", DOCTOR_FAIL, "%s %s: no such PCI function", what,
		                         address),
		              "lspci -D lists them");
		return;
	}
	snprintf(path, sizeof(path), PCI_DIR "%s/driver", address);
	doctor_link(d, path, driver, sizeof(driver));
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (strcmp(driver, shared[i]) == 0) {
			doctor_add(d, "nic", DOCTOR_OK, "%s %s: %s, which DPDK shares", what,
			           address, driver);
			return;
		}
	if (strcmp(driver, "vfio-pci") == 0) {
		doctor_add(d, "nic", DOCTOR_OK, "%s %s: bound to vfio-pci", what, address);
	} else if (strcmp(driver, "igb_uio") == 0 || strcmp(driver, "uio_pci_generic") == 0) {
		c = doctor_add(d, "nic", DOCTOR_WARN, "%s %s: bound to %s, past the IOMMU", what,
		               address, driver);
		doctor_advise(c, "lumengate-setup-machine, or driverctl set-override %s vfio-pci",
		              address);
	} else {
		c = doctor_add(d, "nic", DOCTOR_FAIL, "%s %s: its driver is %s", what, address,
		               driver[0] != '\0' ? driver : "none");
		doctor_advise(c, "lumengate-setup-machine, or driverctl set-override %s vfio-pci",
		              address);
	}
}

static void interface(struct doctor *d, const char *what, const struct config_port *port)
{
	const char *at = strstr(port->device, ",iface=");
	char name[32], path[96], full[DOCTOR_PATH], text[32];
	unsigned long flags, mtu;

	if (at == NULL || strncmp(port->device, "net_af_packet", 13) != 0)
		return;
	at += strlen(",iface=");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	if (access(doctor_path(d, path, full), F_OK) != 0) {
		doctor_advise(doctor_add(d, "nic", DOCTOR_FAIL, "%s: there is no interface %s",
		                         what, name),
		              "ip link lists them");
		return;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", name);
	doctor_line(d, path, text, sizeof(text));
	flags = strtoul(text, NULL, 16);
	snprintf(path, sizeof(path), "/sys/class/net/%s/mtu", name);
	doctor_line(d, path, text, sizeof(text));
	mtu = strtoul(text, NULL, 10);
	if ((flags & 1) == 0)
		doctor_advise(
		        doctor_add(d, "nic", DOCTOR_FAIL, "%s: interface %s is down", what, name),
		        "ip link set %s up", name);
	else if (mtu < port->mtu)
		doctor_advise(doctor_add(d, "nic", DOCTOR_FAIL,
		                         "%s: interface %s has an MTU of %lu, not %u", what, name,
		                         mtu, port->mtu),
		              "ip link set %s mtu %u", name, port->mtu);
	else
		doctor_add(d, "nic", DOCTOR_OK, "%s: kernel interface %s is up, MTU %lu", what,
		           name, mtu);
}

static void same_group(struct doctor *d, const char *what, const char *address)
{
	int group = group_of(d, d->config->qkd.path);

	if (group < 0 || group != group_of(d, address))
		return;
	doctor_advise(doctor_add(d, "card", DOCTOR_FAIL,
	                         "IOMMU group %d of card %s holds the %s %s, which DPDK opens",
	                         group, d->config->qkd.path, what, address),
	              "a group has one opener: move the card, or the NIC, to another slot");
}

static void vfio_card(struct doctor *d)
{
	const char *address = d->config->qkd.path;
	struct vfio_facts facts;
	struct doctor_check *c;
	struct err err = {0};
	char *colon;

	if (vfio_facts_read_at(d->root, address, &facts, &err) < 0) {
		doctor_advise(doctor_add(d, "card", DOCTOR_FAIL, "%s", err.text),
		              "qkd/card/device");
		return;
	}
	if (vfio_facts_judge(address, &facts, &err) == 0) {
		doctor_add(d, "card", DOCTOR_OK,
		           "%s (%04x:%04x) is bound to vfio-pci, alone in group %d", address,
		           facts.vendor, facts.device, facts.group);
	} else if (facts.busy) {
		doctor_advise(doctor_add(d, "card", DOCTOR_WARN, "%s", err.text),
		              "well when it is this gateway");
	} else if (facts.present && facts.group >= 0 && !facts.may_open && geteuid() != 0 &&
	           strcmp(facts.driver, "vfio-pci") == 0) {
		doctor_advise(doctor_add(d, "card", DOCTOR_WARN, "%s by this user", err.text),
		              "ask again as the user that the gateway runs as");
	} else {
		/* What to do is the last part of the sentence, if it has more than two. */
		colon = strstr(err.text, ": ");
		colon = colon != NULL ? strstr(colon + 2, ": ") : NULL;
		c = doctor_add(d, "card", DOCTOR_FAIL, "%s", err.text);
		doctor_advise(c, "%s", colon != NULL ? colon + 2 : "operating.md, qkd/card");
		if (colon != NULL)
			c->text[colon - err.text] = '\0';
	}
	doctor_each_pci(d, same_group);
}

static void shm_card(struct doctor *d)
{
	const char *path = d->config->qkd.path;
	char full[DOCTOR_PATH];
	uint32_t magic = 0;
	int fd = open(doctor_path(d, path, full), O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		doctor_advise(doctor_add(d, "card", DOCTOR_WARN, "%s cannot be opened", path),
		              "start lumengate-optics-sim, or look at its --mode and --%s-owner",
		              d->config->site == CONFIG_SITE_A ? "alice" : "bob");
		return;
	}
	if (pread(fd, &magic, sizeof(magic), CARD_MAGIC) != sizeof(magic) ||
	    magic != CARD_MAGIC_VALUE)
		doctor_advise(doctor_add(d, "card", DOCTOR_FAIL, "%s is not a card's file", path),
		              "qkd/card/path");
	else
		doctor_advise(doctor_add(d, "card", DOCTOR_WARN, "%s is a simulated card", path),
		              "its key protects nothing: a card behind vfio does");
	close(fd);
}

void doctor_devices(struct doctor *d)
{
	iommu(d);
	if (!d->config->qkd.enabled)
		doctor_add(d, "card", DOCTOR_OK, "none: qkd/enabled is false");
	else if (has_vfio_card(d))
		vfio_card(d);
	else
		shm_card(d);
	doctor_each_pci(d, nic);
	interface(d, "lan port", &d->config->lan);
	interface(d, "wan port", &d->config->wan);
}
