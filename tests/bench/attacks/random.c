/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"
#include "drivers/model/attack_plugin.h"
#include "drivers/qrng.h"

#define CLAIM      0.5
#define ALPHA_LOG2 60
#define BUFFER     4096
#define BYTES_S    4e6
#define TRIAL_S    2.0
#define SECRET     (1 << 20)
#define HONEST_MAX (2 << 15) /* bytes before the fault, at random: two long windows */

struct stream {
	struct qrng *q;
	struct attack_random state;
	struct rng rng;
	const struct attack *fault;
	uint64_t bytes, fault_at;
};

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static uint64_t time_of(uint64_t bytes)
{
	return NS_PER_S + (uint64_t)((double)bytes / BYTES_S * NS_PER_S);
}

static void honest(struct rng *rng, uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		uint64_t word = rng_next(rng);

		memcpy(bytes + i, &word, sizeof(word));
	}
}

static void feed(struct stream *s)
{
	uint8_t raw[BUFFER], out[BUFFER];
	uint64_t good = s->fault_at > s->bytes ? s->fault_at - s->bytes : 0;

	honest(&s->rng, raw, sizeof(raw));
	if (s->fault != NULL && good < BUFFER)
		attack_random(s->fault, (unsigned int)lrint(s->fault->card), &s->state, raw + good,
		              BUFFER - good);
	qrng_feed(s->q, raw, BUFFER, time_of(s->bytes), out, sizeof(out));
	s->bytes += BUFFER;
}

static void begin(struct stream *s, uint64_t seed)
{
	struct err err = {0};

	memset(s, 0, sizeof(*s));
	rng_init_seed(&s->rng, seed);
	s->fault_at = UINT64_MAX;
	rng_init_seed(&s->state.rng, rng_next(&s->rng));
	s->state.seed = rng_next(&s->rng);
	/* Once: it does not outlive a fork. */
	if (secret_size() == 0 && secret_init(SECRET, &err) < 0)
		fail(err.text);
	if (qrng_create(CLAIM, ALPHA_LOG2, &s->q, &err) < 0)
		fail(err.text);
	while (qrng_state(s->q) == QRNG_STARTUP)
		feed(s);
}

void random_trial(const struct attack *attack, const struct link_params *link, uint64_t seed,
                  struct trial *out)
{
	struct qrng_status status;
	uint64_t until, passed;
	struct stream s;

	memset(out, 0, sizeof(*out));
	begin(&s, seed);
	s.fault = attack;
	s.fault_at = s.bytes + (uint64_t)(rng_uniform(&s.rng) * HONEST_MAX);
	until = s.fault_at + (uint64_t)(TRIAL_S * BYTES_S);
	while (qrng_state(s.q) == QRNG_OK && s.bytes < until)
		feed(&s);
	qrng_status_read(s.q, &status);
	out->found = status.latched;
	out->time_s = (double)(s.bytes - s.fault_at) / BYTES_S;
	out->bits[0] = (s.bytes - s.fault_at) * 8;
	passed = qrng_tested_until(s.q);
	out->exposed_s = passed > time_of(s.fault_at)
	                         ? (double)(passed - time_of(s.fault_at)) / NS_PER_S
	                         : 0;
	out->held = status.latched;
	if (status.latched) {
		snprintf(out->alarm[0].kind, ALARMS_NAME, "qrng-%s", qrng_fault_name(status.fault));
		out->alarm[0].time_s = out->time_s;
		out->alarms = 1;
	}
	qrng_destroy(s.q);
}

uint64_t random_honest(double samples, uint64_t seed)
{
	struct qrng_status status;
	struct stream s;

	begin(&s, seed);
	while (qrng_state(s.q) == QRNG_OK && (double)s.bytes * 8 < samples)
		feed(&s);
	qrng_status_read(s.q, &status);
	qrng_destroy(s.q);
	return status.failures;
}
