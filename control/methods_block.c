/* SPDX-License-Identifier: BSD-3-Clause */

/* block_list: the records of the newest blocks of key, from which anyone can check their length. */

#include <errno.h>

#include "common/clock.h"
#include "control/event.h"
#include "control/method.h"
#include "control/methods_block.h"
#include "control/page.h"
#include "control/site.h"

struct list_params {
	struct page_params page;
	uint64_t before;
};

static const struct method_param list_params[] = {
        METHOD_PARAM(struct list_params, before, PARAM_UINT, .optional = true, .min = 1,
                     .help = "blocks with smaller numbers alone: pages stay as they are while "
                             "more are made"),
        PAGE_PARAMS(struct list_params, LINK_BLOCKS),
};

static json_t *pair(const uint64_t n[2])
{
	return json_pack("[I, I]", (json_int_t)n[0], (json_int_t)n[1]);
}

static json_t *reals(const double v[2])
{
	return json_pack("[f, f]", v[0], v[1]);
}

static json_t *block_json(const struct link_block *b)
{
	char time[32];
	json_t *o;

	o = json_pack("{s:I, s:s, s:[I, I], s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:f, s:f, s:f, "
	              "s:s, s:s, s:s, "
	              "s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
	              "number", (json_int_t)b->number, "time", clock_format(b->time_wall_ns, time),
	              "slots", (json_int_t)b->first_slot, (json_int_t)b->last_slot, "sifted_bits",
	              (json_int_t)b->sifted_bits, "leaked_bits", (json_int_t)b->leaked_bits,
	              "disclosed_bits", (json_int_t)b->disclosed_bits, "secret_bits",
	              (json_int_t)b->secret_bits, "efficiency_f", b->efficiency_f, "mu",
	              reals(b->source.mu), "p", reals(b->source.p), "eps_sec", b->source.eps_sec,
	              "eps_cor", b->source.eps_cor, "eps_auth", b->eps_auth, "protocol",
	              finite_key_protocol_name(b->proof), "proof", finite_key_proof_name(b->proof),
	              "leak_mode", leak_mode_name(b->leak_mode), "method",
	              reconcile_method_name(b->method), "reason", reconcile_reason_name(b->reason),
	              "simulated", b->simulated, "planned_z", pair(b->planned_z), "n_z",
	              pair(b->counts.n_z), "m_z", pair(b->counts.m_z), "n_x", pair(b->counts.n_x),
	              "m_x", pair(b->counts.m_x), "cross", pair(b->counts.cross));
	json_object_set_new(
	        o, "auth",
	        json_string(b->computational ? "computational" : "information-theoretic"));
	return o;
}

static int block_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	const struct link_block *b;
	struct page page;

	if (site_link() == NULL)
		return err_set(err, ENOTCONN, "the gateway is not running");
	page = page_begin(&p->page);
	for (unsigned int i = 0; (b = link_block_at(site_link(), i)) != NULL; i++)
		if ((p->before == 0 || b->number < p->before) && page_next(&page))
			json_array_append_new(page.list, block_json(b));
	*result = page_end(&page, "blocks");
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

void methods_block_poll(void)
{
	static bool watched;
	static uint64_t last; /* number of the newest block told, or there before */
	const struct link_block *b;
	unsigned int n = 0;

	if (site_link() == NULL || !event_wanted(EVENT_BLOCK)) {
		watched = false;
		return;
	}
	if (!watched) {
		b = link_block_at(site_link(), 0);
		last = b != NULL ? b->number : 0;
		watched = true;
		return;
	}
	while ((b = link_block_at(site_link(), n)) != NULL && b->number > last)
		n++;
	while (n-- > 0) {
		b = link_block_at(site_link(), n);
		last = b->number;
		event_publish(EVENT_BLOCK, block_json(b));
	}
}

METHOD_DEFINE(block_list,
              .summary = "Records of the newest 256 blocks of key, newest first, without the key",
              .fn = block_list, .params = list_params, .param_count = PAGE_PARAM_COUNT + 1)
