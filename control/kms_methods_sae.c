/* SPDX-License-Identifier: BSD-3-Clause */

/* The table of SAEs: shown and changed. Each change is a line of the log with who made it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/kms_methods.h"
#include "control/method.h"
#include "control/page.h"

LOG_COMPONENT_DEFINE(kms_sae)

struct sae_params {
	const json_t *sae;
};

static const struct method_param sae_params[] = {
        METHOD_PARAM(struct sae_params, sae, PARAM_OBJECT,
                     .help = "id, side, identity, enabled, skip, priority, weight, cap_bits, "
                             "requests_per_s, requests_burst, bits_per_s, bits_burst, "
                             "quota_bits, quota_period_s"),
};

struct id_params {
	const char *id;
};

static const struct method_param id_params[] = {
        METHOD_PARAM(struct id_params, id, PARAM_STRING, .max = KMS_SAE_ID,
                     .help = "ID of the SAE"),
};

/* Where the reason names a member, which is within this parameter. */
static int within(const char *path, int rc, struct err *err)
{
	struct err inner = *err;

	if (rc == -EINVAL || rc == -EEXIST || rc == -ENOENT || rc == -EADDRINUSE || rc == -EALREADY)
		err_set(err, -rc, "%s%s", path, inner.text);
	return rc;
}

static void audit(const char *id, const char *what, const json_t *terms)
{
	const struct method_caller *who = method_caller();
	char *text = terms != NULL ? json_dumps(terms, JSON_COMPACT) : NULL;

	log_info("SAE %s %s by uid %u pid %d%s%s", id, what, (unsigned int)who->uid, (int)who->pid,
	         text != NULL ? ": " : "", text != NULL ? text : "");
	free(text);
}

static int sae_add(const void *params, json_t **result, struct err *err)
{
	const struct sae_params *p = params;
	const struct kms_methods *m;
	struct kms_sae_config c;
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	kms_sae_config_init(&c);
	rc = kms_sae_config_read(&c, p->sae, err);
	if (rc == 0)
		rc = kms_registry_add(m->registry, &c, err);
	if (rc == 0)
		audit(c.id, "added", p->sae);
	return within("/params/sae/", rc, err);
}

static int sae_set(const void *params, json_t **result, struct err *err)
{
	const struct sae_params *p = params;
	const char *id = json_string_value(json_object_get(p->sae, "id"));
	const struct kms_methods *m;
	struct kms_sae sae;
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	if (id == NULL)
		return err_set(err, EINVAL, "/params/sae/id: is missing");
	if (!kms_registry_get(m->registry, id, &sae))
		return err_set(err, ENOENT, "/params/sae/id: there is no such SAE");
	rc = kms_sae_config_read(&sae.config, p->sae, err);
	if (rc == 0)
		rc = kms_registry_set(m->registry, &sae.config, err);
	if (rc == 0)
		audit(id, "changed", p->sae);
	return within("/params/sae/", rc, err);
}

static int sae_remove(const void *params, json_t **result, struct err *err)
{
	const struct id_params *p = params;
	const struct kms_methods *m;
	int rc = kms_methods_get(&m, err);

	if (rc == 0)
		rc = kms_registry_remove(m->registry, p->id, err);
	if (rc == 0)
		audit(p->id, "removed", NULL);
	return within("/params/", rc, err);
}

static int sae_unlock(const void *params, json_t **result, struct err *err)
{
	const struct id_params *p = params;
	const struct kms_methods *m;
	int rc = kms_methods_get(&m, err);

	if (rc == 0)
		rc = kms_registry_unlock_sae(m->registry, p->id, clock_mono_ns(), err);
	if (rc == 0)
		audit(p->id, "unlocked", NULL);
	return within("/params/", rc, err);
}

struct list_params {
	struct page_params page;
};

static const struct method_param list_params[] = {PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX)};

/* Runs FN over the SAEs of a page. */
static int list(const void *params,
                json_t *(*fn)(const struct kms_methods *m, const struct kms_sae *s),
                json_t **result, struct err *err)
{
	const struct list_params *p = params;
	const struct kms_methods *m;
	int rc = kms_methods_get(&m, err);
	struct kms_sae *sae;
	struct page page;
	size_t n;

	if (rc < 0)
		return rc;
	sae = malloc(KMS_SAE_MAX * sizeof(*sae));
	if (sae == NULL)
		return err_set(err, ENOMEM, "out of memory");
	page = page_begin(&p->page);
	n = kms_registry_list(m->registry, 0, sae, KMS_SAE_MAX);
	for (size_t i = 0; i < n; i++)
		if (page_next(&page))
			json_array_append_new(page.list, fn(m, &sae[i]));
	free(sae);
	*result = page_end(&page, "saes");
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* What it may take now, and for how long it is locked out. */
static json_t *terms_json(const struct kms_methods *m, const struct kms_sae *s)
{
	json_t *o = kms_sae_config_json(&s->config);
	uint64_t now = clock_mono_ns(), until = s->lockout.until_ns, bits;

	kms_registry_lock(m->registry);
	bits = s->config.local ? key_share_bits(kms_registry_share(m->registry), s->slot) : 0;
	kms_registry_unlock(m->registry);
	if (s->config.local)
		json_object_set_new(o, "bits_for_it", number(bits));
	json_object_set_new(o, "locked_out_s",
	                    number(now < until ? (until - now + NS_PER_S - 1) / NS_PER_S : 0));
	return o;
}

static int sae_list(const void *params, json_t **result, struct err *err)
{
	return list(params, terms_json, result, err);
}

static json_t *when(uint64_t wall_ns)
{
	char text[32];

	return wall_ns == 0 ? json_null() : json_string(clock_format(wall_ns, text));
}

static json_t *usage_json(const struct kms_methods *m, const struct kms_sae *s)
{
	const struct kms_sae_usage *u = &s->usage;
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {
	        {"requests", u->requests},
	        {"keys_given", u->keys_given},
	        {"bits_given", u->bits_given},
	        {"keys_fetched", u->keys_fetched},
	        {"bits_fetched", u->bits_fetched},
	        {"refused", u->refused},
	        {"unavailable", u->unavailable},
	        {"unauthorized", u->unauthorized},
	        {"replays", u->replays},
	        {"lockouts", u->lockouts},
	        {"quota_bits", s->config.allowance.quota_bits},
	        {"quota_taken_bits", s->meter.period_bits},
	};
	json_t *o = json_pack("{s:s}", "id", s->config.id);

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_set_new(o, figures[i].name, number(figures[i].value));
	json_object_set_new(o, "last", when(u->last_wall_ns));
	return o;
}

static int usage(const void *params, json_t **result, struct err *err)
{
	return list(params, usage_json, result, err);
}

METHOD_DEFINE(kms_sae_list, .summary = "SAEs and their terms", .fn = sae_list,
              .params = list_params, .param_count = PAGE_PARAM_COUNT)
METHOD_DEFINE(kms_usage, .summary = "Who took how many keys, and was refused how often",
              .fn = usage, .params = list_params, .param_count = PAGE_PARAM_COUNT)
METHOD_DEFINE(kms_sae_add, .summary = "Register an SAE", .fn = sae_add, .params = sae_params,
              .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(kms_sae_set, .summary = "Change terms of an SAE: those that are given", .fn = sae_set,
              .params = sae_params, .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(kms_sae_remove, .summary = "Forget an SAE", .fn = sae_remove, .params = id_params,
              .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(kms_sae_unlock, .summary = "Lift the lock-out of an SAE", .fn = sae_unlock,
              .params = id_params, .param_count = 1, .right = METHOD_WRITE)
