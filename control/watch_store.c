/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/watch_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hkdf.h"

#define FORMAT    "lumengate watch"
#define VERSION   1
#define BYTES_MAX (256u << 10)
#define DAY_S     86400u

/* Numbers of a structure by name: what is kept of it. */
struct field {
	const char *name;
	size_t offset;
};

#define BASE(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct baseline, name)                                             \
	}
static const struct field base_fields[] = {BASE(seconds),    BASE(reference), BASE(value),
                                           BASE(weight),     BASE(mean),      BASE(variance),
                                           BASE(expected),   BASE(windows),   BASE(spread),
                                           BASE(spread_max), BASE(recent)};
#define SCALE(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct watch_loss_scale, name)                                     \
	}
static const struct field scale_fields[] = {SCALE(variance), SCALE(seconds), SCALE(most)};
#define WINDOW(name)                                                                               \
	{                                                                                          \
#name, offsetof(struct watch_loss_window, name)                                    \
	}
static const struct field window_fields[] = {WINDOW(db), WINDOW(variance), WINDOW(seconds),
                                             WINDOW(gap)};
#define STEP(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct watch_loss_step, name)                                      \
	}
static const struct field step_fields[] = {STEP(db), STEP(level)};
#define COUNT(fields) (sizeof(fields) / sizeof(*(fields)))

static json_t *pack(const void *from, const struct field *f, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, f[i].name,
		                    json_real(*(const double *)((const char *)from + f[i].offset)));
	return o;
}

static int unpack(const json_t *o, void *to, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(o, f[i].name);

		if (!json_is_number(v) || !isfinite(json_number_value(v)))
			return -EINVAL;
		*(double *)((char *)to + f[i].offset) = json_number_value(v);
	}
	return 0;
}

static json_t *pack_base(const struct baseline *b)
{
	json_t *o = pack(b, base_fields, COUNT(base_fields));

	json_object_set_new(o, "ready", json_boolean(b->ready));
	return o;
}

static int unpack_base(const json_t *o, const struct watch_learnt_baseline *l, struct baseline *b)
{
	*b = (struct baseline){.params = l->base->params};
	if (unpack(o, b, base_fields, COUNT(base_fields)) < 0 || b->seconds < 0 ||
	    b->variance < 0 || b->expected < 0 || b->windows < 0 || b->spread < 0)
		return -EINVAL;
	b->ready = json_is_true(json_object_get(o, "ready"));
	if (!b->ready)
		return 0;
	b->edge = fabs(b->value - b->reference) >= b->params->bound;
	return b->windows > 0 && b->value >= l->least && b->value <= l->most &&
	                       fabs(b->value - b->reference) <= b->params->bound * (1 + 1e-9)
	               ? 0
	               : -EINVAL;
}

static json_t *pack_step(const struct watch_loss_step *s)
{
	json_t *o = pack(s, step_fields, COUNT(step_fields));

	json_object_set_new(o, "over", json_boolean(s->over));
	json_object_set_new(o, "width", json_integer((json_int_t)s->width));
	return o;
}

static int unpack_step(const json_t *o, struct watch_loss_step *s)
{
	json_int_t width = json_integer_value(json_object_get(o, "width"));

	if (unpack(o, s, step_fields, COUNT(step_fields)) < 0 || width < 0 ||
	    width > WATCH_LOSS_RING)
		return -EINVAL;
	s->over = json_is_true(json_object_get(o, "over"));
	s->width = (unsigned int)width;
	return s->over && width == 0 ? -EINVAL : 0;
}

static json_t *pack_loss(const struct watch_loss *w)
{
	json_t *scales = json_array(), *ring = json_array();

	for (unsigned int i = 0; i < WATCH_LOSS_SCALES; i++)
		json_array_append_new(scales,
		                      pack(&w->scale[i], scale_fields, COUNT(scale_fields)));
	for (unsigned int i = 0; i < w->count; i++)
		json_array_append_new(ring, pack(&w->ring[i], window_fields, COUNT(window_fields)));
	return json_pack("{s:o, s:o, s:o, s:o}", "scales", scales, "ring", ring, "loss",
	                 pack_step(&w->loss), "gain", pack_step(&w->gain));
}

static int unpack_loss(const json_t *o, struct watch_loss *w)
{
	const json_t *scales = json_object_get(o, "scales"), *ring = json_object_get(o, "ring");

	if (json_array_size(scales) != WATCH_LOSS_SCALES || json_array_size(ring) > WATCH_LOSS_RING)
		return -EINVAL;
	for (unsigned int i = 0; i < WATCH_LOSS_SCALES; i++)
		if (unpack(json_array_get(scales, i), &w->scale[i], scale_fields,
		           COUNT(scale_fields)) < 0 ||
		    w->scale[i].variance < 0 || w->scale[i].seconds < 0 || w->scale[i].most < 0)
			return -EINVAL;
	w->count = (unsigned int)json_array_size(ring);
	for (unsigned int i = 0; i < w->count; i++)
		if (unpack(json_array_get(ring, i), &w->ring[i], window_fields,
		           COUNT(window_fields)) < 0 ||
		    !(w->ring[i].variance > 0) || !(w->ring[i].seconds > 0) || w->ring[i].gap < 0)
			return -EINVAL;
	if (unpack_step(json_object_get(o, "loss"), &w->loss) < 0)
		return -EINVAL;
	return unpack_step(json_object_get(o, "gain"), &w->gain);
}

