/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CONTROL_METHODS_BLOCK_H
#define CONTROL_METHODS_BLOCK_H

/* Tell who subscribed to them of blocks that came since the last call. */
void methods_block_poll(void);

#endif
