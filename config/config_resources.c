/* SPDX-License-Identifier: BSD-3-Clause */

/* CPUs and the crypto device: what the schema cannot say of them. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A list as the schema has it, such as 0-1,4. */
static int check_cpus(const char *list, struct err *err)
{
	for (const char *p = list; *p != '\0';) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first)
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/resources/cpus: %lu-%lu ends before it begins",
			               first, last);
		p = *end == ',' ? end + 1 : end;
	}
	return 0;
}

static int check_crypto_device(const struct config *c, struct err *err)
{
	static const char path[] = CONFIG_ROOT "/resources/crypto-device";
	size_t n = strcspn(c->crypto_device, ",");

	if (strcmp(c->gcm_provider, "cryptodev") != 0)
		return n == 0 ? 0
		              : err_set(err, EINVAL, "%s: gcm-provider is %s, not cryptodev", path,
		                        c->gcm_provider);
	if (n == 0)
		return err_set(err, EINVAL, "%s: missing: gcm-provider is cryptodev", path);
	for (unsigned int i = 0; i < 2; i++) {
		const char *port = i == 0 ? c->lan.device : c->wan.device;

		if (n == strcspn(port, ",") && strncasecmp(c->crypto_device, port, n) == 0)
			return err_set(err, EINVAL, "%s: %.*s is the %s port's device", path,
			               (int)n, port, i == 0 ? "LAN" : "WAN");
	}
	return 0;
}

int config_check_resources(const struct config *c, struct err *err)
{
	int rc = check_cpus(c->eal.cpus, err);

	return rc == 0 ? check_crypto_device(c, err) : rc;
}
