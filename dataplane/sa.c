/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/sa.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/secret.h"

#define OUTER_TTL 64

_Static_assert(offsetof(struct sa, outer) == 64, "per-packet fields left the first cache line");
_Static_assert(offsetof(struct sa, ecn_mask) < 128, "per-packet fields left two cache lines");

static unsigned int outer_ipv4(struct sa *sa, const struct tunnel_config *config)
{
	uint8_t *h = sa->outer;

	h[0] = 0x45;
	h[6] = 0x40; /* DF; so the identification may be 0 (RFC 6864 section 4.1) */
	h[8] = OUTER_TTL;
	h[9] = config->udp ? IPPROTO_UDP : IPPROTO_ESP;
	memcpy(h + 12, config->local, 4);
	memcpy(h + 16, config->remote, 4);
	for (int i = 0; i < 20; i += 2)
		sa->outer_sum += get_be16(h + i);
	return 20;
}

static unsigned int outer_ipv6(struct sa *sa, const struct tunnel_config *config)
{
	uint8_t *h = sa->outer;

	h[0] = 0x60;
	h[6] = config->udp ? IPPROTO_UDP : IPPROTO_ESP;
	h[7] = OUTER_TTL;
	memcpy(h + 8, config->local, 16);
	memcpy(h + 24, config->remote, 16);
	return 40;
}

/*
 * The checksum stays zero: RFC 3948 section 2.1 for IPv4; for IPv6 RFC 6936, as the ICV covers
 * more than the checksum would and a packet that another SA's address got finds no SPI.
 */
static unsigned int outer_udp(struct sa *sa, const struct tunnel_config *config, unsigned int at)
{
	uint16_t port = config->udp_port == 0 ? TUNNEL_UDP_PORT : config->udp_port;

	put_be16(sa->outer + at,
	         config->udp_spread ? (uint16_t)(TUNNEL_UDP_SPREAD + sa->sub) : port);
	put_be16(sa->outer + at + 2, port);
	sa->udp = true;
	return at + 8;
}

static void outer_init(struct sa *sa, const struct tunnel_config *config)
{
	unsigned int at = config->ipv6 ? outer_ipv6(sa, config) : outer_ipv4(sa, config);

	sa->form = config->ipv6 ? SA_FORM_IPV6 : SA_FORM_IPV4;
	if (config->udp) {
		at = outer_udp(sa, config, at);
		sa->form = SA_FORM_OTHER;
	}
	if (config->dscp_mapped || config->ecn_compatible)
		sa->form = SA_FORM_OTHER;
	sa->ecn_mask = config->ecn_compatible ? 0 : 3;
	for (unsigned int i = 0; i < 64; i++)
		sa->dscp[i] = (uint8_t)((config->dscp_mapped ? config->dscp[i] & 63U : i) << 2);
	put_be32(sa->outer + at, sa->spi);
	sa->outer_bytes = (uint8_t)at;
}

struct sa *sa_create(const struct tunnel_config *config, unsigned int cores, struct peer *peer,
                     const struct sa_key *key, uint64_t generation, bool transmit)
{
	size_t window_bytes = transmit ? 0 : config->replay_window / 8;
	size_t key_bytes = gcm_provider()->key_bytes;
	struct sa *sa = secret_alloc(sizeof(*sa) + key_bytes + window_bytes);
	struct gcm_key *schedule;

	if (sa == NULL)
		return NULL;
	memset(sa, 0, sizeof(*sa) + key_bytes);
	schedule = (struct gcm_key *)sa->tail;
	gcm_provider()->key_expand(key->key, schedule);
	sa->schedule = schedule;
	sa->spi = key->spi;
	memcpy(sa->salt, key->salt, sizeof(sa->salt));
	memcpy(sa->key, key->key, sizeof(sa->key));
	sa->tunnel = (uint16_t)config->index;
	sa->generation = generation;
	sa->sub = key->spi % TUNNEL_SUBS_MAX;
	sa->core = sa->sub % cores;
	sa->transmit = transmit;
	sa->ipv6 = config->ipv6;
	sa->peer = peer;
	sa->follows = peer != NULL;
	sa->installed_ns = clock_mono_ns();
	if (!transmit)
		replay_init(&sa->replay, (uint64_t *)(sa->tail + key_bytes), config->replay_window);
	else
		outer_init(sa, config);
	return sa;
}

bool sa_use_cipher(struct sa *sa, struct esp_cipher *cipher, const struct sa_key *key)
{
	sa->cipher = cipher;
	sa->session = esp_cipher_session(cipher, key->key, sa->transmit);
	return sa->session != NULL;
}

void sa_destroy(struct sa *sa)
{
	if (sa != NULL)
		esp_cipher_session_free(sa->cipher, sa->session);
	secret_free(sa);
}

void sa_describe(const struct sa *sa, struct sa_info *out)
{
	*out = (struct sa_info){
	        .spi = sa->spi,
	        .generation = sa->generation,
	        .sub = sa->sub,
	        .core = sa->core,
	        .transmit = sa->transmit,
	        /* What was sealed has numbers that count up from 1. */
	        .packets = __atomic_load_n(sa->transmit ? &sa->replay.top : &sa->packets,
	                                   __ATOMIC_RELAXED),
	        .bytes = __atomic_load_n(&sa->bytes, __ATOMIC_RELAXED),
	        .sequence = __atomic_load_n(&sa->replay.top, __ATOMIC_RELAXED),
	        .replayed = __atomic_load_n(&sa->replayed, __ATOMIC_RELAXED),
	        .auth_failed = __atomic_load_n(&sa->auth_failed, __ATOMIC_RELAXED),
	        .installed_ns = sa->installed_ns,
	};
}
