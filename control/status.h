/* SPDX-License-Identifier: BSD-3-Clause */

/* Sections of `status`: a feature defines its own, on the control thread. */

#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

#include <jansson.h>

struct status_section {
	const char *name;
	json_t *(*read)(void); /* new reference; NULL: nothing to show now */
	struct status_section *next;
};

#define STATUS_SECTION_DEFINE(name_, read_)                                                        \
	static struct status_section name_##_section_ = {.name = #name_, .read = (read_)};         \
	__attribute__((constructor)) static void name_##_section_register_(void)                   \
	{                                                                                          \
		status_section_register(&name_##_section_);                                        \
	}

/* Called by constructors; aborts on a duplicate name. */
void status_section_register(struct status_section *section);

/* All sections by name. */
json_t *status_read(void);

/* One of them; NULL when there is none, or nothing to show. */
json_t *status_section_read(const char *name);

#endif
