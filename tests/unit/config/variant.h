/* SPDX-License-Identifier: BSD-3-Clause */

/* The example configurations with one place changed. */

#ifndef TESTS_UNIT_CONFIG_VARIANT_H
#define TESTS_UNIT_CONFIG_VARIANT_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE_A       SOURCE_DIR "/config/examples/site-a.json"
#define EXAMPLE_B       SOURCE_DIR "/config/examples/site-b.json"
#define EXAMPLE_WEB     SOURCE_DIR "/config/examples/web.json"
#define EXAMPLE_KMS_A   SOURCE_DIR "/config/examples/kms-a.json"
#define EXAMPLE_KMS_B   SOURCE_DIR "/config/examples/kms-b.json"
#define EXAMPLE_FOREIGN SOURCE_DIR "/config/examples/foreign-kme-a.json"

/* A tunnel of site A with ESP in UDP and MEMBERS. */
#define UDP_TUNNEL(members)                                                                        \
	"{\"name\":\"dc\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\","                       \
	"\"encapsulation\":\"udp\"," members "}"

/*
 * The text of FILE with the member at PATH ("port/lan/mtu"; a number is an array index) set
 * to the JSON value VALUE, or removed when VALUE is NULL. The caller frees it.
 */
static inline char *variant(const char *file, const char *path, const char *value)
{
	json_t *root = json_load_file(file, 0, NULL), *at, *v = NULL;
	char copy[128], *save = NULL, *part, *next, *text;

	at = json_object_iter_value(json_object_iter(root)); /* gateway, or kms */
	if (value != NULL)
		v = json_loads(value, JSON_DECODE_ANY, NULL);
	strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	for (part = strtok_r(copy, "/", &save); part != NULL; part = next) {
		next = strtok_r(NULL, "/", &save);
		if (next != NULL)
			at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part))
			                       : json_object_get(at, part);
		else if (json_is_array(at) && strcmp(part, "+") == 0)
			json_array_append(at, v);
		else if (json_is_array(at))
			json_array_set(at, (size_t)atoi(part), v);
		else if (v != NULL)
			json_object_set(at, part, v);
		else
			json_object_del(at, part);
	}
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(v);
	json_decref(root);
	return text;
}

#endif
