/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>

#include "config/config.h"
#include "control/gateway.h"
#include "control/method.h"

struct config_params {
	const json_t *config;
};

static const struct method_param config_params[] = {
        METHOD_PARAM(struct config_params, config, PARAM_OBJECT,
                     .help = "RFC 7951 JSON of module lumengate"),
};

static int config_get(const void *params, json_t **result, struct err *err)
{
	if (gateway_config_text() == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	*result = json_loads(gateway_config_text(), 0, NULL);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* Parse and check the parameter; *NEXT and *NORMAL are to be freed after success. */
static int take(const void *params, struct config **next, char **normal, struct err *err)
{
	const struct config_params *p = params;
	char *text = json_dumps(p->config, JSON_COMPACT);
	int rc;

	*next = malloc(sizeof(**next));
	if (text == NULL || *next == NULL)
		rc = err_set(err, ENOMEM, "out of memory");
	else
		rc = config_parse_normal(text, *next, normal, err);
	free(text);
	if (rc == 0) {
		rc = config_check_system(*next, err);
		if (rc != 0)
			free(*normal);
	}
	if (rc != 0)
		free(*next);
	return rc;
}

/* Valid is one thing, applicable without a restart another: both are told. */
static int config_validate(const void *params, json_t **result, struct err *err)
{
	struct config *next;
	struct err live = {0};
	char *normal;
	int rc = take(params, &next, &normal, err);

	if (rc != 0)
		return rc;
	if (gateway_config() != NULL)
		config_live_change(gateway_config(), next, &live);
	*result = json_pack("{s:b, s:b, s:s}", "valid", 1, "live", live.code == 0, "reason",
	                    live.text);
	free(next);
	free(normal);
	return 0;
}

static int config_set(const void *params, json_t **result, struct err *err)
{
	struct config *next;
	char *normal;
	int rc = take(params, &next, &normal, err);

	if (rc != 0)
		return rc;
	if (gateway_config() == NULL || gateway_ops()->config_apply == NULL)
		rc = err_set(err, ENOTCONN, "the gateway is not running");
	else
		rc = config_live_change(gateway_config(), next, err);
	if (rc == 0)
		rc = gateway_ops()->config_apply(next, err);
	if (rc == 0)
		rc = gateway_config_set(next, normal, err);
	free(next);
	free(normal);
	return rc;
}

METHOD_DEFINE(config_get, .summary = "The running configuration with all defaults",
              .fn = config_get, .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(config_validate, .summary = "Check a configuration, change nothing",
              .fn = config_validate, .params = config_params, .param_count = 1,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(config_set, .summary = "Change what may change live", .fn = config_set,
              .params = config_params, .param_count = 1, .right = METHOD_WRITE)
