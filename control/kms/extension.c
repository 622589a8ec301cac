/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/extension.h"

#include <string.h>

static bool simulated_met(const json_t *value, const struct kms_offer *offer)
{
	return json_is_boolean(value) && json_is_true(value) == offer->simulated;
}

static bool route_met(const json_t *value, const struct kms_offer *offer)
{
	const char *type = json_string_value(value);

	return type != NULL && strcmp(type, offer->relayed ? "relayed" : "direct") == 0;
}

static const struct {
	const char *name;
	bool (*met)(const json_t *value, const struct kms_offer *offer);
} supported[] = {
        {"lumengate_route_type", route_met},
        {"lumengate_simulated", simulated_met},
};

#define UNSUPPORTED (sizeof(supported) / sizeof(supported[0]))

static size_t find(const char *name)
{
	size_t i = 0;

	while (i < UNSUPPORTED && strcmp(name, supported[i].name) != 0)
		i++;
	return i;
}

static int list_check(const char *member, const json_t *list, struct http_fault *f)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry) {
		if (!json_is_object(entry))
			return http_fault_field(f, 400, member, "entry %zu is not an object", i);
	}
	return 0;
}

/* Adds the extensions that are not supported to F, or with UNMET those that are, but not met. */
static void gather(const json_t *list, const struct kms_offer *offer, bool unmet,
                   const char *detail, struct http_fault *f)
{
	const char *name;
	json_t *entry, *value;
	size_t i;

	json_array_foreach (list, i, entry) {
		json_object_foreach (entry, name, value) {
			size_t at = find(name);

			if (!unmet && at == UNSUPPORTED)
				http_fault_add(f, detail, "%s is not supported", name);
			if (unmet && at != UNSUPPORTED && !supported[at].met(value, offer))
				http_fault_add(f, detail, "%s cannot be met", name);
		}
	}
}

int kms_extension_mandatory(const json_t *list, const struct kms_offer *offer, struct http_fault *f)
{
	if (list_check("extension_mandatory", list, f) < 0)
		return -400;
	http_fault_set(f, 400, KMS_MANDATORY_UNSUPPORTED);
	gather(list, offer, false, "extension_mandatory_unsupported", f);
	if (f->count > 0)
		return -400;
	http_fault_set(f, 400, KMS_MANDATORY_UNMET);
	gather(list, offer, true, "extension_mandatory_unmet", f);
	return f->count > 0 ? -400 : 0;
}

void kms_extension_kind(const json_t *list, bool *real, bool *simulated)
{
	const json_t *entry, *value;
	size_t i;

	json_array_foreach (list, i, entry) {
		value = json_object_get(entry, "lumengate_simulated");
		*real |= json_is_false(value);
		*simulated |= json_is_true(value);
	}
}

int kms_extension_optional(const json_t *list, const struct kms_offer *offer, bool strict,
                           struct http_fault *f)
{
	if (list_check("extension_optional", list, f) < 0)
		return -400;
	if (!strict)
		return 0;
	http_fault_set(f, 400, KMS_OPTIONAL_UNHANDLED);
	gather(list, offer, false, "extension_optional_unsupported", f);
	gather(list, offer, true, "extension_optional_unmet", f);
	return f->count > 0 ? -400 : 0;
}
