/* SPDX-License-Identifier: BSD-3-Clause */

/* What the counters of drops mean that may stop all traffic, and what to do. */

#include <string.h>

#include "control/why_traffic.h"

static const struct why_drop_hint hints[] = {
        {"drop.no_key", "their tunnel has no key", "lgctl why key"},
        {"drop.no_route", "no route leads to their destination",
         "lgctl route list; add a route to the configuration, or look at the routing daemon"},
        {"drop.policy", "a rule discards them, or none matches", "lgctl policy show"},
        {"drop.discard", "they go to broadcast, multicast or martian addresses",
         "Look at what the hosts send"},
        {"drop.lan_source", "their source is not on the LAN's side",
         "Look at the hosts' addresses, and at the routes via lan"},
        {"drop.reverse_path", "they come from another VLAN than leads to their source",
         "Look at the VLANs of the switch, or set source-check to loose"},
        {"drop.too_big", "they exceed the MTU and must not be fragmented",
         "Lower the hosts' MTU, let ICMP pass, or set mss-clamp"},
        {"drop.fragmenting", "they could not be fragmented", "Lower the hosts' MTU"},
        {"drop.not_our_mac", "they are frames to another host",
         "Look at the hosts' gateway address and their ARP tables"},
        {"drop.local", "they are to the gateway itself, which answers pings alone",
         "Set the hosts' route by way of this gateway, not to it"},
        {"drop.neighbour_failed", "nobody answers for their next hop's address",
         "Is the next hop, or the host, up, and in that VLAN?", true},
        {"drop.neighbour_full", "there is no room for their next hop's address",
         "Fewer hosts behind one port, or a router between", true},
        {"drop.no_wan_route", "they are sealed, but no route leads to the peer",
         "Add a route via wan to the peer's address", true},
        {"drop.lan_tx_full", "the LAN port takes no more", "Look at the switch's port", true},
        {"drop.wan_tx_full", "the WAN port takes no more",
         "More comes in than the WAN takes: look at its speed", true},
        {"drop.overload", "more comes in by the WAN than the core forwards",
         "Give the gateway more forwarding cores (forward-lcores)"},
        {"drop.inbox_full", "another forwarding core was too slow",
         "Give the gateway more forwarding cores (forward-lcores)"},
        {"drop.wan_not_local", "they arrive on the WAN for another host",
         "Look at the route of the next hop, and at tunnel/local"},
        {"drop.wan_other", "they arrive on the WAN and are neither ESP, channel nor echo",
         "ESP in UDP at one end alone? Else who sends them?"},
        {"drop.wan_unprotected", "they arrive on the WAN in the clear",
         "The other site's rules send in the clear what is protected here: compare them"},
        {"drop.no_sa", "they are ESP by keys that are not here",
         "Normal for seconds after a restart; else compare tunnel lists and time of both sites"},
        {"drop.auth", "they fail authentication", "Somebody injects packets, or changes them"},
        {"drop.replay", "they were seen before, or are too old",
         "Somebody repeats packets, or the path reorders beyond replay-window"},
        {"drop.inner_source", "they come out of a tunnel from a source that is not behind it",
         "Compare the routes via tunnel of both sites", true},
        {"drop.inner_policy", "they come out of a tunnel against the rules",
         "Compare the rules of both sites", true},
        {"drop.wire_unknown", "they are of no pseudowire that is here",
         "Compare wire/key and VLANs of both sites", true},
};

#define HINTS (sizeof(hints) / sizeof(hints[0]))

const struct why_drop_hint *why_drop_hint_at(size_t i)
{
	return i < HINTS ? &hints[i] : NULL;
}

struct why_drop_hint why_drop_hint(const char *counter)
{
	for (size_t i = 0; i < HINTS; i++)
		if (strcmp(hints[i].counter, counter) == 0)
			return hints[i];
	return (struct why_drop_hint){counter, "as it says",
	                              "operating.md, section 7, says what is counted there"};
}
