/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/commit_history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "control/file_replace.h"

LOG_COMPONENT_DEFINE(commit_history)

#define LINE_MAX_BYTES 1024       /* of what is known of a commit */
#define TEXT_MAX       (8u << 20) /* of a file */

/* A file is a line of JSON about the commit, and behind it the configuration. */
static struct kept {
	struct commit_entry entry;
	char *text; /* NULL: in its file */
} kept[COMMITS_MAX];
static size_t count; /* the oldest is the first */
static char folder[PATH_MAX - 64];
static uint64_t last;

static void file_name(uint64_t commit, char *out, size_t size)
{
	snprintf(out, size, "%s/commit-%012" PRIu64 ".json", folder, commit);
}

static void forget_oldest(void)
{
	char path[PATH_MAX];

	if (kept[0].text == NULL) {
		file_name(kept[0].entry.commit, path, sizeof(path));
		unlink(path);
	}
	free(kept[0].text);
	memmove(&kept[0], &kept[1], --count * sizeof(kept[0]));
}

void commit_history_close(void)
{
	for (size_t i = 0; i < count; i++)
		free(kept[i].text);
	count = 0;
	last = 0;
	folder[0] = '\0';
}

static void copy(char *to, size_t size, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	snprintf(to, size, "%s", s != NULL ? s : "");
}

static bool read_line(FILE *f, struct commit_entry *out)
{
	char line[LINE_MAX_BYTES];
	json_t *o;
	bool ok;

	if (fgets(line, sizeof(line), f) == NULL)
		return false;
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	ok = json_is_integer(json_object_get(o, "commit")) &&
	     json_is_integer(json_object_get(o, "time_ns"));
	*out = (struct commit_entry){
	        .commit = (uint64_t)json_integer_value(json_object_get(o, "commit")),
	        .time_ns = (uint64_t)json_integer_value(json_object_get(o, "time_ns")),
	        .uid = (uid_t)json_integer_value(json_object_get(o, "uid")),
	        .restart = json_is_true(json_object_get(o, "restart")),
	};
	copy(out->user, sizeof(out->user), o, "user");
	copy(out->comment, sizeof(out->comment), o, "comment");
	json_decref(o);
	return ok;
}

static int is_commit(const struct dirent *d)
{
	return strncmp(d->d_name, "commit-", strlen("commit-")) == 0 &&
	       strlen(d->d_name) == strlen("commit-000000000000.json") &&
	       strcmp(d->d_name + strlen("commit-000000000000"), ".json") == 0;
}

/* Files alone: to open a pipe would wait for whoever writes into it. */
static FILE *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *f = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		errno = EINVAL;
	else
		f = fdopen(fd, "r");
	if (f == NULL)
		close(fd);
	return f;
}

static void read_one(const char *name)
{
	uint64_t commit = strtoull(name + strlen("commit-"), NULL, 10);
	struct commit_entry entry;
	char path[PATH_MAX + 256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = open_file(path);
	if (f == NULL || !read_line(f, &entry) || entry.commit != commit) {
		log_warn("%s: cannot be read, left out", path);
	} else {
		if (count == COMMITS_MAX)
			forget_oldest();
		kept[count++] = (struct kept){.entry = entry};
	}
	/* Its number is used, whatever is in it. */
	last = commit > last ? commit : last;
	if (f != NULL)
		fclose(f);
}

int commit_history_open(const char *path, struct err *err)
{
	struct dirent **names;
	int n;

	commit_history_close();
	if (strlen(path) >= sizeof(folder))
		return err_set(err, ENAMETOOLONG, "%s: is too long", path);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	n = scandir(path, &names, is_commit, alphasort);
	if (n < 0)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	strcpy(folder, path);
	for (int i = 0; i < n; i++) {
		read_one(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}

static char *file_text(const struct commit_entry *e, const char *text)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:s, s:s, s:b}", "commit", (json_int_t)e->commit,
	                      "time_ns", (json_int_t)e->time_ns, "uid", (json_int_t)e->uid, "user",
	                      e->user, "comment", e->comment, "restart", e->restart);
	char *line = json_dumps(o, JSON_COMPACT), *all = NULL;

	json_decref(o);
	if (line != NULL && asprintf(&all, "%s\n%s", line, text) < 0)
		all = NULL;
	free(line);
	return all;
}

static int write_file(const struct commit_entry *e, const char *text, struct err *err)
{
	char path[PATH_MAX], *all;
	int rc;

	if (folder[0] == '\0')
		return err_set(err, ENOENT, "there is no folder for the history");
	all = file_text(e, text);
	if (all == NULL)
		return err_set(err, ENOMEM, "out of memory");
	file_name(e->commit, path, sizeof(path));
	rc = file_replace(path, all, 0600, err);
	free(all);
	return rc;
}

int commit_history_add(struct commit_entry *entry, const char *text, struct err *err)
{
	char *in_memory = NULL;
	int rc;

	entry->commit = ++last;
	rc = write_file(entry, text, err);
	if (rc != 0) {
		in_memory = strdup(text);
		if (in_memory == NULL)
			return rc;
	}
	if (count == COMMITS_MAX)
		forget_oldest();
	kept[count++] = (struct kept){.entry = *entry, .text = in_memory};
	return rc;
}

const struct commit_entry *commit_history_at(size_t n)
{
	return n < count ? &kept[count - 1 - n].entry : NULL;
}

static int read_text(const char *path, char **text, struct err *err)
{
	FILE *f = open_file(path);
	char *buf = NULL;
	size_t cap = 0;
	int rc = 0;

	if (f == NULL)
		return err_set(err, errno, "%s: %s", path, strerror(errno));
	/* The line about it, and all that follows. */
	if (getline(&buf, &cap, f) < 0 || getdelim(&buf, &cap, '\0', f) < 0)
		rc = err_set(err, EIO, "%s: is cut off", path);
	else if (strlen(buf) > TEXT_MAX)
		rc = err_set(err, EFBIG, "%s: is too large", path);
	fclose(f);
	if (rc != 0)
		free(buf);
	else
		*text = buf;
	return rc;
}

int commit_history_text(size_t n, char **text, struct err *err)
{
	const struct kept *k = n < count ? &kept[count - 1 - n] : NULL;
	char path[PATH_MAX];

	if (k == NULL)
		return err_set(err, ENOENT, "there is no commit %zu before the newest", n);
	if (k->text == NULL) {
		file_name(k->entry.commit, path, sizeof(path));
		return read_text(path, text, err);
	}
	*text = strdup(k->text);
	return *text != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}
