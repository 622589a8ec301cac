/* SPDX-License-Identifier: BSD-3-Clause */

/* Keys of a foreign KME in place of an engine of this gateway. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void copy(const json_t *o, const char *name, char *to, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));

	snprintf(to, size, "%s", s == NULL ? "" : s);
}

static uint32_t number(const json_t *o, const char *name)
{
	return (uint32_t)json_integer_value(json_object_get(o, name));
}

void config_foreign_read(const json_t *g, struct config_foreign_kme *out)
{
	const json_t *o = json_object_get(g, "foreign-kme");

	out->enabled = o != NULL;
	if (o == NULL)
		return;
	copy(o, "url", out->url, sizeof(out->url));
	copy(o, "ca", out->ca, sizeof(out->ca));
	copy(o, "certificate", out->certificate, sizeof(out->certificate));
	copy(o, "private-key", out->private_key, sizeof(out->private_key));
	copy(o, "sae", out->sae, sizeof(out->sae));
	copy(o, "peer-sae", out->peer_sae, sizeof(out->peer_sae));
	copy(o, "socket", out->socket, sizeof(out->socket));
	copy(o, "group", out->group, sizeof(out->group));
	out->batch = (uint16_t)number(o, "batch");
	out->low_water = number(o, "low-water-keys");
	out->high_water = number(o, "high-water-keys");
	out->timeout_s = number(o, "timeout-s");
}

int config_check_foreign(const struct config *c, struct err *err)
{
	static const char path[] = CONFIG_ROOT "/foreign-kme";
	const struct config_foreign_kme *f = &c->foreign_kme;

	if (!f->enabled)
		return 0;
	if (c->qkd.enabled)
		return err_set(err, EINVAL,
		               "%s: keys come from there or from light: qkd/enabled is true", path);
	if (f->high_water < f->low_water + f->batch)
		return err_set(err, EINVAL,
		               "%s/high-water-keys: %u is less than low-water-keys and batch, %u",
		               path, f->high_water, f->low_water + f->batch);
	if (f->high_water > c->keystore.max_keys)
		return err_set(err, EINVAL,
		               "%s/high-water-keys: %u is more than keystore/max-keys, %u", path,
		               f->high_water, c->keystore.max_keys);
	if (strcmp(f->sae, f->peer_sae) == 0)
		return err_set(err, EINVAL, "%s/peer-sae: is sae, too", path);
	if (strcmp(f->socket, c->control.socket) == 0)
		return err_set(err, EINVAL, "%s/socket: is control/socket, too", path);
	return 0;
}
