/* SPDX-License-Identifier: BSD-3-Clause */

/* The methods of lumengate-kms over a store on disk, and lgctl's words for them. */

#include "control/kms_methods.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/lgctl.h"
#include "control/method.h"
#include "tests/unit/unit.h"

static const uint8_t storage_key[32] = {1, 2, 3};
static char folder[64], database[96];
static struct kms_store *store;
static struct kms_records records;
static struct kms_registry *registry;
static struct kms_service *service;
static struct jsonrpc_error error;
static enum method_right right = METHOD_WRITE;
static int reloads, reload_rc;

static int reload(void *ctx, struct err *err)
{
	reloads++;
	return reload_rc == 0 ? 0 : err_set(err, -reload_rc, "/kms/crl: cannot be read");
}

static void open_registry(void)
{
	struct kms_registry_config config = {.alone = true};
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(kms_registry_new(&config, &records, clock_mono_ns(), clock_wall_ns(),
	                                       &registry, &err),
	                      0);
}

static void test_start(void)
{
	struct kms_store_config config = {.path = database,
	                                  .storage_key = storage_key,
	                                  .own = KEY_UUID_FROM_A,
	                                  .max_bytes = 1 << 20,
	                                  .wall_ns = clock_wall_ns(),
	                                  .mono_ns = clock_mono_ns()};
	struct kms_service_config kms = {.kme = "KME-A",
	                                 .peer_kme = "KME-B",
	                                 .own = KEY_UUID_FROM_A,
	                                 .limits = {.key_size = 256,
	                                            .min_key_size = 64,
	                                            .max_key_size = 1024,
	                                            .max_key_per_request = 128},
	                                 .max_bytes = 1 << 20};
	struct kms_methods m = {.name = "KME-A", .peer = "KME-B", .reload = reload};
	struct err err = {0};

	strcpy(folder, "/tmp/lumengate-kms-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(database, sizeof(database), "%s/kms.db", folder);
	CU_ASSERT_EQUAL_FATAL(secret_init(KMS_STORE_SECRET(1 << 20) + (1 << 20), &err), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	CU_ASSERT_EQUAL_FATAL(kms_store_open(&config, &store, &err), 0);
	records = (struct kms_records){kms_store_records_write, kms_store_records_read, store};
	open_registry();
	CU_ASSERT_EQUAL_FATAL(kms_service_new(&kms, store, registry, NULL, &service, &err), 0);
	m.service = service;
	m.registry = registry;
	m.store = store;
	method_state_set(METHOD_RUNTIME);
	method_caller_set(&(struct method_caller){1234, 5678});
	kms_methods_attach(&m);
}

/* The result, to be released; NULL with the error. */
static json_t *call(const char *method, const char *params)
{
	json_t *p = params != NULL ? json_loads(params, 0, NULL) : NULL, *result;

	memset(&error, 0, sizeof(error));
	CU_ASSERT(params == NULL || p != NULL);
	result = method_call(&right, method, p, &error);
	json_decref(p);
	return result;
}

static void done(const char *method, const char *params)
{
	json_t *result = call(method, params);

	CU_ASSERT_PTR_NOT_NULL(result);
	if (result == NULL)
		printf("\n  %s: %s\n", method, error.text);
	json_decref(result);
}

static void refused(const char *method, const char *params, const char *want)
{
	json_t *result = call(method, params);

	CU_ASSERT_PTR_NULL(result);
	CU_ASSERT_NSTRING_EQUAL(error.text, want, strlen(want));
	if (strncmp(error.text, want, strlen(want)) != 0)
		printf("\n  wanted %s\n  got %s\n", want, error.text);
	json_decref(result);
}

/* Entry I of the list of METHOD, a reference of its own. */
static json_t *entry(const char *method, size_t i)
{
	json_t *result = call(method, NULL);
	json_t *o = json_incref(json_array_get(json_object_get(result, "saes"), i));

	json_decref(result);
	return o;
}

static json_int_t figure(const char *method, size_t i, const char *name)
{
	json_t *o = entry(method, i);
	json_int_t n = json_integer_value(json_object_get(o, name));

	CU_ASSERT(json_is_integer(json_object_get(o, name)));
	json_decref(o);
	return n;
}

static void test_add_set_list_remove(void)
{
	json_t *o;

	done("kms_sae_add", "{\"sae\": {\"id\": \"alice\", \"identity\": \"CN of alice\", "
	                    "\"weight\": 3}}");
	done("kms_sae_add", "{\"sae\": {\"id\": \"bob\", \"side\": \"peer\"}}");
	o = entry("kms_sae_list", 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "id")), "alice");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "side")), "local");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "weight")), 3);
	json_decref(o);
	done("kms_sae_set", "{\"sae\": {\"id\": \"alice\", \"priority\": 7}}");
	CU_ASSERT_EQUAL(figure("kms_sae_list", 0, "priority"), 7);
	CU_ASSERT_EQUAL(figure("kms_sae_list", 0, "weight"), 3);
	o = entry("kms_sae_list", 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "side")), "peer");
	CU_ASSERT_PTR_NULL(json_object_get(o, "identity"));
	json_decref(o);
	done("kms_sae_remove", "{\"id\": \"bob\"}");
	CU_ASSERT_PTR_NULL(entry("kms_sae_list", 1));
}

