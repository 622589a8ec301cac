/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl qrng: the card's random source. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "control/lgctl.h"
#include "control/qrng_matrix.h"

#define LOOK_NS          100000000 /* between looks at a recording */
#define LOOKS_MAX        6000      /* ten minutes of them */
#define BYTES_DEFAULT    1000000   /* samples that SP 800-90B asks for */
#define RESTARTS_DEFAULT 1000      /* and samples after each (3.1.4.1) */

static double real(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static const char *string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

void lgctl_print_qrng(FILE *out, const json_t *r)
{
	const json_t *c = json_object_get(r, "cutoffs"), *list = json_object_get(r, "uses"), *u;
	bool latched = json_is_true(json_object_get(r, "latched"));
	size_t i;

	fprintf(out, "random source%s: %s",
	        json_is_true(json_object_get(r, "simulated")) ? " of a simulated card" : "",
	        json_is_true(json_object_get(r, "present")) ? string(r, "state") : "absent");
	if (latched || real(r, "failures") > 0)
		fprintf(out, "; %s fault: %s, lane %g, sample %.0f: %s",
		        latched ? "latched" : "last", string(r, "fault"), real(r, "fault_lane"),
		        real(r, "fault_sample"), string(r, "fault_text"));
	fprintf(out, "\nclaim: %g bit of min-entropy a bit; false alarm 2^%g a decision\n",
	        real(r, "min_entropy"), real(r, "false_alarm_log2"));
	fprintf(out,
	        "cut-offs: repetition %g; of 1024: proportion %g, lag %g; of 2^18: ones %g, lag "
	        "%g; "
	        "pattern %g bytes\n",
	        real(c, "repetition"), real(c, "proportion"), real(c, "lag"), real(c, "ones_long"),
	        real(c, "lag_long"), real(c, "pattern_bytes"));
	fprintf(out,
	        "tested: %.0f samples, %.1f Mb/s in %g lanes by %s: %.2g false latches a year at "
	        "most\n",
	        real(r, "samples"), real(r, "samples_s") * 1e-6, real(r, "lanes"),
	        string(r, "kernel"), real(r, "false_latches_a_year"));
	fprintf(out,
	        "conditioned: %.0f bytes, %g raw ones a digest of 32; discarded: %.0f; faults: "
	        "%g\n",
	        real(r, "conditioned_bytes"), real(r, "bytes_a_digest"), real(r, "discarded_bytes"),
	        real(r, "failures"));
	json_array_foreach (list, i, u) {
		fprintf(out, "    %-28s %s", string(u, "use"), string(u, "source"));
		if (json_object_get(u, "bytes") != NULL)
			fprintf(out, ", %.0f bytes", real(u, "bytes"));
		fputc('\n', out);
	}
}

/* NIST's tool reads a symbol a byte, in its low bits: bytes as they are, or their bits. */
static uint8_t *symbols_of(const uint8_t *data, size_t n, bool bits)
{
	uint8_t *out = malloc(bits ? 8 * n : n);

	if (out == NULL)
		return NULL;
	if (!bits)
		memcpy(out, data, n);
	for (size_t i = 0; bits && i < 8 * n; i++)
		out[i] = data[i / 8] >> i % 8 & 1;
	return out;
}

static int write_symbols(const char *path, const uint8_t *symbols, size_t n, struct err *err)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	ok = fwrite(symbols, 1, n, f) == n;
	ok = fclose(f) == 0 && ok;
	return ok ? 0 : err_set(err, EIO, "%s: cannot be written", path);
}

/* Beside what is claimed: the most common value bounds the estimate of NIST's tool from above. */
static void add_estimate(json_t *result, const uint8_t *symbols, size_t n, double claim)
{
	double estimate = n > 1 ? qrng_most_common(symbols, n) : 0;

	json_object_set_new(result, "most_common_value", json_real(estimate));
	if (claim <= 0)
		return; /* nothing is claimed of conditioned bytes */
	json_object_set_new(result, "claimed", json_real(claim));
	json_object_set_new(result, "claim_holds", json_boolean(estimate >= claim));
}

static int add_matrix(json_t *result, const uint8_t *symbols, size_t n, uint32_t restarts,
                      double claim, struct err *err)
{
	struct qrng_matrix m;
	bool sane;

	if (qrng_matrix_check(symbols, restarts, (uint32_t)(n / restarts), claim, &m) < 0)
		return err_set(err, ENOMEM, "qrng restart-test: out of memory");
	sane = m.row < m.row_cutoff && m.column < m.column_cutoff;
	json_object_set_new(result, "row_most", json_integer(m.row));
	json_object_set_new(result, "row_cutoff", json_integer(m.row_cutoff));
	json_object_set_new(result, "column_most", json_integer(m.column));
	json_object_set_new(result, "column_cutoff", json_integer(m.column_cutoff));
	json_object_set_new(result, "sane", json_boolean(sane));
	if (sane)
		return 0;
	return err_set(
	        err, ERANGE,
	        "qrng restart-test: failed: a value comes %u times in a row, %u in a column; "
	        "at %g bits a symbol that is %u, %u at most",
	        m.row, m.column, claim, m.row_cutoff - 1, m.column_cutoff - 1);
}

