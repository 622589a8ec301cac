/* SPDX-License-Identifier: BSD-3-Clause */

/* Where lumengate-web tells of alarms. */

#include <errno.h>
#include <string.h>

#include "config/config_json.h"
#include "config/config_parts.h"
#include "config/config_web.h"

static void read_syslog(const json_t *o, struct config_web_syslog *out)
{
	const char *transport = text_of(o, "transport");

	copy_text(o, "name", out->name, sizeof(out->name));
	out->transport = strcmp(transport, "tcp") == 0    ? CONFIG_WEB_TCP
	                 : strcmp(transport, "unix") == 0 ? CONFIG_WEB_UNIX
	                                                  : CONFIG_WEB_UDP;
	copy_text(o, "address", out->address, sizeof(out->address));
	out->port = (uint16_t)uint_of(o, "port");
	copy_text(o, "path", out->path, sizeof(out->path));
	copy_text(o, "facility", out->facility, sizeof(out->facility));
	copy_text(o, "severity", out->severity, sizeof(out->severity));
	out->enterprise = uint_of(o, "enterprise-number");
	out->messages = uint_of(o, "queue-messages");
}

static void read_webhook(const json_t *o, struct config_web_webhook *out)
{
	copy_text(o, "name", out->name, sizeof(out->name));
	copy_text(o, "url", out->url, sizeof(out->url));
	copy_text(o, "ca", out->ca, sizeof(out->ca));
	copy_text(o, "secret-file", out->secret_file, sizeof(out->secret_file));
	copy_text(o, "severity", out->severity, sizeof(out->severity));
	out->timeout_s = uint_of(o, "timeout-s");
	out->messages = uint_of(o, "queue-messages");
}

void config_web_sinks_read(const json_t *w, struct config_web *out)
{
	const json_t *syslog = json_object_get(w, "syslog");
	const json_t *webhook = json_object_get(w, "webhook");
	const json_t *journal = json_object_get(w, "journal");
	json_t *o;
	size_t i;

	json_array_foreach (syslog, i, o)
		read_syslog(o, &out->syslog[i]);
	json_array_foreach (webhook, i, o)
		read_webhook(o, &out->webhook[i]);
	out->syslog_count = (unsigned int)json_array_size(syslog);
	out->webhook_count = (unsigned int)json_array_size(webhook);
	out->journal.enabled = journal != NULL;
	copy_text(journal, "socket", out->journal.socket, sizeof(out->journal.socket));
	copy_text(journal, "severity", out->journal.severity, sizeof(out->journal.severity));
}

static bool is_this_machine(const char *host)
{
	static const char *const hosts[] = {"127.0.0.1", "[::1]", "localhost"};

	for (unsigned int i = 0; i < 3; i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(host, hosts[i], n) == 0 && strchr(":/", host[n]) != NULL)
			return true;
	}
	return false;
}

/* What is wrong with a URL; NULL: nothing that can be seen. */
static const char *url_fault(const char *url)
{
	const char *host = url + strcspn(url, ":") + 3;
	size_t n;

	for (const char *c = url; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return "has blanks, control characters or others than ASCII";
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return "is not https://HOST[:PORT][/PATH]";
	n = strcspn(host, "/?#");
	if (n == 0)
		return "has no host";
	if (memchr(host, '@', n) != NULL)
		return "has a user or a password, which would be shown: secret-file is for that";
	if (strncmp(url, "http://", 7) == 0 && !is_this_machine(host))
		return "is not https://: anybody between could read and change what is told";
	return NULL;
}

int config_web_sinks_check(const struct config_web *c, struct err *err)
{
	for (unsigned int i = 0; i < c->webhook_count; i++) {
		const char *fault = url_fault(c->webhook[i].url);

		if (fault != NULL)
			return err_set(err, EINVAL, CONFIG_WEB_ROOT "/webhook[name='%s']/url: %s",
			               c->webhook[i].name, fault);
	}
	return 0;
}
