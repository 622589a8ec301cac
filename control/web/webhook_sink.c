/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/webhook_sink.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/secret.h"
#include "common/secret_file.h"
#include "control/web/webhook_body.h"

#define SECRET_LEAST 16
#define SECRET_MOST  4096
#define ANSWER_MOST  (64u << 10) /* of which nothing is read */

struct webhook {
	char url[512], ca[256];
	uint32_t timeout_s;
	uint8_t *secret;
	size_t secret_len;
	char run[17];  /* of this process, random */
	uint64_t made; /* messages */
	/* Of the thread. */
	CURL *curl;
	size_t answer;
	char error[CURL_ERROR_SIZE];
};

static size_t format(void *ctx, const struct web_alarm *a, char *out)
{
	struct webhook *w = ctx;
	char id[48];

	_Static_assert(WEBHOOK_BODY_MAX <= SINK_MESSAGE_MAX, "");
	snprintf(id, sizeof(id), "%s-%llu", w->run, (unsigned long long)++w->made);
	return webhook_body(a, id, out);
}

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
	struct webhook *w = ctx;

	w->answer += n;
	return w->answer <= ANSWER_MOST ? n : 0;
}

static int on_progress(void *outbox, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return outbox_stopping(outbox);
}

static void set_up(struct webhook *w)
{
	curl_easy_setopt(w->curl, CURLOPT_URL, w->url);
	/* Plain HTTP passes the configuration for this machine alone. */
	curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(w->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(w->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(w->curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (w->ca[0] != '\0')
		curl_easy_setopt(w->curl, CURLOPT_CAINFO, w->ca);
	curl_easy_setopt(w->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(w->curl, CURLOPT_TIMEOUT, (long)w->timeout_s);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "lumengate-web");
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(w->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, w->error);
}

static struct curl_slist *headers(const struct webhook *w, const char *body, size_t len)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	char signature[WEBHOOK_SIGNATURE_MAX], line[128];

	if (w->secret == NULL)
		return list;
	webhook_sign(w->secret, w->secret_len, body, len, signature);
	snprintf(line, sizeof(line), "Lumengate-Signature: %s", signature);
	return curl_slist_append(list, line);
}

static int judge(long status, struct err *err)
{
	if (status >= 200 && status < 300)
		return 0;
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return err_set(err, EAGAIN, "it answers %ld", status);
	return err_set(err, EPROTO, "it answers %ld: the message is given up", status);
}

static int deliver(void *ctx, struct outbox *o, const char *body, size_t len, struct err *err)
{
	struct webhook *w = ctx;
	struct curl_slist *list;
	long status = 0;
	CURLcode rc;

	if (w->curl == NULL) {
		w->curl = curl_easy_init();
		if (w->curl == NULL)
			return err_set(err, EAGAIN, "out of memory");
		set_up(w);
	}
	w->answer = 0;
	w->error[0] = '\0';
	list = headers(w, body, len);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, o);
	rc = curl_easy_perform(w->curl);
	curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(list);
	/* An answer that was too long is an answer. */
	if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && status != 0))
		return err_set(err, EAGAIN, "%s",
		               w->error[0] != '\0' ? w->error : curl_easy_strerror(rc));
	return judge(status, err);
}

static void release(void *ctx)
{
	struct webhook *w = ctx;

	if (w->curl != NULL)
		curl_easy_cleanup(w->curl);
	secret_free(w->secret);
	free(w);
}

/* A line of a file: an editor's newline at its end is no part of it. */
static int read_secret(struct webhook *w, const char *path, struct err *err)
{
	int rc = secret_file_read(path, "webhook secret", SECRET_LEAST, SECRET_MOST, &w->secret,
	                          &w->secret_len, err);

	if (rc == 0 && w->secret[w->secret_len - 1] == '\n')
		w->secret_len--;
	return rc;
}

static int begin(struct webhook *w, const struct config_web_webhook *c, struct err *err)
{
	uint64_t run;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ENOMEM, "libcurl cannot start");
	random_bytes(&run, sizeof(run));
	snprintf(w->run, sizeof(w->run), "%016llx", (unsigned long long)run);
	snprintf(w->url, sizeof(w->url), "%s", c->url);
	snprintf(w->ca, sizeof(w->ca), "%s", c->ca);
	w->timeout_s = c->timeout_s;
	return c->secret_file[0] != '\0' ? read_secret(w, c->secret_file, err) : 0;
}

/* Without the path: services that take webhooks put a token there, and anybody may look. */
static void shown(const char *url, char *out, size_t size)
{
	size_t n = strcspn(url, ":") + 3;

	n += strcspn(url + n, "/?#");
	snprintf(out, size, "%.*s%s", (int)n, url, strlen(url) > n + 1 ? "/..." : "");
}

struct sink *webhook_sink_new(const struct config_web_webhook *c, struct err *err)
{
	static const struct sink_type type = {"webhook", format, deliver, release};
	struct webhook *w = calloc(1, sizeof(*w));
	char target[sizeof(w->url) + 8];

	if (w == NULL) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	shown(c->url, target, sizeof(target));
	if (begin(w, c, err) != 0) {
		release(w);
		return NULL;
	}
	return sink_new(&(struct sink_config){.type = &type,
	                                      .name = c->name,
	                                      .target = target,
	                                      .severity = c->severity,
	                                      .outbox = {.messages = c->messages},
	                                      .ctx = w},
	                err);
}
