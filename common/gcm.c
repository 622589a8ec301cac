/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/gcm.h"

#include <errno.h>
#include <string.h>

#include "common/gcm_check.h"
#include "common/gcm_library.h"

static struct gcm_provider table;
static bool ready;

const struct gcm_provider *gcm_provider(void)
{
	return ready ? &table : NULL;
}

static const struct gcm_code *find_code(const char *name)
{
	for (const struct gcm_code *c = gcm_codes; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* The library's own choice, tested. */
static int take_dispatched(const struct gcm_library *lib, struct gcm_provider *p, struct err *err)
{
	if (!gcm_library_dispatched(lib, p))
		return err_set(err, ENOTSUP, "ipsec-mb: %s has no AES-GCM for this CPU", lib->name);
	p->key_bytes = gcm_check_key_bytes(p);
	if (p->key_bytes == 0 || !gcm_check_known_answer(p))
		return err_set(err, ENOTSUP, "ipsec-mb: %s of %s fails its known-answer test",
		               p->name, lib->name);
	return 0;
}

/* The code of one name, tested against the library's own choice; why not in ERR. */
static int take_named(const struct gcm_library *lib, const struct gcm_code *code,
                      const struct gcm_provider *dispatched, struct gcm_provider *p,
                      struct err *err)
{
	if (!code->runs())
		return err_set(err, ENOTSUP,
		               "gcm-provider: %s cannot run here: it needs %s, which this CPU or "
		               "its system lacks",
		               code->name, code->needs);
	if (!gcm_library_bind(lib, code, p))
		return err_set(err, ENOTSUP,
		               "gcm-provider: %s cannot run here: %s does not export it",
		               code->name, lib->name);
	p->key_bytes = gcm_check_key_bytes(p);
	if (p->key_bytes == 0 || !gcm_check_known_answer(p) || !gcm_check_agrees(p, dispatched))
		return err_set(err, ENOTSUP, "gcm-provider: %s of %s fails its known-answer test",
		               code->name, lib->name);
	return 0;
}

/*
 * The VAES code for AVX2 where the library's own choice is not better; where it is that very
 * code, it is bound by name too, since then it cleans up behind itself (gcm_upper.h).
 */
static int choose(const struct gcm_library *lib, struct gcm_provider *p, struct err *err)
{
	struct gcm_provider dispatched = {0};
	int rc = take_dispatched(lib, &dispatched, err);

	if (rc < 0)
		return rc;
	if (strcmp(dispatched.name, "vaes-avx512") == 0 ||
	    take_named(lib, find_code("vaes-avx2"), &dispatched, p, NULL) < 0)
		*p = dispatched;
	return 0;
}

static int force(const struct gcm_library *lib, const struct gcm_code *code, struct gcm_provider *p,
                 struct err *err)
{
	struct gcm_provider dispatched = {0};
	int rc = take_dispatched(lib, &dispatched, err);

	return rc < 0 ? rc : take_named(lib, code, &dispatched, p, err);
}

int gcm_provider_force(const char *library, const char *name, struct err *err)
{
	bool automatic = name == NULL || name[0] == '\0' || strcmp(name, "auto") == 0;
	const struct gcm_code *code = automatic ? NULL : find_code(name);
	struct gcm_provider p = {0};
	struct gcm_library lib;
	int rc;

	if (!automatic && code == NULL)
		return err_set(err, EINVAL, "gcm-provider: there is no \"%s\"", name);
	if (ready && !automatic && strcmp(table.name, name) != 0)
		return err_set(err, EBUSY, "gcm-provider: %s was chosen before", table.name);
	if (ready)
		return 0;
	rc = gcm_library_open(library, &lib, err);
	if (rc == 0)
		rc = automatic ? choose(&lib, &p, err) : force(&lib, code, &p, err);
	if (rc < 0)
		return rc;
	table = p;
	ready = true;
	return 0;
}

int gcm_provider_init(const char *library, struct err *err)
{
	return gcm_provider_force(library, NULL, err);
}

unsigned int gcm_provider_list(const char *library, struct gcm_provider *out, unsigned int max,
                               struct err *err)
{
	struct gcm_provider dispatched = {0};
	struct gcm_library lib;
	unsigned int n = 0;

	if (gcm_library_open(library, &lib, err) < 0 || take_dispatched(&lib, &dispatched, err) < 0)
		return 0;
	for (const struct gcm_code *c = gcm_codes; c->name != NULL && n < max; c++)
		if (take_named(&lib, c, &dispatched, &out[n], NULL) == 0)
			n++;
	return n;
}
