/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_decoder.h"
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/secret.h"
#include "tests/unit/qkd-engine/ldpc_frames.h"
#include "tests/unit/qkd-engine/own_space.h"

static struct ldpc_rule rule;

/* The state of a frame under one kernel. */
struct lanes {
	int8_t *llr, *messages;
};

static struct lanes lanes_of(const struct ldpc_plan *plan, const int8_t *start)
{
	size_t stride = plan->z + LDPC_PAD, cols = plan->code->cols;
	size_t messages = plan->code->row_start[plan->code->rows] * plan->z;
	struct lanes l;

	l.llr = aligned_alloc(64, cols * stride);
	l.messages = aligned_alloc(64, (messages + 63) / 64 * 64);
	memset(l.messages, (int)dice(256), messages); /* not looked at */
	for (size_t c = 0; c < cols; c++) {
		memcpy(l.llr + c * stride, start + c * plan->z, plan->z);
		memcpy(l.llr + c * stride + plan->z, start + c * plan->z, LDPC_PAD);
	}
	return l;
}

/* Two sweeps with both kernels from random reliabilities, with merged pairs: the same bytes. */
static void compare(const struct ldpc_kernel *kernel, unsigned int code, size_t z)
{
	struct ldpc_plan plan = one_frame(code, z, ldpc_codes[code].cols * z, 0.02);
	unsigned int merged = plan.code->pairs / 2;
	int8_t *start = malloc(plan.code->cols * z);
	uint64_t *syndrome = random_bits(plan.syndrome_words * 64);
	struct lanes mine, reference;
	size_t stride = z + LDPC_PAD, differ = 0;

	for (size_t i = 0; i < plan.code->cols * z; i++)
		start[i] = (int8_t)((int)dice(256) - 128);
	reference = lanes_of(&plan, start);
	mine = lanes_of(&plan, start);
	for (unsigned int n = 0; n < 2 * (plan.code->rows - merged); n++) {
		struct ldpc_rows rows =
		        ldpc_layer_rows(plan.code, merged, n % (plan.code->rows - merged));
		size_t first = plan.code->row_start[rows.first];
		struct ldpc_layer l = {
		        .col = plan.code->col + first,
		        .shift = plan.code->shift + first,
		        .degree =
		                plan.code->row_start[rows.first + rows.count] - (unsigned int)first,
		        .z = z,
		        .fresh = n < plan.code->rows - merged,
		        .syndrome = syndrome + rows.first * plan.words,
		        .llr = reference.llr,
		        .messages = reference.messages + first * z,
		};
		unsigned int violated = ldpc_kernel_portable.layer(&l, &rule);

		l.llr = mine.llr;
		l.messages = mine.messages + first * z;
		CU_ASSERT_EQUAL(kernel->layer(&l, &rule), violated);
	}
	for (size_t c = 0; c < plan.code->cols; c++)
		differ += memcmp(mine.llr + c * stride, reference.llr + c * stride, z) != 0;
	CU_ASSERT_EQUAL(differ, 0);
	free(start);
	free(syndrome);
	free(mine.llr);
	free(mine.messages);
	free(reference.llr);
	free(reference.messages);
}

static void test_kernels_agree(void)
{
	const struct ldpc_kernel *kernels[] = {ldpc_kernel_avx2(), ldpc_kernel_avx512()};

	for (unsigned int k = 0; k < 2; k++) {
		if (kernels[k] == NULL)
			continue; /* not on this CPU */
		for (size_t z = LDPC_LANES; z <= 256; z *= 2)
			for (unsigned int code = 0; code < ldpc_code_count; code += 3)
				compare(kernels[k], code, z);
		compare(kernels[k], ldpc_code_count - 1, 1024);
	}
}

/* The box-plus of all edges but WITHOUT, in units. */
static double exact(const int8_t *edges, unsigned int degree, unsigned int without)
{
	double product = 1;

	for (unsigned int k = 0; k < degree; k++)
		if (k != without)
			product *= tanh(edges[k] / 2.0 / LDPC_UNITS_PER_NAT);
	return 2 * atanh(product) * LDPC_UNITS_PER_NAT;
}

/*
 * Random checks of each degree and of reliabilities as they are in decoding: on average the
 * messages are what belief propagation would send, and none is far from it.
 */
