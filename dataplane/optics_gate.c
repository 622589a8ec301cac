/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_gate.h"

void optics_gate_init(struct optics_gate *o, bool follow)
{
	*o = (struct optics_gate){0};
	steer_gate_init(&o->gate, follow);
}

void optics_gate_poll(struct optics_gate *o, struct card *card, const struct phase_track *track,
                      uint64_t now_ns)
{
	double place;

	if (!o->gate.wanted)
		return;
	place = track->locked ? phase_track_place(track, card_slot_now(card)) : 0;
	if (steer_gate_turn(&o->gate, track->locked, place, now_ns))
		o->unsaid = true;
	if (o->unsaid && card_gate(card, o->gate.start, (unsigned int)o->gate.s.set) == 0)
		o->unsaid = false;
}
