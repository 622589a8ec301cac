/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_fetch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/log.h"
#include "common/secret.h"
#include "control/kme_answer.h"
#include "control/notify.h"

LOG_COMPONENT_DEFINE(kme_fetch)

#define CONNECT_S     5L
#define WAIT_MOST_S   3600
#define REQUEST_BYTES (64 + KME_KEYS_MAX * (KME_ID_BYTES + 20))

struct kme_fetch {
	const struct config_foreign_kme *config;
	volatile sig_atomic_t *stop;
	CURL *curl;
	struct curl_slist *headers;
	char *peer;              /* of the path, percent-encoded */
	uint8_t *body, *entries; /* secret memory */
	size_t len;
	bool too_long;
	char reason[CURL_ERROR_SIZE];
	char request[REQUEST_BYTES];
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct kme_fetch *f = ctx;

	if (n > KME_ANSWER_MAX - f->len) {
		f->too_long = true;
		return 0;
	}
	memcpy(f->body + f->len, data, n);
	f->len += n;
	return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	/* A KME that takes its time is no hung client: the exchange has a time-out. */
	notify_alive();
	return *((struct kme_fetch *)ctx)->stop;
}

static void set_options(struct kme_fetch *f)
{
	CURL *c = f->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->reason);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_CAINFO, f->config->ca);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
	/* Renewed certificates come into use. */
	curl_easy_setopt(c, CURLOPT_MAXLIFETIME_CONN, 600L);
	curl_easy_setopt(c, CURLOPT_SSLCERT, f->config->certificate);
	curl_easy_setopt(c, CURLOPT_SSLKEY, f->config->private_key);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
	                 f->config->timeout_s < CONNECT_S ? (long)f->config->timeout_s : CONNECT_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)f->config->timeout_s);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "lumengate-kme-client");
}

struct kme_fetch *kme_fetch_create(const struct config_foreign_kme *config,
                                   volatile sig_atomic_t *stop, struct err *err)
{
	struct kme_fetch *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	f->config = config;
	f->stop = stop;
	f->curl = curl_easy_init();
	f->body = secret_alloc(KME_ANSWER_MAX);
	f->entries = secret_alloc(KME_KEYS_MAX * KME_ENTRY_BYTES);
	if (f->curl != NULL)
		f->peer = curl_easy_escape(f->curl, config->peer_sae, 0);
	f->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (f->headers != NULL &&
	    curl_slist_append(f->headers, "Accept: application/json") == NULL) {
		curl_slist_free_all(f->headers);
		f->headers = NULL;
	}
	if (f->curl == NULL || f->body == NULL || f->entries == NULL || f->peer == NULL ||
	    f->headers == NULL) {
		kme_fetch_destroy(f);
		err_set(err, ENOMEM, "secret memory is full");
		return NULL;
	}
	set_options(f);
	return f;
}

void kme_fetch_destroy(struct kme_fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	curl_slist_free_all(f->headers);
	curl_free(f->peer);
	secret_free(f->body);
	secret_free(f->entries);
	free(f);
}

void kme_fetch_wipe(struct kme_fetch *f)
{
	secret_wipe(f->body, f->len);
	secret_wipe(f->entries, KME_KEYS_MAX * KME_ENTRY_BYTES);
	f->len = 0;
}

static void failed(struct kme_message *m, enum kme_fault fault, uint32_t wait_ms, const char *text)
{
	*m = (struct kme_message){
	        .type = KME_FAILED, .request = m->request, .fault = fault, .wait_ms = wait_ms};
	kme_text_copy(m->text, text, strlen(text));
}

/* An exchange that came to no answer. */
static void broken(struct kme_fetch *f, CURLcode rc, struct kme_message *m)
{
	if (f->too_long)
		failed(m, KME_GARBLED, 0, "the answer is longer than 256 KiB");
	else if (rc == CURLE_WEIRD_SERVER_REPLY || rc == CURLE_UNSUPPORTED_PROTOCOL)
		failed(m, KME_GARBLED, 0,
		       f->reason[0] != '\0' ? f->reason : curl_easy_strerror(rc));
	else
		failed(m, KME_UNREACHABLE, 0,
		       f->reason[0] != '\0' ? f->reason : curl_easy_strerror(rc));
}