/* Not against who may write the file, but against what a disk or an editor does to it. */
static void digest(const json_t *body, char out[65])
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	uint8_t hash[32] = {0};

	if (text != NULL)
		sha256(text, strlen(text), hash);
	for (unsigned int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	free(text);
}

static int write_file(const char *path, const char *text, struct err *err)
{
	char next[512];
	size_t len = strlen(text);
	int fd, rc = 0;

	if ((size_t)snprintf(next, sizeof(next), "%s.new", path) >= sizeof(next))
		return err_set(err, ENAMETOOLONG, "watch baseline %s: the name is too long", path);
	unlink(next);
	fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "watch baseline %s: %s", next, strerror(errno));
	for (size_t at = 0; at < len && rc == 0;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno != EINTR)
			rc = n == 0 ? -EIO : -errno;
	}
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	if (rc == 0 && rename(next, path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(next);
		return err_set(err, -rc, "watch baseline %s: %s", path, strerror(-rc));
	}
	return 0;
}

int watch_store_save(const char *path, const char *identity, const struct watch_learnt *l,
                     uint64_t wall_s, struct err *err)
{
	json_t *baselines = json_object(), *body;
	char hash[65], *text;
	int rc;

	for (unsigned int i = 0; i < l->count; i++)
		json_object_set_new(baselines, l->base[i].name, pack_base(l->base[i].base));
	body = json_pack("{s:s, s:i, s:s, s:I, s:o, s:o}", "format", FORMAT, "version", VERSION,
	                 "of", identity, "saved", (json_int_t)wall_s, "baselines", baselines,
	                 "loss", pack_loss(l->loss));
	digest(body, hash);
	json_object_set_new(body, "sha256", json_string(hash));
	text = json_dumps(body, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	json_decref(body);
	if (text == NULL)
		return err_set(err, ENOMEM, "watch baseline %s: out of memory", path);
	rc = write_file(path, text, err);
	free(text);
	return rc;
}

static int read_file(const char *path, json_t **out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = 0;
	json_error_t where;
	struct stat st;

	*out = NULL;
	if (fd < 0)
		return err_set(err, errno, "watch baseline %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		rc = err_set(err, errno, "watch baseline %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > BYTES_MAX)
		rc = err_set(err, EPROTO, "watch baseline %s: no such file of ours", path);
	else if ((st.st_mode & 022) != 0)
		rc = err_set(err, EACCES, "watch baseline %s: mode %03o lets others write it", path,
		             st.st_mode & 0777);
	else if ((*out = json_loadfd(fd, JSON_REJECT_DUPLICATES, &where)) == NULL)
		rc = err_set(err, EILSEQ, "watch baseline %s: damaged, line %d: %s", path,
		             where.line, where.text);
	close(fd);
	return rc;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static int check(const char *path, json_t *o, const char *identity, uint64_t wall_s,
                 uint64_t *age_s, struct err *err)
{
	json_int_t saved = json_integer_value(json_object_get(o, "saved"));
	char said[65], hash[65];

	if (strcmp(text_of(o, "format"), FORMAT) != 0)
		return err_set(err, EPROTO, "watch baseline %s: no such file of ours", path);
	if (json_integer_value(json_object_get(o, "version")) != VERSION)
		return err_set(err, EPROTO, "watch baseline %s: of version %lld, not %d", path,
		               (long long)json_integer_value(json_object_get(o, "version")),
		               VERSION);
	snprintf(said, sizeof(said), "%s", text_of(o, "sha256"));
	json_object_del(o, "sha256");
	digest(o, hash);
	if (strcmp(said, hash) != 0)
		return err_set(err, EILSEQ, "watch baseline %s: damaged, its SHA-256 is another",
		               path);
	if (strcmp(text_of(o, "of"), identity) != 0)
		return err_set(err, ESTALE, "watch baseline %s: learnt of another link: %.120s",
		               path, text_of(o, "of"));
	if (saved < 0 || (uint64_t)saved > wall_s)
		return err_set(err, ESTALE, "watch baseline %s: of the future", path);
	*age_s = wall_s - (uint64_t)saved;
	if (*age_s > (uint64_t)WATCH_STORE_DAYS * DAY_S)
		return err_set(err, ESTALE, "watch baseline %s: %" PRIu64 " days old, %d at most",
		               path, *age_s / DAY_S, WATCH_STORE_DAYS);
	return 0;
}

static int take(const char *path, const json_t *o, const struct watch_learnt *l, struct err *err)
{
	struct baseline b[WATCH_STORE_BASELINES];
	struct watch_loss loss = {0};

	for (unsigned int i = 0; i < l->count; i++) {
		const json_t *v = json_object_get(json_object_get(o, "baselines"), l->base[i].name);

		if (unpack_base(v, &l->base[i], &b[i]) < 0)
			return err_set(err, EINVAL,
			               "watch baseline %s: %s: missing, or makes no sense", path,
			               l->base[i].name);
	}
	if (unpack_loss(json_object_get(o, "loss"), &loss) < 0)
		return err_set(err, EINVAL, "watch baseline %s: loss: missing, or makes no sense",
		               path);
	loss.base = l->loss->base;
	*l->loss = loss;
	for (unsigned int i = 0; i < l->count; i++)
		*l->base[i].base = b[i];
	return 0;
}

int watch_store_load(const char *path, const char *identity, const struct watch_learnt *l,
                     uint64_t wall_s, uint64_t *age_s, struct err *err)
{
	json_t *o;
	int rc = read_file(path, &o, err);

	if (rc == 0)
		rc = check(path, o, identity, wall_s, age_s, err);
	if (rc == 0)
		rc = take(path, o, l, err);
	json_decref(o);
	return rc;
}
