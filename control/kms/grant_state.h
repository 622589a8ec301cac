/* SPDX-License-Identifier: BSD-3-Clause */

/* The state of the grants, for grant.c and grant_fetch.c alone. */

#ifndef CONTROL_KMS_GRANT_STATE_H
#define CONTROL_KMS_GRANT_STATE_H

#include <pthread.h>

#include "control/kms/grant_table.h"
#include "control/kms/record.h"

/* Giver: waits for an ACK. */
struct sending {
	struct sending *next;
	uint64_t number, deadline_ns;
	kms_grant_done done;
	void *ctx;
};

/* Fetcher: marks that are to become durable. */
struct marking {
	struct marking *next;
	kms_grant_done done;
	void *ctx;
	unsigned int count;
	struct {
		struct granted *of;
		uint32_t index;
		unsigned int slave;
	} key[];
};

struct kms_grants {
	struct kms_grants_config config;
	uint64_t process;
	pthread_mutex_t lock; /* of all that follows */
	bool up;
	uint64_t last_number;
	struct sending *sending;
	struct grant_table table; /* changed by the store thread alone */
	struct granted *incoming, **incoming_end;
	unsigned int incoming_count;
	struct withdrawal {
		struct withdrawal *next;
		struct grant_name name;
	} * withdrawals;
	unsigned int withdrawal_count;
	struct marking *markings, **markings_end;
	uint64_t next_expiry_ns;
	struct kms_grants_stats stats;
};

void grants_bad(struct kms_grants *g);
void grants_take_grant(struct kms_grants *g, const uint8_t *msg, size_t len);
void grants_take_withdraw(struct kms_grants *g, const uint8_t *msg, size_t len);
bool grants_fetch_work(struct kms_grants *g, uint64_t now_ns, uint64_t wall_ns);
void grants_fetch_end(struct kms_grants *g);

#endif
