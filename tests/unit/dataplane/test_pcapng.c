/* SPDX-License-Identifier: BSD-3-Clause */

/* What pcapng.c writes, as libpcap reads it. */

#include "dataplane/pcapng.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "tests/unit/unit.h"

static const struct pcapng_interface lan = {
        .name = "lan", .description = "net_null0", .filter = "icmp or arp", .snap_length = 96};

static pcap_t *read_back(const uint8_t *bytes, size_t n)
{
	char text[PCAP_ERRBUF_SIZE];
	FILE *f = tmpfile();
	pcap_t *p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL_FATAL(fwrite(bytes, 1, n, f), n);
	rewind(f);
	p = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static void test_packets_read_back(void)
{
	static const uint32_t sizes[] = {1, 60, 61, 62, 63, 64, 96};
	static uint8_t file[8192], frame[96];
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct pcap_pkthdr *header;
	const u_char *data;
	size_t at = pcapng_begin(file, sizeof(file), &lan);
	pcap_t *p;

	CU_ASSERT_TRUE_FATAL(at > 0);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < count; i++) {
		const struct pcapng_packet packet = {
		        .time_ns = 1767225600000000001ULL + i,
		        .captured = sizes[i],
		        .length = sizes[i] + 1000,
		        .direction = i % 2 ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
		};
		size_t n = pcapng_packet(file + at, sizeof(file) - at, &packet, frame);

		CU_ASSERT_EQUAL(n, pcapng_packet_size(sizes[i]));
		CU_ASSERT_EQUAL(n % 4, 0);
		at += n;
	}
	CU_ASSERT_EQUAL(pcapng_statistics(file + at, sizeof(file) - at, 5, 7, 1),
	                PCAPNG_STATISTICS_SIZE);
	at += PCAPNG_STATISTICS_SIZE;

	p = read_back(file, at);
	CU_ASSERT_EQUAL(pcap_datalink(p), DLT_EN10MB);
	CU_ASSERT_EQUAL(pcap_snapshot(p), 96);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL_FATAL(pcap_next_ex(p, &header, &data), 1);
		CU_ASSERT_EQUAL(header->caplen, sizes[i]);
		CU_ASSERT_EQUAL(header->len, sizes[i] + 1000);
		CU_ASSERT_EQUAL(header->ts.tv_sec, 1767225600);
		CU_ASSERT_EQUAL(header->ts.tv_usec, (suseconds_t)(1 + i));
		CU_ASSERT_EQUAL(memcmp(data, frame, sizes[i]), 0);
	}
	CU_ASSERT_EQUAL(pcap_next_ex(p, &header, &data), PCAP_ERROR_BREAK);
	pcap_close(p);
}

static void test_too_small_a_buffer_is_told(void)
{
	static uint8_t out[512], data[64];
	const struct pcapng_packet packet = {.captured = 64, .length = 64};
	size_t whole = pcapng_begin(out, sizeof(out), &lan);

	memset(out, 0xee, sizeof(out));
	CU_ASSERT_EQUAL(pcapng_begin(out, whole - 1, &lan), 0);
	CU_ASSERT_EQUAL(out[whole - 1], 0xee);
	CU_ASSERT_EQUAL(pcapng_begin(out, whole, &lan), whole);
	memset(out, 0xee, sizeof(out));
	CU_ASSERT_EQUAL(pcapng_packet(out, pcapng_packet_size(64) - 1, &packet, data), 0);
	CU_ASSERT_EQUAL(out[pcapng_packet_size(64) - 1], 0xee);
	CU_ASSERT_EQUAL(pcapng_statistics(out, PCAPNG_STATISTICS_SIZE - 1, 0, 0, 0), 0);
}

/* The options that libpcap passes over: name, resolution, filter, and the packet's flags. */
static void test_options(void)
{
	static uint8_t out[512];
	static const uint8_t data[4] = {1, 2, 3, 4};
	const struct pcapng_packet packet = {
	        .captured = 4, .length = 4, .direction = PCAPNG_OUTBOUND};
	static const uint8_t name[] = {2, 0, 3, 0, 'l', 'a', 'n', 0};
	static const uint8_t resolution[] = {9, 0, 1, 0, 9, 0, 0, 0};
	static const uint8_t filter[] = {11, 0, 12, 0, 0, 'i', 'c', 'm', 'p', ' ', 'o', 'r'};
	static const uint8_t flags[] = {2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0};
	size_t n = pcapng_begin(out, sizeof(out), &lan);

	CU_ASSERT_PTR_NOT_NULL(memmem(out, n, name, sizeof(name)));
	CU_ASSERT_PTR_NOT_NULL(memmem(out, n, resolution, sizeof(resolution)));
	CU_ASSERT_PTR_NOT_NULL(memmem(out, n, filter, sizeof(filter)));
	n = pcapng_packet(out, sizeof(out), &packet, data);
	CU_ASSERT_EQUAL(memcmp(out + 28 + 4, flags, sizeof(flags)), 0);
}

UNIT_MAIN(UNIT(test_packets_read_back), UNIT(test_too_small_a_buffer_is_told), UNIT(test_options))
