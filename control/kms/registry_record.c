/* SPDX-License-Identifier: BSD-3-Clause */

/* The registry's records: one of each SAE, and one of what it took. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/kms/registry_state.h"

/* In the record, and where in the SAE. */
static const struct counter_field {
	const char *name;
	size_t at;
} usage_fields[] = {
        {"requests", offsetof(struct kms_sae_usage, requests)},
        {"keys_given", offsetof(struct kms_sae_usage, keys_given)},
        {"bits_given", offsetof(struct kms_sae_usage, bits_given)},
        {"keys_fetched", offsetof(struct kms_sae_usage, keys_fetched)},
        {"bits_fetched", offsetof(struct kms_sae_usage, bits_fetched)},
        {"refused", offsetof(struct kms_sae_usage, refused)},
        {"unavailable", offsetof(struct kms_sae_usage, unavailable)},
        {"unauthorized", offsetof(struct kms_sae_usage, unauthorized)},
        {"replays", offsetof(struct kms_sae_usage, replays)},
        {"lockouts", offsetof(struct kms_sae_usage, lockouts)},
        {"last_wall_ns", offsetof(struct kms_sae_usage, last_wall_ns)},
};

#define USAGE_FIELDS (sizeof(usage_fields) / sizeof(usage_fields[0]))

static uint64_t *counter(struct kms_sae_usage *u, size_t i)
{
	return (uint64_t *)(void *)((char *)u + usage_fields[i].at);
}

char *registry_usage_text(const struct kms_sae *s, uint64_t wall_less_mono_ns)
{
	struct kms_sae_usage usage = s->usage;
	json_t *o = json_pack("{s:I, s:I}", "period_start_wall_ns",
	                      (json_int_t)(s->meter.period_start_ns + wall_less_mono_ns),
	                      "period_bits", (json_int_t)s->meter.period_bits);
	char *text;

	for (size_t i = 0; o != NULL && i < USAGE_FIELDS; i++)
		json_object_set_new(o, usage_fields[i].name,
		                    json_integer((json_int_t)*counter(&usage, i)));
	text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

struct load {
	struct kms_registry *r;
	uint64_t mono_ns, wall_ns;
	struct err *err;
};

static json_t *parse(const struct kms_record *row)
{
	json_t *o = json_loadb(row->data, row->n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

static int load_sae(void *arg, const struct kms_record *row)
{
	struct load *load = arg;
	json_t *o = parse(row);
	struct kms_sae_config c;
	uint32_t slot = registry_slot(load->r);
	char name[KMS_SAE_SHORT];
	int rc;

	kms_sae_config_init(&c);
	rc = o == NULL ? err_set(load->err, EINVAL, "is no JSON object")
	               : kms_sae_config_read(&c, o, load->err);
	json_decref(o);
	if (rc == 0 && slot == KMS_SAE_MAX)
		rc = err_set(load->err, EINVAL, "is one more than %d", KMS_SAE_MAX);
	if (rc < 0)
		return err_prefix(load->err, "record of SAE %s", kms_sae_id_short(row->name, name));
	registry_apply(load->r, slot, &c, load->mono_ns);
	return 0;
}

static uint64_t number(const json_t *o, const char *name)
{
	json_int_t v = json_integer_value(json_object_get(o, name));

	return v > 0 ? (uint64_t)v : 0;
}

/*
 * A quota period goes on by the wall clock, the only one that outlives the process. A start in the
 * future, by a clock that was set back, counts as now: the SAE waits a period, no more.
 */
static int load_usage(void *arg, const struct kms_record *row)
{
	struct load *load = arg;
	struct kms_sae *s = kms_registry_by_id(load->r, row->name);
	json_t *o = parse(row);
	uint64_t start;

	if (s != NULL && o != NULL) {
		for (size_t i = 0; i < USAGE_FIELDS; i++)
			*counter(&s->usage, i) = number(o, usage_fields[i].name);
		start = number(o, "period_start_wall_ns");
		if (start < load->wall_ns) /* may wrap: only differences count */
			s->meter.period_start_ns = load->mono_ns - (load->wall_ns - start);
		s->meter.period_bits = number(o, "period_bits");
	}
	json_decref(o);
	/* What was counted is no reason not to start; what was promised is. */
	return 0;
}

int registry_load(struct kms_registry *r, uint64_t mono_ns, uint64_t wall_ns, struct err *err)
{
	struct load load = {r, mono_ns, wall_ns, err};
	int rc;

	r->wall_less_mono_ns = wall_ns - mono_ns;
	r->mono_ns = r->flushed_ns = mono_ns;
	rc = r->records.read(r->records.ctx, REGISTRY_SAE, load_sae, &load, err);
	if (rc < 0)
		return rc;
	registry_index_build(r);
	return r->records.read(r->records.ctx, REGISTRY_USAGE, load_usage, &load, err);
}
