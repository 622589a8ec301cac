/* SPDX-License-Identifier: BSD-3-Clause */

/* Two ends of a tunnel, and ESP packets that OpenSSL makes byte by byte. */

#ifndef TESTS_ESP_REFERENCE_H
#define TESTS_ESP_REFERENCE_H

#include "tests/unit/dataplane/esp_fixture.h"

#include <openssl/evp.h>

#define BYTES_MAX 12000

struct pair {
	struct tunnel *tx, *rx;
	struct sa_key key;
	bool ipv6, udp;
};

/* The crypto device of the pairs that are made next; NULL: none. */
static struct esp_cipher *pair_cipher;

/* A's configuration; B's is the same with the addresses swapped. */
static inline struct pair make_of(struct tunnel_config config)
{
	static uint32_t seed;
	struct tunnel_config back = config;
	struct pair p = {.ipv6 = config.ipv6, .udp = config.udp};
	struct err err = {0};

	fixture_start();
	memcpy(back.local, config.remote, sizeof(back.local));
	memcpy(back.remote, config.local, sizeof(back.remote));
	p.tx = tunnel_alone(&config, 1, qsbr, &err);
	p.rx = tunnel_alone(&back, 1, qsbr, &err);
	fixture_keys(&p.key, 1, ++seed);
	if (p.tx != NULL && p.rx != NULL)
		tunnel_sad(p.tx)->cipher = tunnel_sad(p.rx)->cipher = pair_cipher;
	if (p.tx == NULL || p.rx == NULL || tunnel_tx_switch(p.tx, 1, &p.key, 1, &err) < 0 ||
	    tunnel_rx_install(p.rx, 1, &p.key, 1, &err) < 0)
		CU_FAIL_FATAL("cannot make a pair of tunnels");
	return p;
}

static inline struct pair make(bool ipv6)
{
	return make_of(fixture_config(ipv6));
}

static inline void unmake(struct pair *p)
{
	tunnel_alone_destroy(p->tx);
	tunnel_alone_destroy(p->rx);
	all_buffers_back();
}

/*
 * The ESP packet of RFC 4303 figure 2 and RFC 4106 by OpenSSL: outer header from the text of
 * RFC 791 or 8200, RFC 3948's UDP header if the pair has it, padding 1, 2, 3. TRAILER: padding, pad
 * length and next header instead of the right ones.
 */
static inline unsigned int reference(const struct pair *p, const uint8_t *inner, unsigned int n,
                                     uint64_t sequence, const uint8_t *trailer,
                                     unsigned int trailer_bytes, uint8_t *out)
{
	unsigned int ip = p->ipv6 ? 40 : 20, header = ip + (p->udp ? 8 : 0), pad = 0;
	unsigned int text_bytes = n, total;
	uint8_t text[BYTES_MAX], iv[12], aad[12], tc;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	memcpy(text, inner, n);
	if (trailer != NULL) {
		memcpy(text + n, trailer, trailer_bytes);
		text_bytes += trailer_bytes;
	} else {
		while ((text_bytes + 2) % 4 != 0)
			text[text_bytes++] = (uint8_t)++pad;
		text[text_bytes++] = (uint8_t)pad;
		text[text_bytes++] = inner[0] >> 4 == 6 ? 41 : 4;
	}
	total = header + 16 + text_bytes + 16;
	tc = inner[0] >> 4 == 6 ? (uint8_t)(inner[0] << 4 | inner[1] >> 4) : inner[1];
	memset(out, 0, header);
	if (p->ipv6) {
		put_be32(out, 6U << 28 | (uint32_t)tc << 20);
		put_be16(out + 4, (uint16_t)(total - 40));
		out[6] = p->udp ? 17 : 50;
		out[7] = 64;
		inet_pton(AF_INET6, "2001:db8::1", out + 8);
		inet_pton(AF_INET6, "2001:db8::2", out + 24);
	} else {
		out[0] = 0x45;
		out[1] = tc;
		put_be16(out + 2, (uint16_t)total);
		put_be16(out + 6, 0x4000);
		out[8] = 64;
		out[9] = p->udp ? 17 : 50;
		inet_pton(AF_INET, "192.0.2.1", out + 12);
		inet_pton(AF_INET, "192.0.2.2", out + 16);
		put_be16(out + 10, internet_checksum(out, 20));
	}
	if (p->udp) {
		put_be16(out + ip, 4500);
		put_be16(out + ip + 2, 4500);
		put_be16(out + ip + 4, (uint16_t)(total - ip));
	}
	put_be32(out + header, p->key.spi);
	put_be32(out + header + 4, (uint32_t)sequence);
	put_be64(out + header + 8, sequence);
	memcpy(iv, p->key.salt, 4);
	memcpy(iv + 4, out + header + 8, 8);
	put_be32(aad, p->key.spi);
	put_be64(aad + 4, sequence);
	CU_ASSERT_EQUAL(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, p->key.key, iv), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, NULL, &len, aad, 12), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, out + header + 16, &len, text, (int)text_bytes), 1);
	CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(c, out + header + 16 + len, &len), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out + total - 16), 1);
	EVP_CIPHER_CTX_free(c);
	return total;
}

/* Open one packet; its bytes, or 0. */
static inline unsigned int open_bytes(struct pair *p, const uint8_t *in, unsigned int n,
                                      unsigned int segment, uint8_t *out)
{
	struct rte_mbuf *m = packet_in(in, n, segment);

	return tunnel_open_burst(p->rx, 0, &counters, &m, 1) == 0 ? 0 : packet_out(m, out);
}

static inline unsigned int seal_bytes(struct pair *p, const uint8_t *in, unsigned int n,
                                      unsigned int segment, uint8_t *out)
{
	struct rte_mbuf *m = packet_in(in, n, segment);

	return tunnel_seal_burst(p->tx, 0, &counters, &m, 1) == 0 ? 0 : packet_out(m, out);
}

#endif
