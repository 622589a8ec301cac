/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ESP against OpenSSL's AES-256-GCM: what one end seals the other opens, both ways, IPv4 and
 * IPv6 inside and outside, every length of payload to 1400, jumbo frames as chains and as
 * single buffers, and sequence numbers of more than 32 bits.
 */

#include "tests/unit/dataplane/esp_reference.h"

#define PAYLOAD_MAX 1400

static const unsigned int jumbo[] = {1500, 2047, 2048, 2049, 4096, 8191, 9000, 9216};

/* The text of an ESP packet by OpenSSL; its length, 0 when the tag is wrong. */
static unsigned int openssl_open(const struct pair *p, const uint8_t *packet_bytes, unsigned int n,
                                 uint32_t sequence_high, uint8_t *text)
{
	const uint8_t *esp = packet_bytes + (p->ipv6 ? 40 : 20);
	unsigned int length = n - (p->ipv6 ? 40 : 20) - 32;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t iv[12], aad[12], tag[16];
	int len, good;

	memcpy(iv, p->key.salt, 4);
	memcpy(iv + 4, esp + 8, 8);
	memcpy(aad, esp, 4);
	put_be32(aad + 4, sequence_high);
	memcpy(aad + 8, esp + 4, 4);
	memcpy(tag, esp + 16 + length, 16);
	CU_ASSERT_EQUAL(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, p->key.key, iv), 1);
	CU_ASSERT_EQUAL(EVP_DecryptUpdate(c, NULL, &len, aad, 12), 1);
	CU_ASSERT_EQUAL(EVP_DecryptUpdate(c, text, &len, esp + 16, (int)length), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag), 1);
	good = EVP_DecryptFinal_ex(c, text + len, &len);
	EVP_CIPHER_CTX_free(c);
	return good == 1 ? length : 0;
}

/* OpenSSL seals the inner packet under SEQUENCE, the tunnel opens it. */
static void check_open(struct pair *p, const uint8_t *inner, unsigned int n, uint64_t sequence,
                       unsigned int segment)
{
	uint8_t sealed[BYTES_MAX], opened[BYTES_MAX];
	unsigned int total = reference(p, inner, n, sequence, NULL, 0, sealed);

	if (open_bytes(p, sealed, total, segment, opened) != n || memcmp(opened, inner, n) != 0) {
		printf("inner packet of %u bytes in segments of %u\n", n, segment);
		CU_FAIL("what OpenSSL sealed was not opened");
	}
}

/* The tunnel seals the inner packet, OpenSSL opens it: RFC 4303 section 2.4 for the trailer. */
static void check_seal(struct pair *p, const uint8_t *inner, unsigned int n, unsigned int segment,
                       uint32_t sequence_high)
{
	uint8_t sealed[BYTES_MAX], text[BYTES_MAX];
	unsigned int total = seal_bytes(p, inner, n, segment, sealed);
	unsigned int length = total == 0 ? 0 : openssl_open(p, sealed, total, sequence_high, text);
	unsigned int pad = length < 2 ? 0 : text[length - 2];
	bool good = length == n + pad + 2 && pad < 4 && length % 4 == 0 &&
	            memcmp(text, inner, n) == 0 &&
	            text[length - 1] == (inner[0] >> 4 == 6 ? 41 : 4);

	for (unsigned int i = 0; good && i < pad; i++)
		good = text[n + i] == i + 1;
	if (!good) {
		printf("inner packet of %u bytes in segments of %u\n", n, segment);
		CU_FAIL("what the tunnel sealed is not what OpenSSL opens");
	}
}

static void test_every_length(void)
{
	uint8_t inner[BYTES_MAX];

	for (int outer6 = 0; outer6 < 2; outer6++)
		for (int inner6 = 0; inner6 < 2; inner6++) {
			struct pair p = make(outer6);
			uint64_t sequence = 0;

			for (unsigned int payload = 0; payload <= PAYLOAD_MAX; payload++) {
				unsigned int n = (inner6 ? 40 : 20) + payload;

				inner_packet(inner, n, inner6, (uint8_t)(payload & 0xfc));
				check_open(&p, inner, n, ++sequence, DATA_ROOM);
				check_seal(&p, inner, n, DATA_ROOM, 0);
			}
			unmake(&p);
		}
}

