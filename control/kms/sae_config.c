/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "control/kms/key_share.h"

#define BITS_MAX     ((uint64_t)1 << 53) /* what JSON carries exactly */
#define PERIOD_MAX_S 1000000000
#define CREDIT_BITS  (1024 * 256)

enum kind { TEXT, FLAG, NUMBER };

#define FIELD(name_, member_, kind_, bytes_, min_, max_)                                           \
	{                                                                                          \
		name_, kind_, offsetof(struct kms_sae_config, member_), bytes_, min_, max_         \
	}

/* The ID is the row's name; "side" is a word of its own. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t at, bytes;
	uint64_t min, max;
} fields[] = {
        FIELD("identity", identity, TEXT, 0, 0, 0),
        FIELD("enabled", enabled, FLAG, 0, 0, 0),
        FIELD("skip", skip, FLAG, 0, 0, 0),
        FIELD("priority", priority, NUMBER, 1, 0, KMS_PRIORITY_MAX),
        FIELD("weight", weight, NUMBER, 4, 1, KEY_SHARE_WEIGHT),
        FIELD("cap_bits", cap_bits, NUMBER, 8, 0, BITS_MAX),
        FIELD("requests_per_s", allowance.requests_per_s, NUMBER, 8, 0, 1000000000),
        FIELD("requests_burst", allowance.requests_burst, NUMBER, 8, 0, 1000000000),
        FIELD("bits_per_s", allowance.bits_per_s, NUMBER, 8, 0, BITS_MAX),
        FIELD("bits_burst", allowance.bits_burst, NUMBER, 8, 0, BITS_MAX),
        FIELD("quota_bits", allowance.quota_bits, NUMBER, 8, 0, BITS_MAX),
        FIELD("quota_period_s", allowance.quota_period_s, NUMBER, 8, 0, PERIOD_MAX_S),
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

void kms_sae_config_init(struct kms_sae_config *c)
{
	memset(c, 0, sizeof(*c));
	c->local = true;
	c->enabled = true;
	c->priority = KMS_PRIORITY_MAX;
	c->weight = 1;
	c->cap_bits = CREDIT_BITS;
}

static int text_read(const char *name, const json_t *v, char out[KMS_SAE_ID + 1], struct err *err)
{
	const char *text = json_string_value(v), *wrong;

	if (text == NULL)
		return err_set(err, EINVAL, "%s: is not a string", name);
	wrong = http_identity_fault(text, json_string_length(v));
	if (wrong != NULL)
		return err_set(err, EINVAL, "%s: %s", name, wrong);
	memcpy(out, text, json_string_length(v) + 1);
	return 0;
}

static void number_put(void *at, size_t bytes, uint64_t n)
{
	if (bytes == sizeof(uint8_t))
		*(uint8_t *)at = (uint8_t)n;
	else if (bytes == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)n;
	else
		*(uint64_t *)at = n;
}

static uint64_t number_get(const void *at, size_t bytes)
{
	if (bytes == sizeof(uint8_t))
		return *(const uint8_t *)at;
	if (bytes == sizeof(uint32_t))
		return *(const uint32_t *)at;
	return *(const uint64_t *)at;
}

static int number_read(const struct field *f, const json_t *v, void *out, struct err *err)
{
	uint64_t n;

	if (!json_is_integer(v))
		return err_set(err, EINVAL, "%s: is not an integer", f->name);
	n = (uint64_t)json_integer_value(v);
	if (json_integer_value(v) < 0 || n < f->min || n > f->max)
		return err_set(err, EINVAL, "%s: is not from %llu to %llu", f->name,
		               (unsigned long long)f->min, (unsigned long long)f->max);
	number_put(out, f->bytes, n);
	return 0;
}

static int field_read(const struct field *f, const json_t *v, struct kms_sae_config *c,
                      struct err *err)
{
	char *out = (char *)c + f->at;

	if (f->kind == TEXT)
		return text_read(f->name, v, out, err);
	if (f->kind == NUMBER)
		return number_read(f, v, out, err);
	if (!json_is_boolean(v))
		return err_set(err, EINVAL, "%s: is not true or false", f->name);
	*(bool *)out = json_is_true(v);
	return 0;
}

static int side_read(const json_t *v, struct kms_sae_config *c, struct err *err)
{
	const char *side = json_string_value(v);

	if (side == NULL || (strcmp(side, "local") != 0 && strcmp(side, "peer") != 0))
		return err_set(err, EINVAL, "side: is not \"local\" or \"peer\"");
	c->local = side[0] == 'l';
	if (!c->local)
		c->identity[0] = '\0';
	return 0;
}

/* Do the members fit together? */
static int check(struct kms_sae_config *c, bool has_identity, struct err *err)
{
	const struct sae_allowance *a = &c->allowance;

	if (c->id[0] == '\0')
		return err_set(err, EINVAL, "id: is missing");
	if (!c->local && has_identity)
		return err_set(err, EINVAL,
		               "identity: an SAE of the peer shows no certificate here");
	if (c->local && c->identity[0] == '\0')
		memcpy(c->identity, c->id, sizeof(c->id));
	if ((a->requests_per_s == 0) != (a->requests_burst == 0))
		return err_set(err, EINVAL,
		               "requests_burst: goes with requests_per_s, both or neither");
	if ((a->bits_per_s == 0) != (a->bits_burst == 0))
		return err_set(err, EINVAL, "bits_burst: goes with bits_per_s, both or neither");
	if ((a->quota_bits == 0) != (a->quota_period_s == 0))
		return err_set(err, EINVAL,
		               "quota_period_s: goes with quota_bits, both or neither");
	return 0;
}

int kms_sae_config_read(struct kms_sae_config *c, const json_t *o, struct err *err)
{
	const json_t *side = json_object_get(o, "side");
	struct kms_sae_config out = *c;
	const char *name;
	json_t *v;
	int rc = 0;

	if (!json_is_object(o))
		return err_set(err, EINVAL, "sae: is not an object");
	if (side != NULL)
		rc = side_read(side, &out, err);
	json_object_foreach ((json_t *)o, name, v) {
		size_t i = 0;

		if (rc < 0)
			return rc;
		while (i < FIELDS && strcmp(fields[i].name, name) != 0)
			i++;
		if (strcmp(name, "id") == 0)
			rc = text_read(name, v, out.id, err);
		else if (i < FIELDS)
			rc = field_read(&fields[i], v, &out, err);
		else if (strcmp(name, "side") != 0)
			rc = err_set(err, EINVAL, "%.64s: there is no such member", name);
	}
	if (rc == 0)
		rc = check(&out, json_object_get(o, "identity") != NULL, err);
	if (rc == 0)
		*c = out;
	return rc;
}

static json_t *field_json(const struct field *f, const struct kms_sae_config *c)
{
	const char *at = (const char *)c + f->at;

	if (f->kind == TEXT)
		return json_string(at);
	if (f->kind == FLAG)
		return json_boolean(*(const bool *)at);
	return json_integer((json_int_t)number_get(at, f->bytes));
}

json_t *kms_sae_config_json(const struct kms_sae_config *c)
{
	json_t *o = json_pack("{s:s, s:s}", "id", c->id, "side", c->local ? "local" : "peer");

	for (size_t i = 0; o != NULL && i < FIELDS; i++)
		if (c->local || fields[i].kind != TEXT)
			json_object_set_new(o, fields[i].name, field_json(&fields[i], c));
	return o;
}
