/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What both ends must have alike, or no block of theirs becomes key: each states its own as the
 * first message of a session, a line NAME=VALUE a parameter. Text, so that an end can say what
 * differs in a parameter that it does not know itself.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine_agree)

#define TEXT_MAX   1024
#define NAME_MAX_  24
#define VALUE_MAX_ 64

/* A message; what is left of it, lines from AT on. */
struct lines {
	char text[TEXT_MAX];
	size_t len, at;
};

static void add(struct lines *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct lines *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->len += (size_t)vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
}

/* The same text for the same number and no other one; the short one where that does. */
static void add_real(struct lines *l, const char *name, double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", v);
	add(l, strtod(text, NULL) == v ? "%s=%.15g\n" : "%s=%.17g\n", name, v);
}

/* What Alice's TAG says of the split. 2: of delivery, too. */
#define TAG_FORMAT 2

static void own(const struct engine *e, struct lines *l)
{
	const struct engine_config *c = &e->config;
	static const char protocol[] = "four-state one-decoy time-bin BB84";

	*l = (struct lines){.len = 0};
	add(l, "protocol=%s\n", protocol);
	add(l, "link=%.*s\n", (int)strnlen(c->link, sizeof(c->link)), c->link);
	add(l, "block-bits=%" PRIu32 "\n", c->block_bits);
	add(l, "blocks-in-flight=%u\n", engine_block_count(c));
	add_real(l, "p-z", c->p_z);
	add_real(l, "mu1", c->source.mu[0]);
	add_real(l, "mu2", c->source.mu[1]);
	add_real(l, "p-mu1", c->source.p[0]);
	add_real(l, "eps-sec", c->source.eps_sec);
	add_real(l, "eps-cor", c->source.eps_cor);
	add(l, "proof=%s\n", finite_key_proof_name(c->proof));
	add(l, "frame-bits=%" PRIu32 "\n", c->frame_bits);
	add(l, "reconciliation=%s\n", reconcile_method_name(c->reconciliation));
	add(l, "leak-mode=%s\n", leak_mode_name(c->leak_mode));
	add(l, "ldpc-codes=%016" PRIx64 "\n", e->ldpc_number);
	add(l, "tag=%d\n", TAG_FORMAT);
}

struct line {
	char name[NAME_MAX_ + 1], value[VALUE_MAX_ + 1];
};

/* The next line; false: there is none, or (BAD) it is not one. */
static bool next_line(struct lines *l, struct line *out, bool *bad)
{
	const char *at = l->text + l->at, *end, *is;

	if (l->at == l->len)
		return false;
	end = memchr(at, '\n', l->len - l->at);
	is = end != NULL ? memchr(at, '=', (size_t)(end - at)) : NULL;
	*bad = is == NULL || is == at || is - at > NAME_MAX_ || end - is - 1 > VALUE_MAX_;
	for (const char *c = at; !*bad && c < end; c++)
		*bad = *c < ' ' || *c > '~'; /* it goes to the log */
	if (*bad)
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(is - at), at);
	snprintf(out->value, sizeof(out->value), "%.*s", (int)(end - is - 1), is + 1);
	l->at = (size_t)(end + 1 - l->text);
	return true;
}

static bool find(struct lines *l, const char *name, struct line *out)
{
	bool bad = false;

	l->at = 0;
	while (next_line(l, out, &bad))
		if (strcmp(out->name, name) == 0)
			return true;
	return false;
}

/* Lines of names, each but once: of two values only one would be compared. */
static bool well_formed(struct lines *l)
{
	struct line line, first;
	bool bad = false;
	size_t end;

	for (l->at = 0; next_line(l, &line, &bad); l->at = end) {
		end = l->at;
		if (!find(l, line.name, &first) || l->at != end)
			return false;
	}
	return !bad && l->len > 0;
}

/* Appends what differs between OURS and THEIRS to TEXT. */
static void differences(struct lines *ours, struct lines *theirs, char *text, size_t size)
{
	struct line our, their;
	bool bad = false;
	size_t n = 0;

	text[0] = '\0';
	for (ours->at = 0; n < size && next_line(ours, &our, &bad);)
		if (!find(theirs, our.name, &their))
			n += (size_t)snprintf(text + n, size - n,
			                      "%s%s is %s here, unknown to the peer",
			                      n > 0 ? "; " : "", our.name, our.value);
		else if (strcmp(our.value, their.value) != 0)
			n += (size_t)snprintf(text + n, size - n, "%s%s is %s here, %s at the peer",
			                      n > 0 ? "; " : "", our.name, our.value, their.value);
	for (theirs->at = 0; n < size && next_line(theirs, &their, &bad);) {
		if (!find(ours, their.name, &our))
			n += (size_t)snprintf(text + n, size - n,
			                      "%s%s is unknown here, %s at the peer",
			                      n > 0 ? "; " : "", their.name, their.value);
	}
}

static void disagree(struct engine *e, const char *why)
{
	log_err("%s: no key: %s", e->config.link, why);
	/* Another one than in the session before is news as well. */
	if (strcmp(why, e->stats.disagreement) != 0)
		alarm_set(e, ENGINE_ALARM_PARAMETERS, false, "the peer has others now");
	snprintf(e->stats.disagreement, sizeof(e->stats.disagreement), "%s", why);
	alarm_set(e, ENGINE_ALARM_PARAMETERS, true, "no key: %s", e->stats.disagreement);
	e->agree = AGREE_NOT;
	if (e->config.role == ENGINE_BOB)
		bob_reset(e);
}

void agree_state(struct engine *e)
{
	uint8_t msg[1 + TEXT_MAX];
	struct lines l;

	own(e, &l);
	msg[0] = MESSAGE_PARAMETERS;
	memcpy(msg + 1, l.text, l.len);
	e->agree = AGREE_UNKNOWN;
	engine_send(e, msg, 1 + l.len);
}

void agree_take(struct engine *e, const uint8_t *msg, size_t len)
{
	struct lines ours, theirs = {.len = len - 1};
	char text[sizeof(e->stats.disagreement)];

	if (e->agree != AGREE_UNKNOWN) {
		engine_protocol_error(e, "parameters that were stated before");
		return;
	}
	if (theirs.len <= TEXT_MAX)
		memcpy(theirs.text, msg + 1, theirs.len);
	if (theirs.len > TEXT_MAX || !well_formed(&theirs)) {
		e->stats.protocol_errors++;
		disagree(e, "what the peer states of its parameters is malformed");
		return;
	}
	own(e, &ours);
	differences(&ours, &theirs, text, sizeof(text));
	if (text[0] != '\0') {
		disagree(e, text);
		return;
	}
	e->agree = AGREE_YES;
	e->stats.disagreement[0] = '\0';
	alarm_set(e, ENGINE_ALARM_PARAMETERS, false, "both ends have the same parameters");
}

bool agree_holds(struct engine *e)
{
	if (e->agree == AGREE_UNKNOWN) {
		e->stats.protocol_errors++;
		disagree(e, "the peer does not state its parameters: another version?");
	}
	return e->agree == AGREE_YES;
}
