/* SPDX-License-Identifier: BSD-3-Clause */

/* A gateway that only remembers what it was told to apply, for tests of commits. */

#ifndef TESTS_UNIT_CONTROL_COMMIT_RIG_H
#define TESTS_UNIT_CONTROL_COMMIT_RIG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/candidate.h"
#include "control/commit.h"
#include "control/commit_history.h"
#include "control/gateway.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#define RIG_ROOT "/lumengate:gateway"

static struct {
	char folder[64], file[96], history[96];
	struct config running; /* of the fake gateway */
	unsigned int applied;
	bool refuse; /* to apply anything */
} rig;

static int rig_apply(const struct config *next, struct err *err)
{
	if (rig.refuse)
		return err_set(err, EIO, "told to fail");
	rig.running = *next;
	rig.applied++;
	return 0;
}

static const struct gateway_ops rig_ops = {.config_apply = rig_apply};

/* Site A's example on what every machine has, with PATH set to VALUE. */
static inline char *rig_text(const char *path, const char *value)
{
	char *text = variant(EXAMPLE_A, path, value);
	json_t *o = json_loads(text, 0, NULL), *g = json_object_get(o, "lumengate:gateway");
	json_t *port = json_object_get(g, "port");

	json_object_set_new(json_object_get(port, "lan"), "device", json_string("0000:01:00.0"));
	json_object_set_new(json_object_get(port, "wan"), "device", json_string("0000:01:00.1"));
	json_object_set_new(json_object_get(g, "channel"), "psk-file",
	                    json_string("/proc/self/exe"));
	json_object_set_new(json_object_get(g, "keystore"), "storage-key",
	                    json_string("/proc/self/exe"));
	free(text);
	text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	return text;
}

/* The gateway runs with TEXT, which is in its file. */
static inline void rig_start_with(const char *text)
{
	struct err err = {0};
	char *normal;
	FILE *f;

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	memset(&rig, 0, sizeof(rig));
	strcpy(rig.folder, "/tmp/lumengate-commit-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig.folder));
	snprintf(rig.file, sizeof(rig.file), "%s/gateway.json", rig.folder);
	snprintf(rig.history, sizeof(rig.history), "%s/history", rig.folder);
	f = fopen(rig.file, "w");
	fputs(text, f);
	fclose(f);
	CU_ASSERT_EQUAL_FATAL(config_parse_normal(text, &rig.running, &normal, &err), 0);
	CU_ASSERT_EQUAL(gateway_config_set(&rig.running, normal, &err), 0);
	free(normal);
	gateway_register(&rig_ops);
	CU_ASSERT_EQUAL(commit_history_open(rig.history, &err), 0);
	CU_ASSERT_EQUAL(commit_start(text, rig.file, 1, &err), 0);
}

static inline void rig_start(void)
{
	char *text = rig_text("name", "\"gw-a\"");

	rig_start_with(text);
	free(text);
}

static inline void rig_stop(void)
{
	candidate_discard();
	commit_stop();
	commit_history_close();
	gateway_register(NULL);
	gateway_config_set(NULL, NULL, NULL);
	CU_ASSERT_EQUAL(remove_tree(rig.folder), 0);
}

/* An edit by user 1: a leaf's value as people write it. */
static inline int rig_edit(const char *path, const char *text, struct err *err)
{
	const struct config_edit e = {.op = text != NULL ? CONFIG_EDIT_MERGE : CONFIG_EDIT_REMOVE,
	                              .path = path,
	                              .text = text};

	*err = (struct err){0};
	return candidate_edit(1, commit_newest(), &e, 5, err);
}

/* Commit the candidate at MONO_S seconds. */
static inline int rig_commit(struct commit_request *request, uint64_t mono_s,
                             struct commit_result *out, struct err *err)
{
	struct candidate_state c;
	int rc;

	*err = (struct err){0};
	candidate_read(&c);
	CU_ASSERT_TRUE_FATAL(c.held);
	rc = commit_document(c.doc, request, mono_s * 1000000000u, 7, out, err);
	if (rc == 0)
		candidate_discard();
	return rc;
}

#endif
