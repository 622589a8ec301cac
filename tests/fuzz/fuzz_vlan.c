/* SPDX-License-Identifier: BSD-3-Clause */

/* The LAN of a gateway with a VLAN: all goes the general way, with tags and without. */

#include "tests/fuzz/lan_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	fuzz_start(true);
	fuzz_input(PORT_LAN, &in, lan_frame);
	return 0;
}
