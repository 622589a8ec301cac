/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/secret.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define WAIT_S     30

static int dial(const char *path, struct err *err)
{
	const struct timeval wait = {WAIT_S, 0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ENOTCONN, "%s: too long for a socket", path);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, ENOTCONN, "%s: %s", path, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int rc = err_set(err, ENOTCONN, "%s: %s", path, strerror(errno));

		close(fd);
		return rc;
	}
	return fd;
}

/* One line, or what there is when the gateway hangs up. */
static char *read_line(int fd)
{
	size_t len = 0, capacity = 65536;
	char *buf = malloc(capacity), *larger;
	ssize_t n;

	while (buf != NULL && (len == 0 || buf[len - 1] != '\n')) {
		if (len + 1 == capacity) {
			capacity *= 2;
			larger = capacity <= ANSWER_MAX ? realloc(buf, capacity) : NULL;
			if (larger == NULL)
				break;
			buf = larger;
		}
		n = recv(fd, buf + len, capacity - 1 - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (buf != NULL)
		buf[len] = '\0';
	return buf;
}

static int take_answer(const char *path, const char *text, json_t **result, struct err *err)
{
	json_t *answer = json_loads(text, 0, NULL), *error;
	const char *message;
	int rc = 0;

	error = json_object_get(answer, "error");
	message = json_string_value(json_object_get(error, "message"));
	if (error != NULL)
		rc = err_set(err, EREMOTEIO, "%s", message != NULL ? message : "refused");
	else if (json_object_get(answer, "result") == NULL)
		rc = err_set(err, ENOTCONN, "%s: no answer", path);
	else
		*result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return rc;
}

int lgctl_call(const char *path, const struct lgctl_request *request, json_t **result,
               struct err *err)
{
	json_t *o =
	        json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", request->method, "id", 1);
	char *text, *answer;
	size_t len, at = 0;
	ssize_t n = 0;
	int fd, rc;

	if (request->params != NULL)
		json_object_set(o, "params", request->params);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL)
		return err_set(err, ENOMEM, "out of memory");
	len = strlen(text);
	fd = dial(path, err);
	while (fd >= 0 && at < len && n >= 0) {
		n = send(fd, text + at, len - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
	}
	secret_wipe(text, len);
	free(text);
	if (fd < 0)
		return fd;
	/* Sent or not, the gateway may have said why: read before judging. */
	answer = read_line(fd);
	close(fd);
	rc = take_answer(path, answer != NULL ? answer : "", result, err);
	free(answer);
	return rc;
}

/*
 * Of a list with the newest first (falling numbers), what came at its head since the last page
 * moved some of that page onto this one.
 */
static void extend(json_t *list, const json_t *page)
{
	size_t n = json_array_size(list), i;
	json_t *entry, *first = json_object_get(json_array_get(list, 0), "number");
	json_t *last = json_object_get(json_array_get(list, n - 1), "number");
	bool falls = n > 1 && json_is_integer(last) &&
	             json_integer_value(first) > json_integer_value(last);
	json_int_t end = json_integer_value(last);

	json_array_foreach ((json_t *)page, i, entry)
		if (!falls || json_integer_value(json_object_get(entry, "number")) < end)
			json_array_append(list, entry);
}

int lgctl_call_all(const char *path, const struct lgctl_request *request, json_t **result,
                   struct err *err)
{
	struct lgctl_request next = *request;
	int rc = lgctl_call(path, request, result, err);
	json_t *list, *page;
	size_t size;

	if (rc != 0 || request->list == NULL)
		return rc;
	list = json_object_get(*result, request->list);
	while (json_array_size(list) <
	       (size_t)json_integer_value(json_object_get(*result, "total"))) {
		next.params = request->params != NULL ? json_copy(request->params) : json_object();
		json_object_set_new(next.params, "offset",
		                    json_integer((json_int_t)json_array_size(list)));
		rc = lgctl_call(path, &next, &page, err);
		json_decref(next.params);
		if (rc != 0) {
			json_decref(*result);
			return rc;
		}
		size = json_array_size(list);
		extend(list, json_object_get(page, request->list));
		json_decref(page);
		/* It became shorter meanwhile, or forgot its oldest. */
		if (json_array_size(list) == size)
			break;
	}
	return 0;
}
