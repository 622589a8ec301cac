/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"

#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/storage_key.h"
#include "config/config_parts.h"

static int check_interface(const struct config_port *port, const char *name, struct err *err)
{
	const char *at = strstr(port->device, ",iface=");
	char iface[IF_NAMESIZE];
	size_t len;

	if (at == NULL || strncmp(port->device, "net_af_packet", 13) != 0)
		return 0;
	at += strlen(",iface=");
	len = strcspn(at, ",");
	snprintf(iface, sizeof(iface), "%.*s", (int)len, at);
	if (len < sizeof(iface) && if_nametoindex(iface) != 0)
		return 0;
	return err_set(err, ENOENT,
	               CONFIG_ROOT "/port/%s/device: missing interface: there is no %.*s", name,
	               (int)len, at);
}

static int check_exception(const struct config_port *port, const char *name, struct err *err)
{
	if (port->exception[0] == '\0' || access("/dev/net/tun", R_OK | W_OK) == 0)
		return 0;
	return err_set(err, ENOENT, CONFIG_ROOT "/port/%s/exception-interface: /dev/net/tun: %s",
	               name, strerror(errno));
}

static int check_file(const char *path, const char *field, struct err *err)
{
	if (access(path, R_OK) == 0)
		return 0;
	return err_set(err, ENOENT, CONFIG_ROOT "/%s: %s: %s", field, path, strerror(errno));
}

static int check_group(const char *group, const char *field, struct err *err)
{
	if (group[0] == '\0' || getgrnam(group) != NULL)
		return 0;
	return err_set(err, ENOENT, CONFIG_ROOT "/%s: there is no group %s", field, group);
}

int config_check_system(const struct config *config, struct err *err)
{
	int rc = check_interface(&config->lan, "lan", err);

	if (rc == 0)
		rc = check_interface(&config->wan, "wan", err);
	if (rc == 0)
		rc = check_exception(&config->lan, "lan", err);
	if (rc == 0)
		rc = check_exception(&config->wan, "wan", err);
	for (unsigned int i = 0; rc == 0 && i < config->lan_sub_count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "lan/vlan[id='%u']", config->lan_subs[i].vlan);
		rc = check_exception(&config->lan_subs[i].port, name, err);
	}
	if (rc == 0)
		rc = check_file(config->channel.psk_file, "channel/psk-file", err);
	if (rc == 0)
		rc = storage_key_check(config->keystore.storage_key,
		                       CONFIG_ROOT "/keystore/storage-key", err);
	if (rc == 0)
		rc = check_group(config->delivery.group, "delivery/group", err);
	if (rc == 0)
		rc = check_group(config->control.group, "control/group", err);
	if (rc == 0)
		rc = check_group(config->control.read_only_group, "control/read-only-group", err);
	if (rc == 0)
		rc = check_group(config->control.capture_group, "control/capture-group", err);
	return rc;
}
