/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_addr_parse(const char *text, struct config_addr *out)
{
	struct config_addr a = {0};

	if (inet_pton(AF_INET, text, a.bytes) != 1) {
		a.ipv6 = true;
		if (inet_pton(AF_INET6, text, a.bytes) != 1)
			return false;
	}
	*out = a;
	return true;
}

bool config_prefix_parse(const char *text, struct config_prefix *out)
{
	const char *slash = strchr(text, '/');
	char addr[CONFIG_ADDR_TEXT];
	struct config_prefix p;
	unsigned long len;
	char *end;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(addr) || slash[1] < '0' ||
	    slash[1] > '9')
		return false;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	len = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || !config_addr_parse(addr, &p.addr) || len > (p.addr.ipv6 ? 128 : 32))
		return false;
	p.len = (uint8_t)len;
	*out = p;
	return true;
}

const char *config_addr_format(const struct config_addr *addr, char buf[CONFIG_ADDR_TEXT])
{
	inet_ntop(addr->ipv6 ? AF_INET6 : AF_INET, addr->bytes, buf, CONFIG_ADDR_TEXT);
	return buf;
}

const char *config_prefix_format(const struct config_prefix *prefix, char buf[CONFIG_ADDR_TEXT])
{
	size_t n;

	config_addr_format(&prefix->addr, buf);
	n = strlen(buf);
	snprintf(buf + n, CONFIG_ADDR_TEXT - n, "/%u", prefix->len);
	return buf;
}

void config_addr_sockaddr(const struct config_addr *addr, uint16_t port,
                          struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*out = (struct sockaddr_storage){0};
	if (addr->ipv6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, addr->bytes, 16);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, addr->bytes, 4);
	}
}

bool config_addr_equal(const struct config_addr *a, const struct config_addr *b)
{
	return a->ipv6 == b->ipv6 && memcmp(a->bytes, b->bytes, a->ipv6 ? 16 : 4) == 0;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned int len)
{
	unsigned int whole = len / 8, rest = len % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool config_prefix_covers(const struct config_prefix *prefix, const struct config_addr *addr)
{
	return prefix->addr.ipv6 == addr->ipv6 &&
	       bits_equal(prefix->addr.bytes, addr->bytes, prefix->len);
}

bool config_prefix_overlaps(const struct config_prefix *a, const struct config_prefix *b)
{
	return a->addr.ipv6 == b->addr.ipv6 &&
	       bits_equal(a->addr.bytes, b->addr.bytes, a->len < b->len ? a->len : b->len);
}
