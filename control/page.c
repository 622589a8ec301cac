/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/page.h"

struct page page_begin(const struct page_params *params)
{
	return (struct page){.offset = params->offset,
	                     .end = params->offset + params->limit,
	                     .list = json_array()};
}

bool page_next(struct page *page)
{
	bool on = page->at >= page->offset && page->at < page->end;

	page->at++;
	return on;
}

json_t *page_end(struct page *page, const char *name)
{
	return json_pack("{s:o, s:I, s:I}", name, page->list, "offset", (json_int_t)page->offset,
	                 "total", (json_int_t)page->at);
}
