/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a foreign KME, the client of it, the gateway and the other gateway may send: the first byte
 * chooses the reader. What is taken is within the limits, and written again as it was.
 */

#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "control/kme_answer.h"
#include "control/kme_peer.h"
#include "control/kme_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void check_status(const char *text, size_t n)
{
	static uint8_t packet[KME_PACKET_MAX];
	struct kme_message m, back;
	struct err err = {0};

	if (kme_answer_status(text, n, "", &m, &err) < 0) {
		must(err.text[0] != '\0');
		return;
	}
	must(m.most >= 1 && m.most <= KME_KEYS_MAX);
	must(kme_decode(packet, kme_encode(&m, packet), &back) == 0);
}

static void check_keys(const char *text, size_t n, unsigned int number, bool named)
{
	static uint8_t entries[KME_KEYS_MAX * KME_ENTRY_BYTES], packet[KME_PACKET_MAX];
	static const uint8_t ids[] = "bc490419-7d60-487f-adc1-4ddcc177c139"
	                             "0a782fb5-3434-48fe-aa4d-14f41d46cf92";
	struct kme_message m = {
	        .type = KME_KEYS, .request = 1, .number = (uint16_t)number, .entries = entries};
	struct err err = {0};

	if (kme_answer_keys(text, n, named ? ids : NULL, number, entries, &err) < 0) {
		must(err.text[0] != '\0');
		for (size_t i = 0; i < (size_t)number * KME_ENTRY_BYTES; i++)
			must(entries[i] == 0);
		return;
	}
	must(kme_decode(packet, kme_encode(&m, packet), &m) == 0);
}

static void check_packets(const uint8_t *data, size_t n)
{
	static uint8_t packet[KME_PACKET_MAX];
	struct kme_peer_message peer;
	struct kme_message m;

	if (kme_decode(data, n, &m) == 0)
		must(kme_encode(&m, packet) == n && memcmp(packet, data, n) == 0);
	if (kme_peer_decode(data, n, &peer) == 0)
		must(kme_peer_encode(&peer, packet) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[KME_TEXT_MAX + 1];
	uint8_t choice;

	if (secret_size() == 0)
		must(secret_init(1 << 20, NULL) == 0);
	if (size == 0)
		return 0;
	choice = *data++;
	size--;
	if (choice % 4 == 0) {
		check_packets(data, size);
	} else if (choice % 4 == 1) {
		check_status((const char *)data, size);
	} else if (choice % 4 == 2) {
		check_keys((const char *)data, size, 1 + (choice >> 2) % 2, choice >> 3 & 1);
	} else {
		kme_answer_message((const char *)data, size, text);
		for (size_t i = 0; text[i] != '\0'; i++)
			must(text[i] >= ' ' && text[i] <= '~');
	}
	must(secret_used() == 0);
	return 0;
}