static void test_refusals_name_the_member_and_change_nothing(void)
{
	json_t *before = call("kms_sae_list", NULL), *after;

	refused("kms_sae_add", NULL, "/params/sae: missing");
	refused("kms_sae_add", "{\"sae\": 3}", "/params/sae: must be of type object");
	refused("kms_sae_add", "{\"sae\": {}}", "/params/sae/id: is missing");
	refused("kms_sae_add", "{\"sae\": {\"id\": \"alice\"}}",
	        "/params/sae/id: there is an SAE alice already");
	refused("kms_sae_add", "{\"sae\": {\"id\": \"x\", \"identity\": \"CN of alice\"}}",
	        "/params/sae/identity: SAE alice has it");
	refused("kms_sae_add", "{\"sae\": {\"id\": \"x\", \"weight\": 0}}",
	        "/params/sae/weight: is not from 1");
	refused("kms_sae_add", "{\"sae\": {\"id\": \"x\", \"wait\": 0}}",
	        "/params/sae/wait: there is no such member");
	refused("kms_sae_set", "{\"sae\": {\"weight\": 1}}", "/params/sae/id: is missing");
	refused("kms_sae_set", "{\"sae\": {\"id\": \"x\"}}", "/params/sae/id: there is no such");
	refused("kms_sae_set", "{\"sae\": {\"id\": \"alice\", \"quota_bits\": 1}}",
	        "/params/sae/quota_period_s: goes with");
	refused("kms_sae_remove", "{\"id\": \"x\"}", "/params/id: there is no SAE x");
	refused("kms_sae_unlock", "{\"id\": \"x\"}", "/params/id: there is no SAE x");
	refused("kms_sae_unlock", "{\"id\": \"alice\"}", "/params/id: SAE alice is not locked");
	right = METHOD_READ;
	refused("kms_sae_remove", "{\"id\": \"alice\"}", "/method: kms_sae_remove changes");
	refused("kms_reload", NULL, "/method: kms_reload changes");
	right = METHOD_WRITE;
	after = call("kms_sae_list", NULL);
	CU_ASSERT(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void nobody_hears(void *ctx, const struct kms_reply *r)
{
	free(r->body);
}

static void ask(const char *identity, const char *target)
{
	kms_service_request(
	        service,
	        &(struct kms_request){.identity = identity, .method = "GET", .target = target},
	        clock_mono_ns(), nobody_hears, NULL);
}

static void test_usage_and_lock_out(void)
{
	json_t *result, *o;

	ask("CN of alice", "/nothing");
	ask("CN of alice", "/api/v1/keys/bob/status");
	ask("stranger", "/api/v1/keys/bob/status");
	CU_ASSERT_EQUAL(figure("kms_usage", 0, "requests"), 2);
	CU_ASSERT_EQUAL(figure("kms_usage", 0, "refused"), 2);
	CU_ASSERT_EQUAL(figure("kms_usage", 0, "keys_given"), 0);
	o = entry("kms_usage", 0);
	CU_ASSERT(json_is_string(json_object_get(o, "last")));
	json_decref(o);
	result = call("kms_status", NULL);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "kme")), "KME-A");
	o = json_object_get(result, "refusals");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "unknown_certificate")), 1);
	o = json_object_get(result, "requests");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "requests")), 3);
	o = json_object_get(result, "link");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "state")), "no gateway yet");
	json_decref(result);

	kms_registry_lock(registry);
	kms_registry_by_id(registry, "alice")->lockout.until_ns = clock_mono_ns() + 90 * NS_PER_S;
	kms_registry_unlock(registry);
	CU_ASSERT_EQUAL(figure("kms_sae_list", 0, "locked_out_s"), 90);
	done("kms_sae_unlock", "{\"id\": \"alice\"}");
	CU_ASSERT_EQUAL(figure("kms_sae_list", 0, "locked_out_s"), 0);
}

