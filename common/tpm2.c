/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/tpm2.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* TCG Algorithm Registry: TPM2_ALG_ID of hashes. */
static const struct {
	const char *name;
	uint16_t id;
} banks[] = {{"sha1", 0x0004}, {"sha256", 0x000b}, {"sha384", 0x000c}, {"sha512", 0x000d}};

#define PCRS 24

static bool parse_pcrs(const char *p, uint32_t *pcrs)
{
	char *end;

	do {
		unsigned long n = strtoul(p, &end, 10);

		if (end == p || p[0] < '0' || p[0] > '9' || n >= PCRS ||
		    (*end != ',' && *end != '\0'))
			return false;
		*pcrs |= 1u << n;
		p = end + 1;
	} while (*end == ',');
	return true;
}

static bool parse_policy(const char *p, struct tpm2_sealed *out)
{
	const char *colon = strchr(p, ':');

	for (size_t i = 0; colon != NULL && i < sizeof(banks) / sizeof(banks[0]); i++)
		if (strlen(banks[i].name) == (size_t)(colon - p) &&
		    strncmp(p, banks[i].name, (size_t)(colon - p)) == 0)
			out->bank = banks[i].id;
	return out->bank != 0 && parse_pcrs(colon + 1, &out->pcrs);
}

int tpm2_sealed_parse(const char *text, struct tpm2_sealed *out, struct err *err)
{
	unsigned long handle;
	char *end;

	*out = (struct tpm2_sealed){0};
	handle = strtoul(text, &end, 16);
	if (strncmp(text, "0x", 2) != 0 || handle < 0x81000000 || handle > 0x81ffffff)
		return err_set(err, EINVAL, "not a persistent handle, 0x81000000 to 0x81ffffff");
	out->handle = (uint32_t)handle;
	if (*end == '\0')
		return 0;
	if (*end != ':' || !parse_policy(end + 1, out))
		return err_set(err, EINVAL,
		               "behind the handle must be :BANK:PCR,..., such as :sha256:0,7");
	return 0;
}

#ifdef HAVE_TSS2

#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "common/secret.h"

#define DEVICE "/dev/tpmrm0"

/* Response codes (TPM 2.0 Library, Part 2, section 6.6) without what tells the parameter. */
#define RC_OF(rc)   ((rc) & (TPM2_RC_FMT1 | 0x3f))
#define RC_BARE(rc) ((rc)&0xfff)

/* The functions of the libraries that are used, by the types of their headers. */
struct tss {
	void *esys, *tctildr;
	__typeof__(&Tss2_TctiLdr_Initialize) tcti_open;
	__typeof__(&Tss2_TctiLdr_Finalize) tcti_close;
	__typeof__(&Esys_Initialize) open;
	__typeof__(&Esys_Finalize) close;
	__typeof__(&Esys_Free) free;
	__typeof__(&Esys_TR_FromTPMPublic) find;
	__typeof__(&Esys_TR_Close) forget;
	__typeof__(&Esys_CreatePrimary) create_primary;
	__typeof__(&Esys_FlushContext) flush;
	__typeof__(&Esys_StartAuthSession) start_session;
	__typeof__(&Esys_TRSess_SetAttributes) set_attributes;
	__typeof__(&Esys_PolicyPCR) policy_pcr;
	__typeof__(&Esys_Unseal) unseal;
};

static void tss_close(struct tss *t)
{
	if (t->tctildr != NULL)
		dlclose(t->tctildr);
	if (t->esys != NULL)
		dlclose(t->esys);
}

static int tss_open(struct tss *t, struct err *err)
{
	bool all = true;

	*t = (struct tss){.esys = dlopen("libtss2-esys.so.0", RTLD_NOW | RTLD_LOCAL)};
	if (t->esys != NULL)
		t->tctildr = dlopen("libtss2-tctildr.so.0", RTLD_NOW | RTLD_LOCAL);
	if (t->tctildr == NULL) {
		err_set(err, ENOTSUP, "tpm2-tss is not installed: %s", dlerror());
		tss_close(t);
		return -ENOTSUP;
	}
#define BIND(library, member, name) all &= (*(void **)&t->member = dlsym(t->library, name)) != NULL
	BIND(tctildr, tcti_open, "Tss2_TctiLdr_Initialize");
	BIND(tctildr, tcti_close, "Tss2_TctiLdr_Finalize");
	BIND(esys, open, "Esys_Initialize");
	BIND(esys, close, "Esys_Finalize");
	BIND(esys, free, "Esys_Free");
	BIND(esys, find, "Esys_TR_FromTPMPublic");
	BIND(esys, forget, "Esys_TR_Close");
	BIND(esys, create_primary, "Esys_CreatePrimary");
	BIND(esys, flush, "Esys_FlushContext");
	BIND(esys, start_session, "Esys_StartAuthSession");
	BIND(esys, set_attributes, "Esys_TRSess_SetAttributes");
	BIND(esys, policy_pcr, "Esys_PolicyPCR");
	BIND(esys, unseal, "Esys_Unseal");
#undef BIND
	if (all)
		return 0;
	tss_close(t);
	return err_set(err, ENOTSUP, "this tpm2-tss lacks a function");
}

