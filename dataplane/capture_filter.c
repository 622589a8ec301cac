/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_filter.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* The longest frame that a filter may look into. */
#define FRAME_MAX 65535

/* Words of pcap-filter(7) for Ethernet; other words would be names to look up. */
static const char *const words[] = {
        "and",
        "or",
        "not",
        "src",
        "dst",
        "host",
        "net",
        "mask",
        "port",
        "portrange",
        "proto",
        "ether",
        "gateway",
        "ip",
        "ip6",
        "arp",
        "rarp",
        "tcp",
        "udp",
        "sctp",
        "icmp",
        "icmp6",
        "igmp",
        "pim",
        "ah",
        "esp",
        "vrrp",
        "carp",
        "less",
        "greater",
        "len",
        "length",
        "broadcast",
        "multicast",
        "vlan",
        "mpls",
        "pppoes",
        "pppoed",
        "stp",
        "llc",
        "lat",
        "inbound",
        "outbound",
        "icmptype",
        "icmpcode",
        "icmp6type",
        "icmp6code",
        "tcpflags",
        "geneve",
        "addr",
        "loopback",
        /* values of fields */
        "tcp-fin",
        "tcp-syn",
        "tcp-rst",
        "tcp-push",
        "tcp-ack",
        "tcp-urg",
        "tcp-ece",
        "tcp-cwr",
        "icmp-echoreply",
        "icmp-unreach",
        "icmp-redirect",
        "icmp-echo",
        "icmp-routeradvert",
        "icmp-routersolicit",
        "icmp-timxceed",
        "icmp-paramprob",
        "icmp-tstamp",
        "icmp-tstampreply",
        "icmp6-destinationunreach",
        "icmp6-packettoobig",
        "icmp6-timeexceeded",
        "icmp6-parameterproblem",
        "icmp6-echo",
        "icmp6-echoreply",
        "icmp6-multicastlistenerquery",
        "icmp6-multicastlistenerreportv1",
        "icmp6-multicastlistenerdone",
        "icmp6-routersolicit",
        "icmp6-routeradvert",
        "icmp6-neighborsolicit",
        "icmp6-neighboradvert",
        "icmp6-redirect",
        "icmp6-multicastlistenerreportv2",
};

static bool known(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
			return true;
	return false;
}

/* 10, 80-90, 0x800, 192.0.2.1, 2001:db8::1, 02:00:00:00:00:01 */
static bool number_or_address(const char *word, size_t n)
{
	bool hex = n > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	bool colon = memchr(word, ':', n) != NULL;

	for (size_t i = hex ? 2 : 0; i < n; i++) {
		unsigned char c = (unsigned char)word[i];

		if (isdigit(c) || (!hex && (c == ':' || c == '.' || c == '-')))
			continue;
		if (!isxdigit(c) || (!hex && !colon))
			return false;
	}
	return true;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == ':' || c == '-';
}

/* "ip6[6:1]" and "tcp[13]-1" are offsets, no words. */
static size_t word_length(const char *p, unsigned int brackets)
{
	size_t n = 0;

	while (brackets > 0 ? isalnum((unsigned char)p[n]) : in_word(p[n]))
		n++;
	/* Inside brackets only the values of fields have a dash. */
	if (brackets > 0 && p[n] == '-' && isalpha((unsigned char)p[0]))
		while (isalnum((unsigned char)p[n]) || p[n] == '-')
			n++;
	return n;
}

static int check_words(const char *text, struct err *err)
{
	unsigned int brackets = 0;

	for (const char *p = text; *p != '\0';) {
		size_t n;

		if (!isprint((unsigned char)*p))
			return err_set(err, EINVAL, "filter: byte 0x%02x at %zu is not text",
			               (unsigned char)*p, (size_t)(p - text));
		brackets += *p == '[';
		brackets -= *p == ']' && brackets > 0;
		n = word_length(p, brackets);
		if (n == 0 || *p == '-' || *p == '.') {
			p++;
			continue;
		}
		/* Its code is a loop over headers of the packet's making, on a forwarding core. */
		if (n == strlen("protochain") && memcmp(p, "protochain", n) == 0)
			return err_set(err, EINVAL, "filter: protochain is not taken: it loops");
		if (!known(p, n) && !number_or_address(p, n))
			return err_set(err, EINVAL,
			               "filter: \"%.*s\" is no word of pcap-filter; names are not "
			               "looked up, give numbers and addresses",
			               (int)(n < 64 ? n : 64), p);
		p += n;
	}
	return 0;
}

int capture_filter_compile(const char *text, struct bpf_program *program, struct err *err)
{
	pcap_t *pcap;
	int rc;

	memset(program, 0, sizeof(*program));
	if (text[strspn(text, " \t")] == '\0')
		return 0;
	if (strlen(text) > CAPTURE_FILTER_MAX)
		return err_set(err, EINVAL, "filter: longer than %u bytes", CAPTURE_FILTER_MAX);
	rc = check_words(text, err);
	if (rc < 0)
		return rc;
	pcap = pcap_open_dead(DLT_EN10MB, FRAME_MAX);
	if (pcap == NULL)
		return err_set(err, ENOMEM, "filter: no memory");
	if (pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		memset(program, 0, sizeof(*program));
		rc = err_set(err, EINVAL, "filter: %s", pcap_geterr(pcap));
	}
	pcap_close(pcap);
	return rc;
}
