/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl qrng: the card's random source. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/base64.h"
#include "control/lgctl.h"

#define LOOK_NS       100000000 /* between looks at a recording */
#define LOOKS_MAX     6000      /* ten minutes of them */
#define BYTES_DEFAULT 1000000   /* samples that SP 800-90B asks for */

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

/* NIST's tool reads a sample a byte, in its low bits: bytes as they are, or their bits. */
static int write_samples(const char *path, const uint8_t *data, size_t n, bool bits,
                         struct err *err)
{
	FILE *f = fopen(path, "we");
	bool ok = true;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	if (!bits)
		ok = fwrite(data, 1, n, f) == n;
	for (size_t i = 0; bits && ok && i < 8 * n; i++)
		ok = fputc(data[i / 8] >> i % 8 & 1, f) != EOF;
	ok = fclose(f) == 0 && ok;
	return ok ? 0 : err_set(err, EIO, "%s: cannot be written", path);
}

static int follow_record(const struct lgctl_request *r, const char *socket, json_t **result,
                         FILE *out, struct err *err)
{
	const struct lgctl_request look = {.method = "qrng_recorded"};
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	bool bits = r->path[0] == '1';
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
	           : write_samples(r->path + 1, data, (size_t)n, bits, err);
	free(data);
	json_object_del(*result, "data");
	json_object_set_new(*result, "written", json_string(r->path + 1));
	json_object_set_new(*result, "bits_per_symbol", json_integer(bits ? 1 : 8));
	json_object_set_new(*result, "symbols", json_integer((json_int_t)n * (bits ? 8 : 1)));
	return rc;
}

/* FILE [--stream raw|conditioned] [--bytes N] [--symbol 1|8]; the path begins with the symbol. */
int lgctl_build_qrng_record(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"stream", "=bytes", "=symbol"};
	static char path[4096];
	json_int_t symbol = 8;
	int rc = lgctl_options_build("qrng record", options, 3, args + 1, n - 1, &r->params, err);

	if (rc < 0)
		return rc;
	if (json_object_get(r->params, "symbol") != NULL)
		symbol = json_integer_value(json_object_get(r->params, "symbol"));
	json_object_del(r->params, "symbol");
	if (symbol != 1 && symbol != 8)
		return err_set(err, EINVAL, "qrng record: --symbol is 1 or 8 bits");
	if (strlen(args[0]) + 2 > sizeof(path))
		return err_set(err, EINVAL, "qrng record: the file's name is too long");
	if (json_object_get(r->params, "stream") == NULL)
		json_object_set_new(r->params, "stream", json_string("raw"));
	if (json_object_get(r->params, "bytes") == NULL)
		json_object_set_new(r->params, "bytes", json_integer(BYTES_DEFAULT));
	snprintf(path, sizeof(path), "%d%s", (int)symbol, args[0]);
	r->path = path;
	r->follow = follow_record;
	return 0;
}