static void test_store(void)
{
	json_t *result = call("kms_store", NULL), *o = json_object_get(result, "given_here");

	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "available")), 0);
	CU_ASSERT(json_is_integer(
	        json_object_get(json_object_get(result, "database"), "file_bytes")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "last_failure")), "none");
	json_decref(result);
}

static void why_is(const char *cause, const char *part)
{
	json_t *result = call("kms_why", NULL);

	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "cause")), cause);
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(json_object_get(result, "text")), part));
	CU_ASSERT_TRUE(json_is_false(json_object_get(result, "well")));
	CU_ASSERT(json_string_length(json_object_get(result, "action")) > 0);
	json_decref(result);
}

/* There is nothing to give; alice may have some. */
static void test_why(void)
{
	static const uint8_t secret[32];
	const struct kms_link link = {
	        .link = 1, .secret = secret, .name = "demo", .protocol = "BB84"};
	struct err err = {0};

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	why_is("link", "no gateway yet");
	CU_ASSERT_EQUAL_FATAL(kms_service_link(service, &link, &err), 0);
	kms_service_link_state(service, true, false, "errors above the threshold");
	why_is("not-made", "errors above the threshold");
	kms_service_link_state(service, true, true, "makes key");
	why_is("spent", "none is left");
	alarm_raise("kms-key-low", "kms", ALARM_MINOR, "low");
	why_is("spent", "none is left");
	alarm_raise("kms-gateway", "kms", ALARM_MAJOR, "the gateway is away");
	why_is("kms-gateway", "the gateway is away");
	alarm_raise("kms-disk", "kms", ALARM_CRITICAL, "no space left");
	why_is("kms-disk", "no space left");
	alarm_reset(NULL);
	kms_service_link_state(service, false, false, "no gateway yet");
}

static void test_reload(void)
{
	done("kms_reload", NULL);
	CU_ASSERT_EQUAL(reloads, 1);
	reload_rc = -ENOENT;
	refused("kms_reload", NULL, "/kms/crl: cannot be read");
	reload_rc = 0;
}