static int assess(const char *path, bool bits, const uint8_t *data, size_t n, json_t *result,
                  struct err *err)
{
	uint32_t restarts = (uint32_t)real(result, "restarts");
	double claim = real(result, "min_entropy") * (bits ? 1 : 8);
	uint8_t *symbols = symbols_of(data, n, bits);
	int rc;

	if (symbols == NULL)
		return err_set(err, ENOMEM, "qrng record: out of memory");
	n *= bits ? 8 : 1;
	rc = write_symbols(path, symbols, n, err);
	json_object_del(result, "data");
	json_object_del(result, "ready");
	json_object_del(result, "done");
	json_object_del(result, "min_entropy");
	json_object_set_new(result, "written", json_string(path));
	json_object_set_new(result, "bits_per_symbol", json_integer(bits ? 1 : 8));
	json_object_set_new(result, "symbols", json_integer((json_int_t)n));
	add_estimate(result, symbols, n, claim);
	if (rc == 0 && restarts > 0)
		rc = add_matrix(result, symbols, n, restarts, claim, err);
	free(symbols);
	return rc;
}

static int follow_record(const struct lgctl_request *r, const char *socket, json_t **result,
                         FILE *out, struct err *err)
{
	const struct lgctl_request look = {.method = "qrng_recorded"};
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	const char *text = NULL;
	uint8_t *data;
	ssize_t n;
	int rc = 0;

	(void)out;
	for (int i = 0; i < LOOKS_MAX && text == NULL; i++) {
		nanosleep(&pause, NULL);
		json_decref(*result);
		*result = NULL;
		rc = lgctl_call(socket, &look, result, err);
		if (rc != 0)
			return rc;
		text = json_string_value(json_object_get(*result, "data"));
	}
	if (text == NULL)
		return err_set(err, ETIMEDOUT, "qrng record: not done within ten minutes");
	data = malloc(strlen(text) + 1);
	n = data != NULL ? base64_decode(text, strlen(text), data) : -1;
	rc = n < 0 ? err_set(err, EPROTO, "qrng record: the answer is no stream")
	           : assess(r->path + 1, r->path[0] == '1', data, (size_t)n, *result, err);
	free(data);
	return rc;
}

static json_int_t option(json_t *params, const char *name, json_int_t value)
{
	const json_t *given = json_object_get(params, name);

	value = given != NULL ? json_integer_value(given) : value;
	json_object_del(params, name);
	return value;
}

/* The path begins with the symbol. */
static int follow_with(const char *command, const char *path, json_int_t symbol,
                       struct lgctl_request *r, struct err *err)
{
	static char kept[4096];
	FILE *f;

	if (symbol != 1 && symbol != 8)
		return err_set(err, EINVAL, "%s: --symbol is 1 or 8 bits", command);
	if (strlen(path) + 2 > sizeof(kept))
		return err_set(err, EINVAL, "%s: the file's name is too long", command);
	/* Before the card goes dark for half a minute for nothing. What is there stays as yet. */
	f = fopen(path, "ae");
	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	fclose(f);
	snprintf(kept, sizeof(kept), "%d%s", (int)symbol, path);
	r->path = kept;
	r->follow = follow_record;
	return 0;
}

/* FILE [--stream raw|conditioned] [--bytes N] [--symbol 1|8] [--lane N] */
int lgctl_build_qrng_record(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"stream", "=bytes", "=symbol", "lane"};
	int rc = lgctl_options_build("qrng record", options, 4, args + 1, n - 1, &r->params, err);

	if (rc < 0)
		return rc;
	if (json_object_get(r->params, "stream") == NULL)
		json_object_set_new(r->params, "stream", json_string("raw"));
	json_object_set_new(r->params, "bytes",
	                    json_integer(option(r->params, "bytes", BYTES_DEFAULT)));
	return follow_with("qrng record", args[0], option(r->params, "symbol", 8), r, err);
}

/* FILE [--restarts N] [--samples N] [--symbol 1|8] [--lane N] */
int lgctl_build_qrng_restart_test(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"=restarts", "=samples", "=symbol", "lane"};
	int rc = lgctl_options_build("qrng restart-test", options, 4, args + 1, n - 1, &r->params,
	                             err);
	json_int_t samples, symbol;

	if (rc < 0)
		return rc;
	symbol = option(r->params, "symbol", 8);
	samples = option(r->params, "samples", RESTARTS_DEFAULT);
	if (symbol == 1 && samples % 8 != 0)
		return err_set(err, EINVAL,
		               "qrng restart-test: --samples of a bit: %lld is no "
		               "multiple of 8",
		               (long long)samples);
	json_object_set_new(r->params, "stream", json_string("raw"));
	json_object_set_new(r->params, "restarts",
	                    json_integer(option(r->params, "restarts", RESTARTS_DEFAULT)));
	json_object_set_new(r->params, "bytes", json_integer(symbol == 1 ? samples / 8 : samples));
	return follow_with("qrng restart-test", args[0], symbol, r, err);
}
