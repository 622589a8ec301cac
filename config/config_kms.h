/* SPDX-License-Identifier: BSD-3-Clause */

/* The configuration of lumengate-kms: container kms of config/lumengate.yang, RFC 7951 JSON. */

#ifndef CONFIG_CONFIG_KMS_H
#define CONFIG_CONFIG_KMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"

#define CONFIG_KMS_LISTEN_MAX 8
#define CONFIG_KMS_SKIP_MAX   4
#define CONFIG_KMS_REMOTE_MAX 16
#define CONFIG_KMS_NAME       1024 /* bytes of a KME ID of 255 characters, and a null */

/* What of a client's certificate names it. */
enum config_kms_identity { CONFIG_KMS_SUBJECT_CN, CONFIG_KMS_SAN_URI, CONFIG_KMS_SERIAL };

struct config_kms {
	char name[CONFIG_KMS_NAME], peer_name[CONFIG_KMS_NAME]; /* KME IDs */
	enum config_site site;                                  /* of the gateway */
	struct config_kms_listen {
		struct config_addr address;
		uint16_t port;
	} listen[CONFIG_KMS_LISTEN_MAX];
	unsigned int listen_count;
	char certificate[256], private_key[256], ca[256];
	char crl[256]; /* "": none */
	enum config_kms_identity identity;
	char gateway_socket[108];
	uint32_t secret_memory_mb; /* beside the store's */
	bool optional_strict;
	struct {
		char path[256], storage_key[256];
		uint64_t max_bytes, low_bytes; /* of either direction */
		uint64_t high_bytes;           /* 0: the store's default */
		uint32_t ttl_s;                /* 0: for ever */
	} store;
	struct {
		uint32_t key_size, min_key_size, max_key_size; /* bits, multiples of 8 */
		uint32_t max_keys_per_request, max_sae_count;
	} limits;
	struct {
		uint32_t connections, connections_per_address;
		uint32_t body_memory_mb;
		uint32_t handshake_s, header_s, body_s, answer_s, idle_s;
	} http;
	bool skip;
	struct config_kms_listen skip_listen[CONFIG_KMS_SKIP_MAX]; /* with pre-shared keys */
	unsigned int skip_listen_count;
	char psk_file[256]; /* "": none */
	char skip_remote[CONFIG_KMS_REMOTE_MAX]
	                [CONFIG_KMS_NAME]; /* globs of the peer's system IDs */
	unsigned int skip_remote_count;
	struct {
		char socket[108], group[32], read_only_group[32]; /* "": none */
	} control;
};

/*
 * Between config_init() and config_fini(): parse and check JSON text, which may have the container
 * gateway beside kms. On failure ERR holds the path and the reason, and OUT is untouched. NORMAL,
 * unless NULL, becomes the configuration as it was understood, for free(). config_kms_load() reads
 * a file.
 */
int config_kms_parse(const char *json, struct config_kms *out, char **normal, struct err *err);
int config_kms_load(const char *path, struct config_kms *out, char **normal, struct err *err);

/* Are the files and groups that it names there, for this process? -ENOENT with path and reason. */
int config_kms_check_system(const struct config_kms *config, struct err *err);

#endif
