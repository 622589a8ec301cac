/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What may come by the fibre: frames of any content, and ESP under the right key whose text is
 * the input's, since a peer may be wrong too. An input is how many frames to a burst, and a row of
 * frames: a byte of options, for frames in two pieces where to cut, a length, and the frame;
 * without RAW its Ethernet and, with SEALED, its outer header are made here.
 */

#include "tests/fuzz/fuzz_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW = 4, MEND = 8, IPV6 = 16, SEALED = 32, AGAIN = 64, TRAILER = 128 };

/* The SA of rig_key(1, 1) as the peer has it. */
static struct {
	struct gcm_key *key;
	uint32_t spi;
	uint64_t sequence;
} peer;

static void peer_start(void)
{
	uint8_t key[32];

	if (peer.key != NULL)
		return;
	peer.key = secret_alloc(GCM_KEY_BYTES);
	fuzz_must(peer.key != NULL, "memory for the key");
	memset(key, 32 + 16, sizeof(key));
	gcm_provider()->key_expand(key, peer.key);
	peer.spi = 0x1000 + 256 + 64;
}

/* RFC 4303 and 4106 around N bytes of TEXT, multiple of 4 or not; the bytes written. */
static size_t seal(uint8_t *ip, const uint8_t *text, size_t n)
{
	_Alignas(64) uint8_t context[GCM_CONTEXT_BYTES];
	uint8_t iv[16] = {0}, aad[16];

	peer.sequence++;
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = text[0] & 3;
	put_be16(ip + 2, (uint16_t)(20 + 16 + n + 16));
	ip[8] = 64;
	ip[9] = 50;
	memcpy(ip + 12, gw[1].config.tunnels[0].local.bytes, 4);
	memcpy(ip + 16, gw[0].config.tunnels[0].local.bytes, 4);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	put_be32(ip + 20, peer.spi);
	put_be32(ip + 24, (uint32_t)peer.sequence);
	put_be64(ip + 28, peer.sequence);
	memcpy(iv + 4, ip + 28, 8);
	put_be32(aad, peer.spi);
	put_be64(aad + 4, peer.sequence);
	gcm_provider()->seal(peer.key, (struct gcm_context *)context, ip + 36, text, n, iv, aad, 12,
	                     ip + 36 + n, 16);
	return 36 + n + 16;
}

static void frame(struct input *in)
{
	static uint8_t last[14 + 64 + FRAME_MAX];
	static size_t last_bytes;
	uint8_t bytes[14 + 64 + FRAME_MAX], text[FRAME_MAX + 2], options = take(in);
	uint8_t cut = options & SHAPE_CHAIN ? take(in) : 0;
	size_t n;

	if (options & AGAIN) {
		n = last_bytes;
		memcpy(bytes, last, n);
	} else if (options & RAW) {
		n = take_bytes(in, bytes, FRAME_MAX);
	} else {
		memcpy(bytes, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
		memcpy(bytes + 6, gw[1].iface[PORT_WAN].mac.addr_bytes, 6);
		put_be16(bytes + 12, options & IPV6 ? 0x86dd : 0x0800);
		if (options & SEALED) {
			n = take_bytes(in, text, FRAME_MAX);
			if (options & MEND)
				mend_ip(text, n);
			if (options & TRAILER) {
				text[n++] = 0;
				text[n++] = text[0] >> 4 == 6 ? 41 : 4;
			}
			n = seal(bytes + 14, text, n);
		} else {
			n = take_bytes(in, bytes + 14, FRAME_MAX);
			if (options & MEND)
				mend_ip(bytes + 14, n);
		}
		n += 14;
	}
	memcpy(last, bytes, n);
	last_bytes = n;
	fuzz_put(PORT_WAN, shaped_mbuf(bytes, n, options & 3, cut));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	fuzz_start(true);
	peer_start();
	fuzz_input(PORT_WAN, &in, frame);
	return 0;
}
