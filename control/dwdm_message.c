/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_message.h"

#include <string.h>

#include "common/bytes.h"

/* What a card may tell: powers beyond +-100 dBm are no powers. */
#define MDBM_MAX 100000

size_t dwdm_message_put(const struct card_ocm_scan *scan, uint8_t out[DWDM_MESSAGE_MAX])
{
	uint32_t n = scan->count < CARD_OCM_CHANNELS ? scan->count : CARD_OCM_CHANNELS;
	uint8_t *p = out + DWDM_MESSAGE_HEAD;

	put_be32(out, scan->scan);
	put_be32(out + 4, (uint32_t)scan->floor_mdbm);
	put_be16(out + 8, (uint16_t)n);
	for (uint32_t i = 0; i < n; i++, p += DWDM_MESSAGE_CHANNEL) {
		put_be32(p, scan->channel[i].centre_mhz);
		put_be32(p + 4, (uint32_t)scan->channel[i].power_mdbm);
	}
	return (size_t)(p - out);
}

static bool is_power(int32_t mdbm)
{
	return mdbm >= -MDBM_MAX && mdbm <= MDBM_MAX;
}

bool dwdm_message_get(const uint8_t *msg, size_t len, struct card_ocm_scan *out)
{
	static struct card_ocm_scan scan; /* the control thread's; large */
	const uint8_t *p = msg + DWDM_MESSAGE_HEAD;

	if (len < DWDM_MESSAGE_HEAD)
		return false;
	memset(&scan, 0, sizeof(scan));
	scan.scan = get_be32(msg);
	scan.floor_mdbm = (int32_t)get_be32(msg + 4);
	scan.count = get_be16(msg + 8);
	if (scan.count > CARD_OCM_CHANNELS ||
	    len != DWDM_MESSAGE_HEAD + (size_t)scan.count * DWDM_MESSAGE_CHANNEL ||
	    !is_power(scan.floor_mdbm))
		return false;
	for (uint32_t i = 0; i < scan.count; i++, p += DWDM_MESSAGE_CHANNEL) {
		scan.channel[i].centre_mhz = get_be32(p);
		scan.channel[i].power_mdbm = (int32_t)get_be32(p + 4);
		if (!is_power(scan.channel[i].power_mdbm))
			return false;
	}
	*out = scan;
	return true;
}
