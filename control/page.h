/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A long list in pages, as a method's answer:
 *
 *     struct list_params {
 *             struct page_params page;
 *     };
 *     static const struct method_param list_params[] = {PAGE_PARAMS(struct list_params, 1000)};
 *
 *     struct page page = page_begin(&params->page);
 *     for each element
 *             if (page_next(&page))
 *                     json_array_append_new(page.list, element_json(element));
 *     *result = page_end(&page, "elements");
 *
 * gives {"elements": [...], "offset": N, "total": N}: a client asks on from offset + the size of
 * what came until it has all of them.
 */

#ifndef CONTROL_PAGE_H
#define CONTROL_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/method.h"

#define PAGE_LIMIT_MAX 1000 /* some 400 KB; the control thread has other things to do */

struct page_params {
	uint64_t offset, limit;
};

/* For a STRUCT with a member `page`: LIMIT elements where the client does not say. */
#define PAGE_PARAMS(struct_, limit_)                                                               \
	{.name = "offset",                                                                         \
	 .type = PARAM_UINT,                                                                       \
	 .optional = true,                                                                         \
	 .offset = offsetof(struct_, page.offset),                                                 \
	 .max = INT32_MAX,                                                                         \
	 .help = "entries to pass over"},                                                          \
	{                                                                                          \
		.name = "limit", .type = PARAM_UINT, .optional = true,                             \
		.offset = offsetof(struct_, page.limit), .min = 1, .max = PAGE_LIMIT_MAX,          \
		.preset = (limit_), .help = "entries in the answer"                                \
	}
#define PAGE_PARAM_COUNT 2

struct page {
	uint64_t offset, end;
	uint64_t at; /* elements seen, and in the end the total */
	json_t *list;
};

struct page page_begin(const struct page_params *params);
/* There is a next element: is it on the page? */
bool page_next(struct page *page);
/* The answer, to which a method may add; takes over page->list. NULL: out of memory. */
json_t *page_end(struct page *page, const char *name);

#endif
