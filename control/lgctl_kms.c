/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl kms: the key delivery, over its own control socket. */

#include <errno.h>
#include <string.h>

#include "control/lgctl.h"

static const char *const terms[] = {"side",           "identity",        "enabled",
                                    "skip",           "=priority",       "=weight",
                                    "=cap_bits",      "=requests_per_s", "=requests_burst",
                                    "=bits_per_s",    "=bits_burst",     "=quota_bits",
                                    "=quota_period_s"};

int lgctl_build_kms(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->socket = LGCTL_KMS_SOCKET_DEFAULT;
	return 0;
}

/* "true" and "false" are no texts of a command line that ends in a boolean. */
static int boolean(json_t *sae, const char *name, struct err *err)
{
	const char *text = json_string_value(json_object_get(sae, name));

	if (text == NULL)
		return 0;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_set(err, EINVAL, "kms sae: --%s: %s is not true or false", name, text);
	json_object_set_new(sae, name, json_boolean(text[0] == 't'));
	return 0;
}

static int build_terms(char **args, int n, struct lgctl_request *r, struct err *err)
{
	json_t *sae = NULL;
	int rc = lgctl_options_build("kms sae", terms, sizeof(terms) / sizeof(terms[0]), args + 2,
	                             n - 2, &sae, err);

	if (rc == 0)
		rc = boolean(sae, "enabled", err);
	if (rc == 0)
		rc = boolean(sae, "skip", err);
	if (rc == 0 && json_object_set_new(sae, "id", json_string(args[1])) != 0)
		rc = err_set(err, EINVAL, "kms sae: the ID is not UTF-8");
	if (rc != 0) {
		json_decref(sae);
		return rc;
	}
	r->params = json_pack("{s:o}", "sae", sae);
	r->method = strcmp(args[0], "add") == 0 ? "kms_sae_add" : "kms_sae_set";
	return 0;
}

int lgctl_build_kms_sae(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const verbs[] = {"add", "set", "remove", "unlock"};
	size_t verb = 0;

	r->socket = LGCTL_KMS_SOCKET_DEFAULT;
	if (strcmp(args[0], "list") == 0) {
		if (n > 1)
			return err_set(err, EINVAL, "kms sae list: takes no arguments");
		r->print = lgctl_print_kms_saes;
		r->list = "saes";
		return 0;
	}
	while (verb < 4 && strcmp(args[0], verbs[verb]) != 0)
		verb++;
	if (verb == 4)
		return err_set(err, EINVAL, "kms sae: %s: list, add, set, remove or unlock",
		               args[0]);
	if (n < 2)
		return err_set(err, EINVAL, "kms sae %s: takes an ID", args[0]);
	if (verb < 2)
		return build_terms(args, n, r, err);
	if (n > 2)
		return err_set(err, EINVAL, "kms sae %s: takes an ID alone", args[0]);
	r->method = verb == 2 ? "kms_sae_remove" : "kms_sae_unlock";
	r->params = json_pack("{s:s}", "id", args[1]);
	return r->params != NULL ? 0 : err_set(err, EINVAL, "kms sae: the ID is not UTF-8");
}
