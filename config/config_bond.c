/* SPDX-License-Identifier: BSD-3-Clause */

/* Bonded ports: "net_bonding0,mode=1,member=0000:01:00.0,member=0000:01:00.1". */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_MAX 6 /* adaptive load balancing */

bool config_device_is_bond(const char *device)
{
	return strncmp(device, "net_bonding", strlen("net_bonding")) == 0;
}

/* DPDK up to 23.07 had another word for it, which is taken too. */
static const char *member_value(const char *argument)
{
	static const char *const keys[] = {"member=", "slave="};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strncmp(argument, keys[i], strlen(keys[i])) == 0)
			return argument + strlen(keys[i]);
	return NULL;
}

bool config_bond_argument(const char *device, unsigned int index, struct config_bond_argument *out)
{
	const char *at = strchr(device, ',');

	for (unsigned int i = 0; at != NULL; i++, at = strchr(at, ',')) {
		const char *value;

		at++;
		if (i < index)
			continue;
		value = member_value(at);
		out->is_member = value != NULL;
		if (value == NULL)
			value = at;
		snprintf(out->text, sizeof(out->text), "%.*s", (int)strcspn(value, ","), value);
		return true;
	}
	return false;
}

unsigned int config_bond_members(const char *device, char (*out)[CONFIG_MEMBER_TEXT],
                                 unsigned int max)
{
	struct config_bond_argument a;
	unsigned int n = 0;

	if (!config_device_is_bond(device))
		return 0;
	for (unsigned int i = 0; config_bond_argument(device, i, &a); i++) {
		if (!a.is_member)
			continue;
		if (n < max)
			memcpy(out[n], a.text, CONFIG_MEMBER_TEXT);
		n++;
	}
	return n;
}

static int refuse(const char *port, const char *why, const char *what, struct err *err)
{
	return err_set(err, EINVAL, CONFIG_ROOT "/port/%s/device: %s%s%s", port, what,
	               what[0] != '\0' ? ": " : "", why);
}

static int check_mode(const char *device, const char *port, struct err *err)
{
	struct config_bond_argument a;

	for (unsigned int i = 0; config_bond_argument(device, i, &a); i++) {
		char *end;
		unsigned long mode;

		if (a.is_member || strncmp(a.text, "mode=", 5) != 0)
			continue;
		mode = strtoul(a.text + 5, &end, 10);
		if (end == a.text + 5 || *end != '\0' || mode > MODE_MAX)
			return refuse(port, "must be 0 to 6", a.text, err);
		return 0;
	}
	return refuse(port, "a bonded port needs mode=", "", err);
}

/* A PCI address, or a virtual device that needs no arguments: commas end a member. */
static bool is_device(const char *member)
{
	size_t n = strspn(member, "0123456789abcdefABCDEF:.");

	if (strncmp(member, "net_", 4) == 0)
		return member[4] != '\0' && strncmp(member, "net_af_packet", 13) != 0;
	return member[n] == '\0' && strchr(member, ':') != NULL && strchr(member, '.') != NULL;
}

/* A member is one port's alone, and no port itself. */
static int check_member(const struct config *c, const char *member, const char *port,
                        struct err *err)
{
	const char *devices[] = {c->lan.device, c->wan.device};
	char all[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_TEXT];
	unsigned int found = 0;

	if (member[0] == '\0' || config_device_is_bond(member))
		return refuse(port, "not a device that a bonded port may have", member, err);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int n = config_bond_members(devices[i], all, CONFIG_MEMBERS_MAX);

		if (strcspn(devices[i], ",") == strlen(member) &&
		    strncasecmp(devices[i], member, strlen(member)) == 0)
			return refuse(port, "is a port of its own", member, err);
		for (unsigned int k = 0; k < n && k < CONFIG_MEMBERS_MAX; k++)
			found += strcasecmp(all[k], member) == 0;
	}
	if (found > 1)
		return refuse(port, "is a member twice", member, err);
	return is_device(member)
	               ? 0
	               : refuse(port, "not a device that a bonded port may have", member, err);
}

static int check_port(const struct config *c, const struct config_port *p, const char *port,
                      struct err *err)
{
	char members[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_TEXT];
	unsigned int n = config_bond_members(p->device, members, CONFIG_MEMBERS_MAX);
	int rc;

	if (!config_device_is_bond(p->device))
		return 0;
	if (n == 0)
		return refuse(port, "a bonded port needs member=", "", err);
	if (n > CONFIG_MEMBERS_MAX)
		return refuse(port, "a bonded port has at most 8 members", "", err);
	rc = check_mode(p->device, port, err);
	for (unsigned int i = 0; rc == 0 && i < n; i++)
		rc = check_member(c, members[i], port, err);
	return rc;
}

int config_check_bonds(const struct config *c, struct err *err)
{
	int rc = check_port(c, &c->lan, "lan", err);

	return rc != 0 ? rc : check_port(c, &c->wan, "wan", err);
}