static void test_jumbo_frames_in_chains(void)
{
	static const unsigned int segments[] = {DATA_ROOM, 1000, 333};
	uint8_t inner[BYTES_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		struct pair p = make(v6);
		uint64_t sequence = 0;

		for (size_t i = 0; i < RTE_DIM(jumbo); i++)
			for (size_t k = 0; k < RTE_DIM(segments); k++) {
				inner_packet(inner, jumbo[i], !v6, 0);
				check_open(&p, inner, jumbo[i], ++sequence, segments[k]);
				check_seal(&p, inner, jumbo[i], segments[k], 0);
			}
		unmake(&p);
	}
}

static void test_jumbo_frames_in_one_buffer(void)
{
	struct rte_mempool *small, *large;
	uint8_t inner[BYTES_MAX];

	fixture_start();
	small = pool;
	large = rte_pktmbuf_pool_create("large", 15, 0, 0, BYTES_MAX + RTE_PKTMBUF_HEADROOM,
	                                SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	pool = large;
	for (int v6 = 0; v6 < 2; v6++) {
		struct pair p = make(v6);
		uint64_t sequence = 0;

		for (size_t i = 0; i < RTE_DIM(jumbo); i++) {
			inner_packet(inner, jumbo[i], v6, 0);
			check_open(&p, inner, jumbo[i], ++sequence, BYTES_MAX);
			check_seal(&p, inner, jumbo[i], BYTES_MAX, 0);
		}
		unmake(&p);
	}
	pool = small;
	rte_mempool_free(large);
}

/* The receiver learns the high half from the low one (RFC 4303 appendix A2). */
static void test_extended_sequence_numbers(void)
{
	static const uint64_t sequences[] = {1,           0x7fffffff,  0xfffffff0,  0xffffffff,
	                                     0x100000000, 0x100000001, 0x17fffffff, 0x1fffffff0,
	                                     0x200000005, 0x1ffffffff};
	uint8_t inner[BYTES_MAX], sealed[BYTES_MAX], opened[BYTES_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		struct pair p = make(v6);
		unsigned int total;

		inner_packet(inner, 100, v6, 0);
		for (size_t i = 0; i < RTE_DIM(sequences); i++)
			check_open(&p, inner, 100, sequences[i], DATA_ROOM);
		/* One whose high half the receiver takes for another does not authenticate. */
		total = reference(&p, inner, 100, 0x500000009, NULL, 0, sealed);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, total, DATA_ROOM, opened), 0);
		unmake(&p);
	}
}

static void test_other_keys_do_not_open(void)
{
	uint8_t inner[BYTES_MAX], sealed[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false), other = p;
	uint64_t before = counted("drop.auth");
	unsigned int total;

	inner_packet(inner, 200, false, 0);
	for (unsigned int bit = 0; bit < 256; bit += 37) {
		other.key = p.key;
		other.key.key[bit / 8] ^= (uint8_t)(1U << bit % 8);
		total = reference(&other, inner, 200, 1 + bit, NULL, 0, sealed);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, total, DATA_ROOM, opened), 0);
		total = seal_bytes(&p, inner, 200, DATA_ROOM, sealed);
		CU_ASSERT_EQUAL(openssl_open(&other, sealed, total, 0, opened), 0);
	}
	other.key = p.key;
	other.key.salt[3] ^= 1;
	total = reference(&other, inner, 200, 300, NULL, 0, sealed);
	CU_ASSERT_EQUAL(open_bytes(&p, sealed, total, DATA_ROOM, opened), 0);
	CU_ASSERT_EQUAL(counted("drop.auth"), before + 8);
	check_open(&p, inner, 200, 301, DATA_ROOM);
	unmake(&p);
}

UNIT_MAIN(UNIT(test_every_length), UNIT(test_jumbo_frames_in_chains),
          UNIT(test_jumbo_frames_in_one_buffer), UNIT(test_extended_sequence_numbers),
          UNIT(test_other_keys_do_not_open))
