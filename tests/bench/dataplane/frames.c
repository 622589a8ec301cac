/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "common/bytes.h"

#define ETHERNET 14
#define IPV4     20
#define UDP      8

int frames_size_parse(const char *text)
{
	char *end;
	unsigned long n;

	if (strcmp(text, "imix") == 0)
		return FRAMES_IMIX;
	n = strtoul(text, &end, 10);
	return end == text || *end != '\0' || n < ETHERNET + IPV4 + UDP || n > FRAME_MAX ? -1
	                                                                                 : (int)n;
}

unsigned int frames_bytes(unsigned int size, unsigned int i)
{
	static const uint16_t imix[12] = {64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 570, 64};

	return size == FRAMES_IMIX ? imix[i % 12] : size;
}

double frames_mean(unsigned int size)
{
	double sum = 0;

	for (unsigned int i = 0; i < 12; i++)
		sum += frames_bytes(size, i);
	return sum / 12;
}

static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += get_be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

void frames_write(uint8_t *p, unsigned int n, const struct rte_ether_addr *to,
                  struct frame_flow where)
{
	static const uint8_t from[6] = {0x02, 0, 0, 0, 0xa, 0x10};
	uint8_t *ip = p + ETHERNET, *udp = ip + IPV4;

	memcpy(p, to->addr_bytes, 6);
	memcpy(p + 6, from, 6);
	put_be16(p + 12, RTE_ETHER_TYPE_IPV4);
	memset(ip, 0, IPV4);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(n - ETHERNET));
	ip[6] = 0x40; /* DF */
	ip[8] = 64;
	ip[9] = 17;
	put_be32(ip + 12, FRAMES_SOURCE + (where.flow & 0xff));
	put_be32(ip + 16, FRAMES_DESTINATION + (where.network << FRAMES_NET_SHIFT) + 1 +
	                          (where.flow * 7) % 200);
	put_be16(ip + 10, checksum(ip, IPV4));
	put_be16(udp, (uint16_t)(1024 + where.flow));
	put_be16(udp + 2, 5000);
	put_be16(udp + 4, (uint16_t)(n - ETHERNET - IPV4));
	put_be16(udp + 6, 0); /* none: RFC 768 */
}

int frames_pcap(const char *path, unsigned int size, const struct rte_ether_addr *to,
                const struct frame_flow *where, unsigned int count)
{
	pcap_t *format = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = format == NULL ? NULL : pcap_dump_open(format, path);
	uint8_t frame[FRAME_MAX];

	for (unsigned int i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 31);
	for (unsigned int i = 0; out != NULL && i < count; i++) {
		unsigned int n = frames_bytes(size, i);
		struct pcap_pkthdr header = {.caplen = n, .len = n};

		frames_write(frame, n, to, where[i]);
		pcap_dump((u_char *)out, &header, frame);
	}
	if (out != NULL)
		pcap_dump_close(out);
	if (format != NULL)
		pcap_close(format);
	return out == NULL ? -1 : 0;
}
