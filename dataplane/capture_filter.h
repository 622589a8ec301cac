/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A capture filter in the language of pcap-filter(7), compiled by libpcap. Names of hosts,
 * services and networks are refused: looking them up could hold up the control thread for as
 * long as a name server is away.
 */

#ifndef DATAPLANE_CAPTURE_FILTER_H
#define DATAPLANE_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <pcap/pcap.h>

#include "common/err.h"
#include "dataplane/capture.h"

/* PROGRAM is to be freed by pcap_freecode(). -EINVAL with "filter: REASON". */
int capture_filter_compile(const char *text, struct bpf_program *program, struct err *err);

/* On the core: FRAME has CAPTURED of its LENGTH bytes, from Ethernet on. */
static inline bool capture_filter_match(const struct bpf_program *program, const uint8_t *frame,
                                        uint32_t captured, uint32_t length)
{
	return program->bf_len == 0 || bpf_filter(program->bf_insns, frame, length, captured) != 0;
}

#endif