static const char *tcti_name(void)
{
	const char *name = getenv("LUMENGATE_TPM2_TCTI");

	return name == NULL || name[0] == '\0' ? "device:" DEVICE : name;
}

int tpm2_there(struct err *err)
{
	const char *tcti = tcti_name();
	struct tss t;
	int rc = tss_open(&t, err);

	if (rc < 0)
		return rc;
	tss_close(&t);
	if (strcmp(tcti, "device:" DEVICE) == 0 && access(DEVICE, R_OK | W_OK) < 0)
		return err_set(err, errno, "the TPM, " DEVICE ": %s", strerror(errno));
	return 0;
}

static int failed(const char *what, TSS2_RC rc, struct err *err)
{
	return err_set(err, EIO, "the TPM: %s: response code 0x%x", what, rc);
}

/* A key of this moment for the salt: NIST P-256, to decrypt alone, in the null hierarchy. */
static TSS2_RC make_salt_key(const struct tss *t, ESYS_CONTEXT *ctx, ESYS_TR *key)
{
	static const TPM2B_SENSITIVE_CREATE no_secret = {.size = 0};
	static const TPM2B_PUBLIC wanted = {
	        .publicArea = {.type = TPM2_ALG_ECC,
	                       .nameAlg = TPM2_ALG_SHA256,
	                       .objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
	                                           TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_FIXEDTPM |
	                                           TPMA_OBJECT_FIXEDPARENT |
	                                           TPMA_OBJECT_SENSITIVEDATAORIGIN,
	                       .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
	                                                              .keyBits.aes = 128,
	                                                              .mode.aes = TPM2_ALG_CFB},
	                                                .scheme.scheme = TPM2_ALG_NULL,
	                                                .curveID = TPM2_ECC_NIST_P256,
	                                                .kdf.scheme = TPM2_ALG_NULL}}};
	static const TPM2B_DATA no_data = {.size = 0};
	static const TPML_PCR_SELECTION no_pcrs = {.count = 0};

	return t->create_primary(ctx, ESYS_TR_RH_NULL, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                         &no_secret, &wanted, &no_data, &no_pcrs, key, NULL, NULL, NULL,
	                         NULL);
}