/* Any answer but 200. */
static void refused(struct kme_fetch *f, long status, struct kme_message *m)
{
	char said[KME_TEXT_MAX + 1], text[KME_TEXT_MAX + 16];
	curl_off_t wait = 0;

	curl_easy_getinfo(f->curl, CURLINFO_RETRY_AFTER, &wait);
	if (wait < 0)
		wait = 0;
	if (wait > WAIT_MOST_S)
		wait = WAIT_MOST_S;
	kme_answer_message((const char *)f->body, f->len, said);
	snprintf(text, sizeof(text), "%ld %s", status,
	         status >= 300 && status < 400 ? "a redirection, which is not followed" : said);
	failed(m,
	       status == 503  ? KME_BUSY
	       : status < 400 ? KME_GARBLED
	                      : KME_REFUSED,
	       (uint32_t)wait * 1000, text);
}

/* CALL of the peer's SAE, POST with a body. True: there is an answer of 200; else M is KME_FAILED.
 */
static bool exchange(struct kme_fetch *f, const char *call, const char *post, struct kme_message *m)
{
	char url[sizeof(f->config->url) + 3 * sizeof(f->config->peer_sae) + 32];
	long status = 0;
	CURLcode rc;

	snprintf(url, sizeof(url), "%s/api/v1/keys/%s/%s", f->config->url, f->peer, call);
	f->len = 0;
	f->too_long = false;
	f->reason[0] = '\0';
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	if (post != NULL)
		curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, post);
	else
		curl_easy_setopt(f->curl, CURLOPT_HTTPGET, 1L);
	rc = curl_easy_perform(f->curl);
	if (rc != CURLE_OK) {
		broken(f, rc, m);
		return false;
	}
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return true;
	refused(f, status, m);
	return false;
}

void kme_fetch_status(struct kme_fetch *f, struct kme_message *m)
{
	struct err err = {0};
	int rc;

	*m = (struct kme_message){0};
	if (exchange(f, "status", NULL, m)) {
		rc = kme_answer_status((const char *)f->body, f->len, f->config->sae, m, &err);
		if (rc < 0) {
			m->request = 0;
			failed(m, rc == -EACCES ? KME_REFUSED : KME_GARBLED, 0, err.text);
		}
	}
	kme_fetch_wipe(f);
}

static void write_ids(char *out, size_t size, const struct kme_message *m)
{
	size_t n = (size_t)snprintf(out, size, "{\"key_IDs\":[");

	for (unsigned int i = 0; i < m->number; i++)
		n += (size_t)snprintf(out + n, size - n, "%s{\"key_ID\":\"%.*s\"}",
		                      i > 0 ? "," : "", KME_ID_BYTES,
		                      (const char *)m->entries + (size_t)i * KME_ID_BYTES);
	snprintf(out + n, size - n, "]}");
}

void kme_fetch_keys(struct kme_fetch *f, struct kme_message *m)
{
	bool enc = m->type == KME_ENC;
	const uint8_t *ids = enc ? NULL : m->entries;
	struct err err = {0};

	if (enc)
		snprintf(f->request, sizeof(f->request), "{\"number\":%u,\"size\":%d}", m->number,
		         8 * KME_KEY_BYTES);
	else
		write_ids(f->request, sizeof(f->request), m);
	if (!exchange(f, enc ? "enc_keys" : "dec_keys", f->request, m))
		return;
	if (kme_answer_keys((const char *)f->body, f->len, ids, m->number, f->entries, &err) < 0) {
		failed(m, KME_GARBLED, 0, err.text);
		return;
	}
	m->type = KME_KEYS;
	m->entries = f->entries;
}
