/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/gateway.h"
#include "control/method.h"
#include "control/snapshot.h"

#define SAS_MAX (TUNNEL_SUBS_MAX * (TUNNEL_RX_GENERATIONS + 2))

struct tunnel_params {
	const char *tunnel;
};

static const struct method_param tunnel_params[] = {
        METHOD_PARAM(struct tunnel_params, tunnel, PARAM_STRING, .max = 31,
                     .help = "name of the tunnel"),
};

static int not_running(struct err *err)
{
	return err_set(err, ENOTCONN, "the data plane is not running");
}

static int tunnel_list(const void *params, json_t **result, struct err *err)
{
	json_t *list = snapshot_tunnels();

	if (list == NULL)
		return not_running(err);
	*result = json_pack("{s:o}", "tunnels", list);
	return 0;
}

static int tunnel_show(const void *params, json_t **result, struct err *err)
{
	const struct tunnel_params *p = params;
	json_t *list = snapshot_tunnels(), *t;
	size_t i;

	if (list == NULL)
		return not_running(err);
	json_array_foreach (list, i, t)
		if (strcmp(json_string_value(json_object_get(t, "name")), p->tunnel) == 0)
			*result = json_incref(t);
	json_decref(list);
	return *result != NULL ? 0
	                       : err_set(err, ENOENT, "tunnel: there is no tunnel %s", p->tunnel);
}

static int tunnel_rekey(const void *params, json_t **result, struct err *err)
{
	const struct tunnel_params *p = params;

	if (gateway_ops()->tunnel_rekey == NULL)
		return not_running(err);
	return gateway_ops()->tunnel_rekey(p->tunnel, err);
}

static void append_sas(json_t *list, const char *tunnel, struct sa_info *sas)
{
	unsigned int n = gateway_ops()->sas(tunnel, sas, SAS_MAX);
	uint64_t now = clock_mono_ns();

	for (unsigned int i = 0; i < n && i < SAS_MAX; i++) {
		const struct sa_info *s = &sas[i];

		json_array_append_new(
		        list,
		        json_pack("{s:s, s:s, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I}",
		                  "tunnel", tunnel, "direction",
		                  s->transmit ? "transmit" : "receive", "spi", (json_int_t)s->spi,
		                  "generation", (json_int_t)s->generation, "core", (int)s->core,
		                  "packets", (json_int_t)s->packets, "bytes", (json_int_t)s->bytes,
		                  "sequence", (json_int_t)s->sequence, "replayed",
		                  (json_int_t)s->replayed, "auth_failed",
		                  (json_int_t)s->auth_failed, "age_ms",
		                  (json_int_t)((now - s->installed_ns) / NS_PER_MS)));
	}
}

static int sa_list(const void *params, json_t **result, struct err *err)
{
	struct gateway_tunnel tunnels[CONFIG_TUNNELS_MAX] = {0};
	struct sa_info *sas;
	unsigned int n;
	json_t *list;

	if (gateway_ops()->tunnels == NULL || gateway_ops()->sas == NULL)
		return not_running(err);
	sas = calloc(SAS_MAX, sizeof(*sas));
	if (sas == NULL)
		return err_set(err, ENOMEM, "out of memory");
	list = json_array();
	n = gateway_ops()->tunnels(tunnels, CONFIG_TUNNELS_MAX);
	for (unsigned int i = 0; i < n && i < CONFIG_TUNNELS_MAX; i++)
		append_sas(list, tunnels[i].name, sas);
	free(sas);
	*result = json_pack("{s:o}", "sas", list);
	return 0;
}

METHOD_DEFINE(tunnel_list, .summary = "Tunnels with their key generations and traffic",
              .fn = tunnel_list)
METHOD_DEFINE(tunnel_show, .summary = "One tunnel: its keys, its rekeying, its traffic",
              .fn = tunnel_show, .params = tunnel_params, .param_count = 1)
METHOD_DEFINE(tunnel_rekey, .summary = "Rekey a tunnel now", .fn = tunnel_rekey,
              .params = tunnel_params, .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(sa_list, .summary = "Security associations of all tunnels, without keys",
              .fn = sa_list)
