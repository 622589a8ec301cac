/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lumengate-wanwatch: captures an interface on the path between two gateways and accounts
 * for every frame, so that anyone can check from outside that nothing leaves in the clear.
 */

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "control/wan_account.h"

#define SNAP_LENGTH  128
#define BUFFER_BYTES (64 << 20)

static pcap_t *capture;
static volatile sig_atomic_t stopping;

struct watch {
	struct wan_account account;
	pcap_dumper_t *dumper;
};

static void on_signal(int signal)
{
	(void)signal;
	stopping = 1;
	pcap_breakloop(capture);
}

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *frame)
{
	struct watch *w = (struct watch *)user;

	wan_account_frame(&w->account, frame, h->caplen, h->len);
	if (w->dumper != NULL)
		pcap_dump((u_char *)w->dumper, h, frame);
}

static void usage(FILE *out)
{
	fputs("usage: lumengate-wanwatch -i INTERFACE -g GATEWAY-A,GATEWAY-B [options]\n"
	      "  -p PORT     UDP port of the classical channel (4790)\n"
	      "  -w FILE     write the frames, cut to 128 bytes, as pcap\n"
	      "  -m TEXT     a marker that only the sites' own traffic contains\n"
	      "  -j FILE     write the account as JSON at the end (default: to stdout)\n"
	      "It runs until SIGINT or SIGTERM and prints \"ready\" when it sees every frame.\n",
	      out);
}

static int write_account(const struct watch *w, const char *file, const char *path)
{
	FILE *out = path == NULL ? stdout : fopen(path, "w");
	const struct wan_account *a = &w->account;
	struct pcap_stat ps = {0};

	if (out == NULL) {
		perror(path);
		return 1;
	}
	pcap_stats(capture, &ps);
	fprintf(out,
	        "{\"file\": \"%s\", \"esp\": %llu, \"classical\": %llu, \"arp_nd\": %llu, "
	        "\"other\": %llu, \"plaintext\": %llu, \"kernel_dropped\": %u, "
	        "\"esp_bytes\": %llu, \"classical_bytes\": %llu}\n",
	        file == NULL ? "" : file, (unsigned long long)a->frames[WAN_ESP],
	        (unsigned long long)a->frames[WAN_CLASSICAL],
	        (unsigned long long)a->frames[WAN_ARP_ND], (unsigned long long)a->frames[WAN_OTHER],
	        (unsigned long long)a->frames[WAN_PLAINTEXT], ps.ps_drop + ps.ps_ifdrop,
	        (unsigned long long)a->esp_bytes, (unsigned long long)a->classical_bytes);
	return path != NULL && fclose(out) != 0;
}

static int open_capture(const char *interface)
{
	char error[PCAP_ERRBUF_SIZE];
	int rc;

	capture = pcap_create(interface, error);
	if (capture == NULL) {
		fprintf(stderr, "lumengate-wanwatch: %s: %s\n", interface, error);
		return -1;
	}
	pcap_set_snaplen(capture, SNAP_LENGTH);
	pcap_set_promisc(capture, 1);
	pcap_set_timeout(capture, 100);
	pcap_set_buffer_size(capture, BUFFER_BYTES);
	rc = pcap_activate(capture);
	if (rc < 0) {
		fprintf(stderr, "lumengate-wanwatch: %s: %s\n", interface, pcap_geterr(capture));
		return -1;
	}
	if (pcap_datalink(capture) != DLT_EN10MB) {
		fprintf(stderr, "lumengate-wanwatch: %s: not an Ethernet interface\n", interface);
		return -1;
	}
	return 0;
}

static int parse_gateways(char *text, uint32_t out[2])
{
	char *comma = strchr(text, ',');

	if (comma == NULL)
		return -1;
	*comma = '\0';
	return inet_pton(AF_INET, text, &out[0]) == 1 && inet_pton(AF_INET, comma + 1, &out[1]) == 1
	               ? 0
	               : -1;
}

int main(int argc, char **argv)
{
	const char *interface = NULL, *file = NULL, *json = NULL;
	struct watch w = {.account.channel_port = 4790};
	int opt, rc;

	while ((opt = getopt(argc, argv, "i:g:p:w:m:j:h")) != -1) {
		switch (opt) {
		case 'i':
			interface = optarg;
			break;
		case 'g':
			if (parse_gateways(optarg, w.account.gateway) < 0) {
				fprintf(stderr, "lumengate-wanwatch: -g: two IPv4 addresses with a "
				                "comma between them\n");
				return 2;
			}
			break;
		case 'p':
			w.account.channel_port = (uint16_t)atoi(optarg);
			break;
		case 'w':
			file = optarg;
			break;
		case 'm':
			w.account.marker = (const uint8_t *)optarg;
			w.account.marker_len = strlen(optarg);
			break;
		case 'j':
			json = optarg;
			break;
		default:
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (interface == NULL || w.account.gateway[0] == 0) {
		usage(stderr);
		return 2;
	}
	if (open_capture(interface) < 0)
		return 1;
	if (file != NULL && (w.dumper = pcap_dump_open(capture, file)) == NULL) {
		fprintf(stderr, "lumengate-wanwatch: %s\n", pcap_geterr(capture));
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	puts("ready");
	fflush(stdout);
	while (!stopping && (rc = pcap_dispatch(capture, -1, on_frame, (u_char *)&w)) >= 0)
		;
	/* What the kernel still holds belongs to the account, too. */
	if (stopping) {
		char error[PCAP_ERRBUF_SIZE];

		pcap_setnonblock(capture, 1, error);
		while (pcap_dispatch(capture, -1, on_frame, (u_char *)&w) > 0)
			;
	}
	if (w.dumper != NULL)
		pcap_dump_close(w.dumper);
	rc = write_account(&w, file, json);
	pcap_close(capture);
	return rc;
}