/* Who changed what is in the log. */
static void test_audit_line(void)
{
	char path[96], text[1024] = "";
	int saved = dup(2), fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/log", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	fflush(stderr);
	dup2(fd, 2);
	json_decref(call("kms_sae_add", "{\"sae\": {\"id\": \"dave\", \"weight\": 2}}"));
	json_decref(call("kms_sae_remove", "{\"id\": \"dave\"}"));
	json_decref(call("kms_sae_remove", "{\"id\": \"dave\"}"));
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	unlink(path);
	CU_ASSERT(n > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(
	        text, "SAE dave added by uid 1234 pid 5678: {\"id\":\"dave\",\"weight\":2}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "SAE dave removed by uid 1234 pid 5678\n"));
	CU_ASSERT_PTR_NULL(strstr(strstr(text, "removed by") + 1, "removed by"));
}

static json_t *words(int argc, char **argv, struct lgctl_request *r, const char *wrong)
{
	struct err err = {0};
	int rc;

	memset(r, 0, sizeof(*r));
	rc = lgctl_command(argc, argv, r, &err);
	if (wrong == NULL)
		CU_ASSERT_EQUAL(rc, 0)
	else
		CU_ASSERT_EQUAL(rc, -EINVAL);
	CU_ASSERT_NSTRING_EQUAL(err.text, wrong != NULL ? wrong : "",
	                        wrong != NULL ? strlen(wrong) : 1);
	return r->params;
}

#define WORDS(r, wrong, ...)                                                                       \
	words((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__}, r, \
	      wrong)

static void test_words_of_lgctl(void)
{
	struct lgctl_request r;
	json_t *p, *want;

	p = WORDS(&r, NULL, "kms", "status");
	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_STRING_EQUAL(r.method, "kms_status");
	CU_ASSERT_STRING_EQUAL(r.socket, "/run/lumengate-kms/control.sock");
	WORDS(&r, NULL, "kms", "sae", "list");
	CU_ASSERT_STRING_EQUAL(r.method, "kms_sae_list");
	p = WORDS(&r, NULL, "kms", "sae", "add", "a", "--side", "peer", "--skip", "true",
	          "--cap-bits", "7");
	CU_ASSERT_STRING_EQUAL(r.method, "kms_sae_add");
	want = json_loads("{\"sae\": {\"id\": \"a\", \"side\": \"peer\", \"skip\": true, "
	                  "\"cap_bits\": 7}}",
	                  0, NULL);
	CU_ASSERT(json_equal(p, want));
	json_decref(p);
	json_decref(want);
	p = WORDS(&r, NULL, "kms", "sae", "set", "a", "--enabled", "false");
	CU_ASSERT_STRING_EQUAL(r.method, "kms_sae_set");
	CU_ASSERT(json_is_false(json_object_get(json_object_get(p, "sae"), "enabled")));
	json_decref(p);
	p = WORDS(&r, NULL, "kms", "sae", "unlock", "a");
	CU_ASSERT_STRING_EQUAL(r.method, "kms_sae_unlock");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(p, "id")), "a");
	json_decref(p);
	json_decref(WORDS(&r, "kms sae: hide: list, add", "kms", "sae", "hide", "a"));
	json_decref(WORDS(&r, "kms sae add: takes an ID", "kms", "sae", "add"));
	json_decref(WORDS(&r, "kms sae remove: takes an ID", "kms", "sae", "remove", "a", "b"));
	json_decref(WORDS(&r, "kms sae: there is no option --x", "kms", "sae", "add", "a", "--x"));
	json_decref(WORDS(&r, "kms sae: --weight: z is not a number", "kms", "sae", "add", "a",
	                  "--weight", "z"));
	json_decref(WORDS(&r, "kms sae: --skip: 1 is not true", "kms", "sae", "set", "a", "--skip",
	                  "1"));
	json_decref(WORDS(&r, "kms sae: the ID is not UTF-8", "kms", "sae", "remove", "\xff"));
	json_decref(WORDS(&r, "kms sae list: takes no", "kms", "sae", "list", "a"));
}

static void test_tables(void)
{
	json_t *result = call("kms_sae_list", NULL), *used = call("kms_usage", NULL);
	char text[2048] = "";
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	lgctl_print_kms_saes(f, result);
	lgctl_print_kms_usage(f, used);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "SAE    SIDE   IDENTITY     ENABLED"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "alice  local  CN of alice  yes"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "REQUESTS  GIVEN"));
	json_decref(result);
	json_decref(used);
}

/* The table and what was used are on disk. */
static void test_after_a_restart(void)
{
	struct kms_sae sae;

	kms_registry_work(registry, clock_mono_ns(), clock_wall_ns(), true, NULL, NULL);
	kms_methods_attach(NULL);
	refused("kms_status", NULL, "the KMS is not open");
	refused("kms_sae_list", NULL, "the KMS is not open");
	kms_service_free(service);
	kms_registry_free(registry);
	open_registry();
	CU_ASSERT(kms_registry_get(registry, "alice", &sae));
	CU_ASSERT_EQUAL(sae.config.priority, 7);
	CU_ASSERT_EQUAL(sae.usage.requests, 2);
	CU_ASSERT_FALSE(kms_registry_get(registry, "bob", &sae));
	kms_registry_free(registry);
	kms_store_close(store);
	unlink(database);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
	secret_fini();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_add_set_list_remove),
          UNIT(test_refusals_name_the_member_and_change_nothing), UNIT(test_usage_and_lock_out),
          UNIT(test_store), UNIT(test_why), UNIT(test_reload), UNIT(test_audit_line),
          UNIT(test_words_of_lgctl), UNIT(test_tables), UNIT(test_after_a_restart))
