/* SPDX-License-Identifier: BSD-3-Clause */

/* What the configuration's model accepts at its very limits, the engine accepts, too. */

#include "config/config.h"
#include "qkd-engine/engine.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "common/gcm.h"
#include "common/secret.h"

static const char *const limits[] = {
        "{\"enabled\": false, \"block-bits\": 4096}",
        "{\"enabled\": false, \"block-bits\": 4000000}",
        "{\"enabled\": false, \"source\": {\"mu1\": \"1\", \"mu2\": \"0.999999\"}}",
        "{\"enabled\": false, \"source\": {\"mu1\": \"0.001001\", \"mu2\": \"0.001\"}}",
        "{\"enabled\": false, \"source\": {\"p-mu1\": \"0.000001\"}}",
        "{\"enabled\": false, \"source\": {\"p-mu1\": \"0.999999\"}}",
        "{\"enabled\": false, \"eps-sec\": \"9.9e-1\", \"eps-cor\": \"1e-99\"}",
        "{\"enabled\": false, \"proof\": \"wiesemann2024\"}",
        "{\"enabled\": false, \"qber-abort\": \"0.499999\", \"qber-alarm\": \"0.249999\"}",
        "{\"enabled\": false, \"qber-abort\": \"0.001\", \"qber-alarm\": \"0.001\"}",
};

static void check(const char *qkd)
{
	static struct config c;
	struct err err = {0};
	char *text = variant(EXAMPLE_A, "qkd", qkd);
	int rc = config_parse(text, &c, &err);
	enum finite_key_proof proof = FINITE_KEY_PROOFS;
	struct engine_config ec;
	struct engine_ops ops = {0};
	struct engine *e;

	free(text);
	CU_ASSERT_EQUAL(rc, 0);
	if (rc != 0) {
		printf("\n  %s: %s\n", qkd, err.text);
		return;
	}
	CU_ASSERT_EQUAL(finite_key_proof_find(c.qkd.proof, &proof), 0);
	ec = (struct engine_config){
	        .proof = proof,
	        .role = ENGINE_ALICE,
	        .block_bits = c.qkd.block_bits,
	        .p_z = c.qkd.p_z,
	        .frame_bits = 65536,
	        .source = {.mu = {c.qkd.mu1, c.qkd.mu2},
	                   .p = {c.qkd.p_mu1, 1 - c.qkd.p_mu1},
	                   .eps_sec = c.qkd.eps_sec,
	                   .eps_cor = c.qkd.eps_cor},
	        .qber_abort = c.qkd.qber_abort,
	        .qber_alarm = c.qkd.qber_alarm,
	        .sample_interval = 64,
	};
	/* Of blocks of another size memory is not used again. */
	secret_fini();
	CU_ASSERT_EQUAL_FATAL(secret_init(64 << 20, NULL), 0);
	e = engine_create(&ec, &ops, NULL, NULL, &err);
	CU_ASSERT_PTR_NOT_NULL(e);
	if (e == NULL)
		printf("\n  %s: %s\n", qkd, err.text);
	engine_destroy(e);
}

static void test_limits(void)
{
	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", NULL), 0);
	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		check(limits[i]);
	config_fini();
}

UNIT_MAIN(UNIT(test_limits))
