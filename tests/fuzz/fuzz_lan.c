/* SPDX-License-Identifier: BSD-3-Clause */

/* The LAN of a gateway that has no VLANs there: what it knows goes the short way, forward_fast.c.
 */

#include "tests/fuzz/lan_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	fuzz_start(false);
	fuzz_input(PORT_LAN, &in, lan_frame);
	return 0;
}
