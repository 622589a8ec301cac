/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/rig.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "tests/bench/attacks/site.h"

#define OF_FIBRE(seed, t) (OF_LINK(seed, t) ^ 0x6669627265ULL << 20)

struct rig rig;

static void engine_alarms(void)
{
	const char *now = blocks_alarm(&rig.link.blocks);

	if (rig.engine_alarm != NULL && (now == NULL || strcmp(now, rig.engine_alarm) != 0))
		alarm_clear(rig.engine_alarm, "engine", "");
	if (now != NULL)
		alarm_raise(now, "engine", ALARM_MAJOR, "");
	rig.engine_alarm = now;
	if (link_is_dark(&rig.link))
		alarm_raise("no-light", "engine", ALARM_MAJOR, "");
	else
		alarm_clear("no-light", "engine", "");
}

void rig_turn(void)
{
	static const struct site_watch *const watch[SITES] = {&site_a_watch, &site_b_watch};
	static struct optics_monitor_counts counts;
	struct attacked_link *l = &rig.link;
	struct card_monitor record;
	struct qkd_role_status s;
	bool held = false;

	link_turn(l);
	noted_alarms.now_ns = l->now_ns;
	for (unsigned int i = 0; i < SITES; i++) {
		while (optics_monitor_take(l->monitor[i], &record))
			watch[i]->card(&record);
		optics_monitor_counts(l->monitor[i], &counts);
		watch[i]->counts(&counts, LINK_TURN_S);
		link_status(l, i, &s);
		watch[i]->poll(&s, i == SITE_B ? l->power : 0, l->now_ns);
		held |= watch[i]->holds();
	}
	blocks_hold(&l->blocks, held, l->now_ns);
	engine_alarms();
	fibre_otdr_poll(&rig.otdr, &l->sim.fibre, l->now_ns);
}

static void configure(enum config_site site, const struct link_params *p, struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->site = site;
	snprintf(c->link, sizeof(c->link), "%s", site == CONFIG_SITE_A ? "a" : "b");
	c->qkd.mu1 = p->source.mu[0];
	c->qkd.mu2 = p->source.mu[1];
	c->qkd.p_mu1 = p->source.p[0];
	c->qkd.p_z = p->p_z;
	c->qkd.holdoff_ns = (uint32_t)p->holdoff_ns;
}

void rig_learn(const struct trial_params *p, unsigned int t)
{
	link_open(&rig.link, &p->link, OF_LINK(p->seed, t));
	fibre_otdr_init(&rig.otdr, &rig.link.sim.fibre_laid, 0, OF_FIBRE(p->seed, t));
	fibre_otdr_begin(&rig.otdr, rig.link.now_ns, OF_FIBRE(p->seed, t) + 1);
	configure(CONFIG_SITE_A, &p->link, &rig.config[SITE_A]);
	configure(CONFIG_SITE_B, &p->link, &rig.config[SITE_B]);
	site_a_watch.start(&rig.config[SITE_A]);
	site_b_watch.start(&rig.config[SITE_B]);
	while ((double)(rig.link.now_ns - rig.link.start_ns) < p->learn_s * NS_PER_S)
		rig_turn();
}

void rig_free(void)
{
	fibre_otdr_free(&rig.otdr);
	link_close(&rig.link);
}