static TSS2_RC start(const struct tss *t, ESYS_CONTEXT *ctx, ESYS_TR key, TPM2_SE type,
                     ESYS_TR *out)
{
	static const TPMT_SYM_DEF aes = {
	        .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

	return t->start_session(ctx, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                        NULL, type, &aes, TPM2_ALG_SHA256, out);
}

static TSS2_RC start_policy(const struct tss *t, ESYS_CONTEXT *ctx, ESYS_TR key,
                            const struct tpm2_sealed *sealed, ESYS_TR *out)
{
	static const TPM2B_DIGEST as_they_are = {.size = 0};
	TPML_PCR_SELECTION pcrs = {.count = 1,
	                           .pcrSelections = {{.hash = sealed->bank, .sizeofSelect = 3}}};
	TSS2_RC rc = start(t, ctx, key, TPM2_SE_POLICY, out);

	for (unsigned int i = 0; i < 3; i++)
		pcrs.pcrSelections[0].pcrSelect[i] = (BYTE)(sealed->pcrs >> 8 * i);
	if (rc == TSS2_RC_SUCCESS)
		rc = t->policy_pcr(ctx, *out, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
		                   &as_they_are, &pcrs);
	return rc;
}

static int refused(TSS2_RC rc, const struct tpm2_sealed *sealed, struct err *err)
{
	if (RC_OF(rc) == TPM2_RC_POLICY_FAIL || RC_BARE(rc) == TPM2_RC_PCR_CHANGED)
		return err_set(err, EPERM, "the TPM refuses: %s",
		               sealed->bank == 0 ? "the object has a policy"
		                                 : "the PCRs are not what the object was sealed "
		                                   "for, or that is no policy of it");
	if (RC_BARE(rc) == TPM2_RC_AUTH_UNAVAILABLE)
		return err_set(err, EPERM, "the TPM refuses: the object wants %s",
		               sealed->bank == 0 ? "a policy: name its PCRs" : "no policy");
	if (RC_OF(rc) == TPM2_RC_AUTH_FAIL || RC_OF(rc) == TPM2_RC_BAD_AUTH)
		return err_set(err, EPERM, "the TPM refuses: the object has a password");
	return failed("unseal", rc, err);
}

static int unseal_in(const struct tss *t, ESYS_CONTEXT *ctx, const struct tpm2_sealed *sealed,
                     ESYS_TR object, ESYS_TR auth, ESYS_TR session, uint8_t *out, size_t len,
                     struct err *err)
{
	TPM2B_SENSITIVE_DATA *data = NULL;
	TSS2_RC rc = t->set_attributes(ctx, session,
	                               TPMA_SESSION_ENCRYPT | TPMA_SESSION_CONTINUESESSION, 0xff);
	int result = 0;

	if (rc == TSS2_RC_SUCCESS)
		rc = t->unseal(ctx, object, auth, session, ESYS_TR_NONE, &data);
	if (rc != TSS2_RC_SUCCESS)
		return refused(rc, sealed, err);
	if (data->size == len)
		memcpy(out, data->buffer, len);
	else
		result = err_set(err, EINVAL, "%u bytes are sealed there, %zu are expected",
		                 data->size, len);
	secret_wipe(data->buffer, sizeof(data->buffer));
	t->free(data);
	return result;
}

static int unseal_by(const struct tss *t, ESYS_CONTEXT *ctx, const struct tpm2_sealed *sealed,
                     uint8_t *out, size_t len, struct err *err)
{
	ESYS_TR object = ESYS_TR_NONE, key = ESYS_TR_NONE, session = ESYS_TR_NONE,
	        policy = ESYS_TR_NONE;
	TSS2_RC rc =
	        t->find(ctx, sealed->handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &object);
	int result = 0;

	if (RC_OF(rc) == TPM2_RC_HANDLE)
		return err_set(err, ENOENT, "the TPM has no object there");
	if (rc != TSS2_RC_SUCCESS)
		return failed("read public area", rc, err);
	if ((rc = make_salt_key(t, ctx, &key)) != TSS2_RC_SUCCESS)
		result = failed("create primary key", rc, err);
	else if ((rc = start(t, ctx, key, TPM2_SE_HMAC, &session)) != TSS2_RC_SUCCESS)
		result = failed("start session", rc, err);
	else if (sealed->bank != 0 &&
	         (rc = start_policy(t, ctx, key, sealed, &policy)) != TSS2_RC_SUCCESS)
		result = failed("policy of PCRs", rc, err);
	if (result == 0)
		result = unseal_in(t, ctx, sealed, object,
		                   sealed->bank != 0 ? policy : ESYS_TR_PASSWORD, session, out, len,
		                   err);
	if (policy != ESYS_TR_NONE)
		t->flush(ctx, policy);
	if (session != ESYS_TR_NONE)
		t->flush(ctx, session);
	if (key != ESYS_TR_NONE)
		t->flush(ctx, key);
	t->forget(ctx, &object);
	return result;
}

static int unseal(const struct tss *t, const struct tpm2_sealed *sealed, uint8_t *out, size_t len,
                  struct err *err)
{
	const char *name = tcti_name();
	TSS2_TCTI_CONTEXT *tcti = NULL;
	ESYS_CONTEXT *ctx = NULL;
	TSS2_RC rc = t->tcti_open(name, &tcti);
	int result;

	if (rc != TSS2_RC_SUCCESS)
		return err_set(err, ENODEV, "the TPM, %s, cannot be opened: response code 0x%x",
		               name, rc);
	rc = t->open(&ctx, tcti, NULL);
	result = rc == TSS2_RC_SUCCESS ? unseal_by(t, ctx, sealed, out, len, err)
	                               : failed("initialise", rc, err);
	if (ctx != NULL)
		t->close(&ctx);
	t->tcti_close(&tcti);
	return result;
}

int tpm2_unseal(const struct tpm2_sealed *sealed, uint8_t *out, size_t len, struct err *err)
{
	struct tss t;
	int rc = tss_open(&t, err);

	if (rc < 0)
		return rc;
	/*
	 * The library's own buffers had the secret, too, and are freed without a word: for this
	 * moment, at the start of the process, all that is freed is overwritten (mallopt(3)).
	 */
	mallopt(M_PERTURB, 0xff);
	/* By itself the library writes each error to standard error, too. */
	setenv("TSS2_LOG", "all+none", 0);
	rc = unseal(&t, sealed, out, len, err);
	mallopt(M_PERTURB, 0);
	tss_close(&t);
	return rc;
}

#else

int tpm2_there(struct err *err)
{
	return err_set(err, ENOTSUP, "this program was built without tpm2-tss");
}

int tpm2_unseal(const struct tpm2_sealed *sealed, uint8_t *out, size_t len, struct err *err)
{
	return tpm2_there(err);
}

#endif
