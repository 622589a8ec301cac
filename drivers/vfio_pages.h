/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Translations for a model behind shared memory: it reaches the machine's memory past the IOMMU,
 * so the host tells it which physical page stands behind each page of its bus addresses. What is
 * not told the model does not touch, as an IOMMU would have it.
 */

#ifndef DRIVERS_VFIO_PAGES_H
#define DRIVERS_VFIO_PAGES_H

#include <stdint.h>

#include "common/err.h"
#include "drivers/transport.h"

/* After the memory is pinned: addresses do not change any more. EPERM without CAP_SYS_ADMIN. */
int vfio_pages_tell(uint8_t *bar, const struct transport_dma *dma, struct err *err);
void vfio_pages_clear(uint8_t *bar);

#endif
