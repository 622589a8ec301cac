/* SPDX-License-Identifier: BSD-3-Clause */

/* How many connections each client address has: IPv4 addresses, and the /64 of IPv6 ones. */

#ifndef CONTROL_HTTP_HTTPS_ADDRESS_H
#define CONTROL_HTTP_HTTPS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct https_address {
	uint8_t bytes[16]; /* as IPv6, mapped */
};

struct https_addresses;

/* A table for up to MOST connections, seeded so that clients cannot choose its chains. */
struct https_addresses *https_addresses_new(uint32_t most);
void https_addresses_free(struct https_addresses *t);

void https_address_of(const struct sockaddr_storage *from, struct https_address *out);

/* One more of A; false, and none, when it has LIMIT already or there is no memory. */
bool https_address_take(struct https_addresses *t, const struct https_address *a, uint32_t limit);
void https_address_release(struct https_addresses *t, const struct https_address *a);

#endif
