/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_wire.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "common/bytes.h"

const char *kme_light_name(enum kme_light light)
{
	static const char *const names[] = {
	        [KME_LIGHT_UNKNOWN] = "unknown",
	        [KME_LIGHT_REAL] = "no",
	        [KME_LIGHT_SIMULATED] = "yes",
	};

	return names[light];
}

const char *kme_fault_name(enum kme_fault fault)
{
	static const char *const names[] = {
	        [KME_UNREACHABLE] = "unreachable",
	        [KME_GARBLED] = "garbled",
	        [KME_REFUSED] = "refused",
	        [KME_BUSY] = "busy",
	};

	return fault >= KME_UNREACHABLE && fault < KME_FAULTS ? names[fault] : "";
}

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

void kme_text_copy(char to[KME_TEXT_MAX + 1], const char *from, size_t len)
{
	if (len > KME_TEXT_MAX)
		len = KME_TEXT_MAX;
	memcpy(to, from, len);
	to[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!printable(to + i, 1))
			to[i] = '?';
}

bool kme_id_valid(const uint8_t id[KME_ID_BYTES])
{
	for (unsigned int i = 0; i < KME_ID_BYTES; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? id[i] != '-' : !isxdigit(id[i]))
			return false;
	}
	return true;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t n = strnlen(text, KME_TEXT_MAX);

	*p++ = (uint8_t)n;
	memcpy(p, text, n);
	return p + n;
}

size_t kme_encode(const struct kme_message *m, uint8_t *out)
{
	uint8_t *p = out;

	*p++ = (uint8_t)m->type;
	switch (m->type) {
	case KME_HELLO:
	case KME_CLIENT_HELLO:
		put_be16(p, m->version);
		p += 2;
		if (m->type == KME_HELLO)
			*p++ = (uint8_t)m->site;
		break;
	case KME_ENC:
	case KME_DEC:
	case KME_KEYS: {
		size_t bytes = m->type == KME_DEC    ? (size_t)m->number * KME_ID_BYTES
		               : m->type == KME_KEYS ? (size_t)m->number * KME_ENTRY_BYTES
		                                     : 0;

		put_be32(p, m->request);
		put_be16(p + 4, m->number);
		p += 6;
		if (bytes > 0)
			memcpy(p, m->entries, bytes);
		p += bytes;
		break;
	}
	case KME_STATUS:
		*p = (uint8_t)m->light;
		put_be32(p + 1, m->stored);
		put_be16(p + 5, m->most);
		p = put_text(put_text(p + 7, m->source), m->target);
		break;
	case KME_FAILED:
		put_be32(p, m->request);
		p[4] = (uint8_t)m->fault;
		put_be32(p + 5, m->wait_ms);
		p = put_text(p + 9, m->text);
		break;
	}
	return (size_t)(p - out);
}

/* A text at *AT of LEFT bytes into TO; what is left behind it, or -EPROTO. */
static ssize_t get_text(const uint8_t **at, size_t left, char to[KME_TEXT_MAX + 1])
{
	size_t n = left > 0 ? (*at)[0] : 0;

	if (left < 1 || n > left - 1 || n > KME_TEXT_MAX || !printable((const char *)*at + 1, n))
		return -EPROTO;
	memcpy(to, *at + 1, n);
	to[n] = '\0';
	*at += 1 + n;
	return (ssize_t)(left - 1 - n);
}

static int get_entries(const uint8_t *p, size_t left, struct kme_message *m)
{
	size_t each = m->type == KME_DEC ? KME_ID_BYTES : m->type == KME_KEYS ? KME_ENTRY_BYTES : 0;

	if (left < 6)
		return -EPROTO;
	m->request = get_be32(p);
	m->number = get_be16(p + 4);
	m->entries = p + 6;
	if (m->request == 0 || m->number == 0 || m->number > KME_KEYS_MAX ||
	    left - 6 != m->number * each)
		return -EPROTO;
	for (size_t i = 0; each > 0 && i < m->number; i++)
		if (!kme_id_valid(m->entries + i * each))
			return -EPROTO;
	return 0;
}

static int get_status(const uint8_t *p, size_t left, struct kme_message *m)
{
	ssize_t rest;

	if (left < 7 || p[0] >= KME_LIGHTS)
		return -EPROTO;
	m->light = (enum kme_light)p[0];
	m->stored = get_be32(p + 1);
	m->most = get_be16(p + 5);
	p += 7;
	rest = get_text(&p, left - 7, m->source);
	if (rest >= 0)
		rest = get_text(&p, (size_t)rest, m->target);
	return rest == 0 && m->most > 0 ? 0 : -EPROTO;
}

static int get_failed(const uint8_t *p, size_t left, struct kme_message *m)
{
	if (left < 9 || p[4] < KME_UNREACHABLE || p[4] >= KME_FAULTS)
		return -EPROTO;
	m->request = get_be32(p);
	m->fault = (enum kme_fault)p[4];
	m->wait_ms = get_be32(p + 5);
	p += 9;
	return get_text(&p, left - 9, m->text) == 0 ? 0 : -EPROTO;
}

int kme_decode(const uint8_t *msg, size_t len, struct kme_message *m)
{
	const uint8_t *p = msg + 1;
	size_t left = len - 1;

	*m = (struct kme_message){0};
	if (len < 1)
		return -EPROTO;
	m->type = (enum kme_type)msg[0];
	switch (msg[0]) {
	case KME_HELLO:
		if (left != 3 || (p[2] != 'A' && p[2] != 'B'))
			return -EPROTO;
		m->version = get_be16(p);
		m->site = (char)p[2];
		return 0;
	case KME_CLIENT_HELLO:
		if (left != 2)
			return -EPROTO;
		m->version = get_be16(p);
		return 0;
	case KME_ENC:
	case KME_DEC:
	case KME_KEYS:
		return get_entries(p, left, m);
	case KME_STATUS:
		return get_status(p, left, m);
	case KME_FAILED:
		return get_failed(p, left, m);
	default:
		return -EPROTO;
	}
}
