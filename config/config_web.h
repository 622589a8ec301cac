/* SPDX-License-Identifier: BSD-3-Clause */

/* The configuration of lumengate-web: container web of config/lumengate.yang, RFC 7951 JSON. */

#ifndef CONFIG_CONFIG_WEB_H
#define CONFIG_CONFIG_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"

#define CONFIG_WEB_LISTEN_MAX 8
#define CONFIG_WEB_SINKS_MAX  4 /* of a kind */

enum config_web_transport { CONFIG_WEB_UDP, CONFIG_WEB_TCP, CONFIG_WEB_UNIX };

/* Where alarms go. SEVERITY: by name, the least that is told. */
struct config_web_syslog {
	char name[32];
	enum config_web_transport transport;
	char address[256]; /* or a host's name */
	uint16_t port;
	char path[108]; /* CONFIG_WEB_UNIX */
	char facility[16], severity[16];
	uint32_t enterprise, messages;
};

struct config_web_journal {
	bool enabled;
	char socket[108], severity[16];
};

struct config_web_webhook {
	char name[32], url[512];
	char ca[256], secret_file[256]; /* "": none */
	uint32_t timeout_s, messages;
	char severity[16];
};

struct config_web {
	struct config_web_listen {
		struct config_addr address;
		uint16_t port;
		bool tls;
	} listen[CONFIG_WEB_LISTEN_MAX];
	unsigned int listen_count;
	/* "": none */
	char certificate[256], private_key[256];
	char client_ca[256], client_crl[256];
	char gateway_socket[108];
	char kms_socket[108]; /* "": there is no key delivery */
	uint32_t poll_s;
	struct {
		bool enabled;
		char path[256];
		uint32_t keep_days;
	} history;
	struct {
		uint32_t connections, connections_per_address;
		uint32_t header_s, answer_s, idle_s;
	} http;
	struct config_web_syslog syslog[CONFIG_WEB_SINKS_MAX];
	struct config_web_journal journal;
	struct config_web_webhook webhook[CONFIG_WEB_SINKS_MAX];
	unsigned int syslog_count, webhook_count;
	struct {
		char socket[108], group[32], read_only_group[32]; /* "": none */
	} control;
};

/*
 * Between config_init() and config_fini(): parse and check JSON text, which may have other
 * containers beside web. On failure ERR holds the path and the reason, and OUT is untouched.
 * config_web_load() reads a file.
 */
int config_web_parse(const char *json, struct config_web *out, struct err *err);
int config_web_load(const char *path, struct config_web *out, struct err *err);

/* Are the files and groups that it names there, for this process? -ENOENT with path and reason. */
int config_web_check_system(const struct config_web *config, struct err *err);

#endif