static void test_rule_is_nearly_belief_propagation(void)
{
	static uint16_t col[LDPC_DEGREE_MAX], shift[LDPC_DEGREE_MAX];
	_Alignas(64) static int8_t llr[LDPC_DEGREE_MAX][64 + LDPC_PAD],
	        messages[LDPC_DEGREE_MAX * 64];
	static const unsigned int degrees[] = {3, 4, 7, 10, 20, 50, 100};
	static const int magnitudes[] = {4, 8, 12, 16, 20, 24};

	for (unsigned int i = 0; i < LDPC_DEGREE_MAX; i++)
		col[i] = (uint16_t)i;
	for (unsigned int n = 0; n < 7 * 6; n++) {
		unsigned int degree = degrees[n / 6];
		double bias = 0, square = 0, size = 0, number = 0;

		for (int again = 0; again < 40; again++) {
			uint64_t syndrome = (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
			struct ldpc_layer l = {.col = col,
			                       .shift = shift,
			                       .degree = degree,
			                       .z = 64,
			                       .fresh = true,
			                       .syndrome = &syndrome,
			                       .llr = llr[0],
			                       .messages = messages};
			int8_t before[LDPC_DEGREE_MAX];
			unsigned int lane = dice(64);

			for (unsigned int k = 0; k < degree; k++) {
				for (unsigned int i = 0; i < 64; i++)
					llr[k][i] =
					        (int8_t)((int)dice((uint32_t)magnitudes[n % 6]) +
					                 magnitudes[n % 6] / 2 - 3 * (int)dice(2));
				before[k] = llr[k][lane];
			}
			ldpc_kernel_portable.layer(&l, &rule);
			for (unsigned int k = 0; k < degree; k++) {
				double e = exact(before, degree, k), m = llr[k][lane] - before[k];

				m = syndrome >> lane & 1 ? -m : m;
				m = e < 0 ? -m : m;
				e = fabs(e);
				bias += m - e;
				size += e;
				square += (m - e) * (m - e);
				number++;
			}
		}
		/* Large ones are held back by a tenth. */
		CU_ASSERT_TRUE(fabs(bias / number) < 0.35 + 0.1 * size / number);
		CU_ASSERT_TRUE(sqrt(square / number) < 0.7 + 0.1 * size / number);
	}
}

/* What came from a check is not taken for news by it. */
static void test_layer_again_changes_nothing(void)
{
	static const uint16_t col[] = {0, 1, 2}, shift[] = {0, 5, 9};
	_Alignas(64) int8_t llr[3][64 + LDPC_PAD], messages[3 * 64], after[3][64 + LDPC_PAD];
	uint64_t syndrome = 1; /* check 0 is to be odd, the others even */
	struct ldpc_layer l = {.col = col,
	                       .shift = shift,
	                       .degree = 3,
	                       .z = 64,
	                       .fresh = true,
	                       .syndrome = &syndrome,
	                       .llr = llr[0],
	                       .messages = messages};

	memset(llr[0], 10, sizeof(llr[0]));
	memset(llr[1], 16, sizeof(llr[1]));
	memset(llr[2], 40, sizeof(llr[2]));
	CU_ASSERT_EQUAL(ldpc_kernel_portable.layer(&l, &rule), 1);
	CU_ASSERT_TRUE(llr[0][0] < 0); /* the likeliest error */
	CU_ASSERT_TRUE(llr[1][5] > 0 && llr[1][5] < 16 && llr[2][9] > 0 && llr[2][9] < 40);
	CU_ASSERT_TRUE(llr[0][1] > 10 && llr[1][6] > 16 && llr[2][10] > 40);
	memcpy(after, llr, sizeof(llr));
	l.fresh = false;
	CU_ASSERT_EQUAL(ldpc_kernel_portable.layer(&l, &rule), 0);
	CU_ASSERT_EQUAL(memcmp(after, llr, sizeof(llr)), 0);
}

static int decode(struct ldpc_decoder *d, const uint64_t *syndrome, unsigned int merged)
{
	int ret, calls = 0;

	ldpc_decoder_start(d, syndrome, 0, merged, true);
	while ((ret = ldpc_decoder_step(d)) == -EAGAIN)
		calls++;
	CU_ASSERT_TRUE(calls > 0);
	CU_ASSERT_TRUE(ldpc_decoder_sweeps(d) <= LDPC_SWEEPS_MAX);
	CU_ASSERT_EQUAL(ldpc_decoder_step(d), ret); /* and stays so */
	return ret;
}

/* FRAMES with errors at RATE, of which all must be found, or none. */
static void decode_frames(struct ldpc_plan plan, const struct ldpc_kernel *kernel, double rate,
                          unsigned int merged, int frames, bool possible)
{
	struct workspace w;
	struct ldpc_decoder *d = ldpc_decoder_own(&w, &plan, kernel);
	uint64_t *frame = malloc(plan.frame_words * 8), *s = malloc(plan.syndrome_words * 8);

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (int i = 0; i < frames; i++) {
		uint64_t *errors = calloc(BITS_WORDS(plan.bits) + 1, 8);

		flip_bits(errors, plan.bits, (size_t)(rate * (double)plan.bits));
		ldpc_frame_load(&plan, errors, 0, frame);
		ldpc_syndrome(&plan, frame, merged, s);
		CU_ASSERT_EQUAL(decode(d, s, merged), possible ? 0 : -ENOENT);
		if (possible)
			CU_ASSERT_EQUAL(memcmp(ldpc_decoder_errors(d), frame, plan.frame_words * 8),
			                0);
		free(errors);
	}
	workspace_fini(&w);
	free(frame);
	free(s);
}

static void test_decodes_what_is_easy(void)
{
	for (unsigned int code = 0; code < ldpc_code_count; code++) {
		struct ldpc_plan plan = one_frame(code, 256, ldpc_codes[code].cols * 256, 0);

		plan.qber = easy_rate(code);
		decode_frames(plan, ldpc_kernel_best(), plan.qber, 0, 12, true);
		decode_frames(plan, ldpc_kernel_best(), 0, 0, 1, true);
	}
}

/* A frame with zeros between key bits, and one with merged checks, are as good. */
static void test_decodes_short_and_merged(void)
{
	struct ldpc_plan plan = one_frame(0, 256, ldpc_codes[0].cols * 256 * 7 / 8 + 11, 0);

	plan.qber = easy_rate(0);
	decode_frames(plan, ldpc_kernel_best(), plan.qber, 0, 4, true);
	decode_frames(plan, ldpc_kernel_best(), plan.qber * 0.8, plan.code->pairs, 4, true);
}

static void test_portable_decodes(void)
{
	struct ldpc_plan plan = one_frame(0, 32, ldpc_codes[0].cols * 32 - 100, 0);

	plan.qber = easy_rate(0) * 0.5; /* so short a frame has small cycles */
	decode_frames(plan, &ldpc_kernel_portable, plan.qber, 0, 2, true);
	decode_frames(plan, ldpc_kernel_best(), plan.qber, 0, 2, true);
}

static void test_gives_up(void)
{
	struct ldpc_plan plan = one_frame(0, 128, ldpc_codes[0].cols * 128, 0);

	plan.qber = easy_rate(0);
	decode_frames(plan, ldpc_kernel_best(), plan.qber * 3, 0, 4, false);
	decode_frames(plan, ldpc_kernel_best(), 0.5, 0, 4, false);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_takes_no_more_than_there_is(void)
{
	struct ldpc_plan plan = one_frame(0, 1024, ldpc_codes[0].cols * 1024, 0.01);
	struct workspace w[32];
	size_t n = 0;

	while (n < 32 && ldpc_decoder_own(&w[n], &plan, &ldpc_kernel_portable) != NULL)
		n++;
	CU_ASSERT_TRUE(n > 0 && n < 32);
	while (n > 0)
		workspace_fini(&w[--n]);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_setup(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(24 << 20, NULL), 0);
	ldpc_rule_init(&rule);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_rule_is_nearly_belief_propagation),
          UNIT(test_layer_again_changes_nothing), UNIT(test_kernels_agree),
          UNIT(test_decodes_what_is_easy), UNIT(test_decodes_short_and_merged),
          UNIT(test_portable_decodes), UNIT(test_gives_up), UNIT(test_takes_no_more_than_there_is))
