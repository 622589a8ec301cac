/* SPDX-License-Identifier: BSD-3-Clause */

/* The file through which a card is seen: BAR0, then the host's memory (card_regs.h). */

#ifndef DRIVERS_MODEL_SHM_FILE_H
#define DRIVERS_MODEL_SHM_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct shm_file {
	char path[256];
	uint8_t *map;
	ino_t inode;
};

/* Owner -1: leave it. */
struct shm_file_owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/*
 * Make the file under a name of its own, all zero: shm_file_publish() gives it PATH, in the
 * place of any file there, so that a reader finds the old card or the new one, whole.
 */
int shm_file_create(struct shm_file *f, const char *path, const struct shm_file_owner *owner,
                    struct err *err);
int shm_file_publish(struct shm_file *f, struct err *err);

/* The card is gone: registers read as all ones; the file goes unless another took its place. */
void shm_file_remove(struct shm_file *f);

#endif
