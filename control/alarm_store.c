/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/file_replace.h"

#define FORMAT    "lumengate alarm shelves"
#define VERSION   1
#define BYTES_MAX (64u << 10)

static int failed(const char *path, int code, struct err *err)
{
	return err_set(err, code, "alarm shelves %s: %s", path, strerror(code));
}

int alarm_store_save(const char *path, const struct alarm_shelf *shelves, size_t count,
                     struct err *err)
{
	json_t *list = json_array(), *o;
	char *text;
	int rc;

	for (size_t i = 0; i < count; i++) {
		const struct alarm_shelf *s = &shelves[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "kind",
		                                      s->kind, "resource", s->resource, "text",
		                                      s->text, "since_ns", (json_int_t)s->since_ns,
		                                      "until_ns", (json_int_t)s->until_ns, "uid",
		                                      (json_int_t)s->uid));
	}
	o = json_pack("{s:s, s:i, s:o}", "format", FORMAT, "version", VERSION, "shelves", list);
	text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	if (text == NULL)
		return failed(path, ENOMEM, err);
	rc = file_replace(path, text, 0600, err);
	free(text);
	return rc < 0 ? err_prefix(err, "alarm shelves") : 0;
}

static int read_file(const char *path, json_t **out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = 0;
	json_error_t where;
	struct stat st;

	if (fd < 0)
		return failed(path, errno, err);
	if (fstat(fd, &st) < 0)
		rc = failed(path, errno, err);
	else if (!S_ISREG(st.st_mode) || st.st_size > BYTES_MAX)
		rc = err_set(err, EPROTO, "alarm shelves %s: no such file of ours", path);
	else if ((st.st_mode & 022) != 0)
		rc = err_set(err, EACCES, "alarm shelves %s: mode %03o lets others write it", path,
		             st.st_mode & 0777);
	else if ((*out = json_loadfd(fd, JSON_REJECT_DUPLICATES, &where)) == NULL)
		rc = err_set(err, EILSEQ, "alarm shelves %s: damaged, line %d: %s", path,
		             where.line, where.text);
	close(fd);
	return rc;
}

static bool text_of(const json_t *o, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL && (size_t)snprintf(out, size, "%s", s) < size;
}

static bool number_of(const json_t *o, const char *name, uint64_t *out)
{
	const json_t *n = json_object_get(o, name);

	*out = (uint64_t)json_integer_value(n);
	return json_is_integer(n) && json_integer_value(n) >= 0;
}

static bool take(const json_t *o, struct alarm_shelf *s)
{
	uint64_t uid;

	*s = (struct alarm_shelf){0};
	if (!text_of(o, "kind", s->kind, sizeof(s->kind)) ||
	    !text_of(o, "resource", s->resource, sizeof(s->resource)) ||
	    !text_of(o, "text", s->text, sizeof(s->text)) ||
	    !number_of(o, "since_ns", &s->since_ns) || !number_of(o, "until_ns", &s->until_ns) ||
	    !number_of(o, "uid", &uid) || uid > UINT32_MAX)
		return false;
	s->uid = (uid_t)uid;
	/* Neither would be everything, which nobody can have asked for. */
	return s->kind[0] != '\0' || s->resource[0] != '\0';
}

int alarm_store_load(const char *path, struct alarm_shelf *out, size_t max, size_t *count,
                     struct err *err)
{
	json_t *o = NULL, *list;
	const char *format;
	size_t n;
	int rc;

	*count = 0;
	rc = read_file(path, &o, err);
	if (rc != 0)
		return rc;
	format = json_string_value(json_object_get(o, "format"));
	list = json_object_get(o, "shelves");
	n = json_array_size(list);
	if (format == NULL || strcmp(format, FORMAT) != 0 ||
	    json_integer_value(json_object_get(o, "version")) != VERSION)
		rc = err_set(err, EPROTO, "alarm shelves %s: no such file of ours", path);
	else if (!json_is_array(list) || n > max)
		rc = err_set(err, EILSEQ, "alarm shelves %s: damaged", path);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (!take(json_array_get(list, i), &out[i]))
			rc = err_set(err, EILSEQ, "alarm shelves %s: damaged, shelf %zu", path, i);
	if (rc == 0)
		*count = n;
	json_decref(o);
	return rc;
}
