/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms of tunnels, ports, the channel and key on its way. */

#include "control/alarm_kinds.h"

#include <stddef.h>

#define HOLD_S 30

const struct alarm_kind alarm_kinds_traffic[] = {
        {.kind = "no-key",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "No key was agreed since the start, the store has none for the next rekey, or "
                  "the hard life ended: traffic stands still",
         .action = "lgctl why key says what is missing; lgctl tunnel list tells whether the tunnel "
                   "is stopped already"},
        {.kind = "clear",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The tunnel has no key, and packets leave in the clear as rules with when-no-key "
                  "bypass say. Ends 10 s after the last one",
         .action = "lgctl why key says why there is no key; the counter policy.bypassed_no_key has "
                   "how many packets; change the rule if they must not"},
        {.kind = "tunnel-down",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The tunnel has a key, but nothing authentic arrives, and the peer answered none "
                  "of liveness-losses probes: peer-silent in lgctl tunnel list",
         .action = "Ping the other gateway's WAN address from here; look at the drops of both "
                   "gateways, and at firewalls that let no ESP pass"},
        {.kind = "tunnel-not-at-peer",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_MAJOR,
         .cause = "The peer says that it has no tunnel of this name, so nothing is keyed: "
                  "not-at-peer in lgctl tunnel list",
         .action = "Add the tunnel at the other site, under the same name, or remove it here"},
        {.kind = "wan-backup",
         .resource = "tunnel/NAME, link/NAME",
         .severities = ALARM_KIND_WARNING,
         .hold_s = HOLD_S,
         .cause = "Outer packets, or the channel's, take the backup next hop",
         .action = "Look at the first next hop and at what is behind it; lgctl tunnel list has the "
                   "path in use"},
        {.kind = "ratchet",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "No key of the store: what is sealed derives from the last one and the "
                  "pre-shared secret. Ends with the next key, or after ratchet-life-s",
         .action = "lgctl why key says what is missing; traffic stops when ratchet-life-s is over"},
        {.kind = "rekey-policy",
         .resource = "tunnel/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "One end's policy is hybrid, the other's is not: there is no new key, and "
                  "traffic stops at the hard life of the last one",
         .action = "Configure the same tunnel/policy at both ends"},
        {.kind = "rekey-version",
         .resource = "tunnel/NAME, link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The peer's software rekeys by another version of the protocol",
         .action = "Update the older gateway"},
        {.kind = "channel-down",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "No session with the other gateway",
         .action = "Ping the peer's WAN address; compare channel/port and the routes of both ends; "
                   "is the other gateway running?"},
        {.kind = "authentication",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "The peer's hellos have wrong tags: the secrets differ, or somebody forges",
         .action = "Compare the pre-shared secret files of both ends; if they are the same, treat "
                   "it as an attack on the channel"},
        {.kind = "key-store-low",
         .resource = "link/NAME",
         .severities = ALARM_KIND_WARNING,
         .hold_s = HOLD_S,
         .cause = "Fewer keys for rekeying than low-water-keys. Not before the first key where "
                  "qkd/enabled is false and there is no foreign-kme",
         .action = "lgctl why key says whether key is made; if it is, raise rekey/period-ms, or "
                   "import keys"},
        {.kind = "kme-unreachable",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The client is not connected to this gateway for 5 s, or the KME cannot be "
                  "reached, or answers what the standard does not have. The text says which, and "
                  "on A's alarm whether it is the peer's KME",
         .action = "Is lumengate-kme-client running, as a member of foreign-kme/group? Then look "
                   "at the KME, at certificates and network, and at the client's log"},
        {.kind = "kme-refused",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The KME gives no keys, with its words: 4xx, or 503 (has none now); or it "
                  "repeated a key_ID. Ends with the next block",
         .action = "Look at the SAE IDs and their rights at the KME, and at the KME's own link"},
        {.kind = "kme-divergence",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The KMEs of the sites gave different keys under the same key_IDs. They were "
                  "dropped. Ends with the next block that agrees",
         .action = "Do both KMEs belong to one link? If so, tell their maker"},
        {.kind = "link-down",
         .resource = "port/lan, port/wan",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The port has no link. When it comes back addresses are announced and neighbours "
                  "asked again",
         .action =
                 "Check cable, optics and the other end; lgctl port list counts how often (FLAPS)"},
        {.kind = "routes-left-out",
         .resource = "port/lan, port/wan, port/lan/vlan/ID",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Daemons have more routes than learn-routes, some that cannot be used, or so "
                  "many that the tables do not hold them: the older ones stay",
         .action = "lgctl route list has what is used; filter or aggregate in the daemon, or raise "
                   "learn-routes"},
        {.kind = "link-loss",
         .resource = "wire/NAME",
         .severities = ALARM_KIND_MAJOR | ALARM_KIND_WARNING,
         .hold_s = HOLD_S,
         .cause = "Major: the far LAN port has no link, or nothing was heard of it for "
                  "link-loss-hold-s: this one is held down. Warning: it should be, but its device "
                  "cannot",
         .action = "lgctl wire list has both links; check the far site's cable, and the alarm "
                   "channel-down"},
        {.kind = "address-conflict",
         .resource = "port/lan/ADDRESS, port/lan/vlan/ID/ADDRESS, port/wan/ADDRESS",
         .severities = ALARM_KIND_CRITICAL | ALARM_KIND_MAJOR,
         .cause = "Another station has this address, too. Critical: found by a probe, the gateway "
                  "does not use it, and sends no ESP from it; it is probed again each minute. "
                  "Major: claimed later by another; the gateway keeps it and says so at most every "
                  "10 s. Ends 60 s after the last claim",
         .action = "Give one of the two stations another address; lgctl status, section addresses, "
                   "has its state, neighbour.conflicts counts"},
        {.kind = "kms-down",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Delivery is configured, and no lumengate-kms was connected for 10 s: nothing is "
                  "delivered",
         .action = "Is lumengate-kms running, and may it reach delivery/socket? lgctl status, "
                   "section delivery"},
        {.kind = "delivery-position",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .cause = "A lumengate-kms of either site said that it has key up to a position beyond "
                  "half of all there are: not believed, until the next start",
         .action = "Find out who was in that machine. If a key store was made anew after 17 TB of "
                   "delivered key: make key stores and databases of both sites anew"},
        {.kind = "delivery-behind",
         .resource = "link/NAME",
         .severities = ALARM_KIND_WARNING,
         .hold_s = HOLD_S,
         .cause = "Keys wait for lumengate-kms, or some were lost for want of room or refused by "
                  "it within 10 s",
         .action = "Look at the disk of lumengate-kms and its store/max-size-kib; lgctl status, "
                   "section delivery"},
        {.kind = "capture-active",
         .resource = "port/lan, port/wan",
         .severities = ALARM_KIND_WARNING,
         .cause = "Somebody captures packets; the text says who, what and into which file",
         .action = "If it is not meant to be: lgctl capture stop"},
        {.kind = "capture-failed",
         .resource = "port/lan, port/wan",
         .severities = ALARM_KIND_WARNING,
         .cause = "The disk refused: what is in the file is whole. Cleared by the next capture",
         .action = "Make room on the disk of control/capture-directory"},
        {.kind = "pads",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "No authentication pad for 1 s: blocks wait",
         .action = "Give both ends a new pre-shared secret (operating.md, section 2)"},
        {.kind = "preshared-low",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .cause = "32 pads of the pre-shared secret are left for a site, or fewer",
         .action = "Give both ends a new pre-shared secret (operating.md, section 2)"},
        {.kind = "computational-bootstrap",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The option qkd/bootstrap is computational, and blocks are so authenticated for "
                  "want of pads",
         .action = "Give both ends a new pre-shared secret (operating.md, section 2); it ends with "
                   "the first block that one-time pads authenticate"},
        {.kind = "config-rolled-back",
         .resource = "config",
         .severities = ALARM_KIND_WARNING | ALARM_KIND_CRITICAL,
         .cause = "A commit with a confirm time-out was not confirmed and is taken back; critical: "
                  "that failed, and is tried again each second",
         .action = "Commit again what was meant, and confirm it in time (lgctl config history has "
                   "it); of the critical one the text has the reason"},
        {0}};
