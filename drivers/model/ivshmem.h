/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A card behind QEMU's ivshmem-doorbell device: we are the server that the device looks for
 * (QEMU's docs/specs/ivshmem-spec.rst), its shared memory is the card's BAR, its vectors are the
 * card's interrupts, and the guest's memory is a file that QEMU and we map both.
 */

#ifndef DRIVERS_MODEL_IVSHMEM_H
#define DRIVERS_MODEL_IVSHMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "drivers/model/shm_card.h"

#define IVSHMEM_VECTORS 4

/* The guest's memory from address 0 on; a machine below 2 GiB has it in one piece. */
struct guest_memory {
	uint8_t *base;
	size_t bytes;
};

struct ivshmem {
	char path[108];
	int listener, client; /* -1: none */
	int memory;           /* of the BAR */
	uint8_t *bar;
	int ours[IVSHMEM_VECTORS],
	        guests[IVSHMEM_VECTORS]; /* eventfds that wake us, and the guest */
	const struct guest_memory *guest;
};

/* ENOENT, EINVAL: FILE is what QEMU has as memory-backend-file with share=on. */
int guest_memory_open(struct guest_memory *g, const char *file, struct err *err);
void guest_memory_close(struct guest_memory *g);

/* Listen at the socket PATH; iv->bar is all zero. GUEST must outlive IV. */
int ivshmem_create(struct ivshmem *iv, const char *path, const struct guest_memory *guest,
                   struct err *err);
void ivshmem_destroy(struct ivshmem *iv);

/* What the card calls its host by. */
struct shm_card_host ivshmem_host(struct ivshmem *iv);

/* Look for a machine that comes or goes. */
void ivshmem_poll(struct ivshmem *iv);

#endif
