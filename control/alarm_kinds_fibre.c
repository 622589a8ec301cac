/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms of the optical card and of the fibre. */

#include "control/alarm_kinds.h"

#include <stddef.h>

#define HOLD_S 30

const struct alarm_kind alarm_kinds_fibre[] = {
        {.kind = "transcript",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "The tag over a block's messages was refused, here or by the peer: that block is "
                  "void",
         .action = "lgctl link show has last_abort; if it comes back, treat it as an attack on the "
                   "channel, or give both ends a new pre-shared secret"},
        {.kind = "no-card",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause =
                 "The card is absent, faulty or of the wrong role; it is opened again every 200 ms",
         .action = "The text has the reason: check the card's seat, its driver (lgctl doctor) and "
                   "qkd/card; a card of the other role belongs to the other site"},
        {.kind = "clicks-lost",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "More than 5 % of the last ten seconds' clicks is missing: tags of the card have "
                  "gaps, or clicks waited there for too long. The text says how much, and when it "
                  "is post-processing that is behind. Less is in counters alone. Ends after 30 s "
                  "below",
         .action = "A core is too slow: look at lcores/busy_share in lgctl status, give the engine "
                   "cores (qkd-lcores) or fewer clicks. Of a simulated card: its process cannot "
                   "keep up with such a link. Rates read meanwhile are not the link's"},
        {.kind = "steering",
         .resource = "link/NAME/LOOP",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "A control loop of the card (attenuator, bias, laser, detectors, gates, peak) is "
                  "at its limit, or what it is steered by cannot be drift",
         .action = "lgctl link show, card/loops, has where the loop stands; check what it steers"},
        {.kind = "calibration",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "A rung of the light's start takes longer than it should, with card, channel and "
                  "light there",
         .action = "lgctl status, optics/calibration, has the rung and what it waits for"},
        {.kind = "dwdm-new",
         .resource = "link/NAME/CHANNEL",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "The card's channel monitor sees a data channel that qkd/dwdm does not have. Its "
                  "scattered light raises the errors, by what the text says; so far that is no "
                  "eavesdropper",
         .action = "Plan it with lgctl plan dwdm and add it to qkd/dwdm/channel, or have it taken "
                   "off the fibre"},
        {.kind = "dwdm-missing",
         .resource = "link/NAME/CHANNEL",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "A planned channel is not there",
         .action = "Check its transmitter, and the filters on its way"},
        {.kind = "dwdm-power",
         .resource = "link/NAME/CHANNEL",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "A planned channel is stronger or weaker than planned by more than tolerance-db",
         .action = "Check its transmitter; if it comes through the fibre and is weaker, check the "
                   "fibre"},
        {.kind = "dwdm-drift",
         .resource = "link/NAME/CHANNEL",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "A planned channel is more than frequency-tolerance-ghz off its frequency, but "
                  "less "
                  "than 12.5 GHz (else it is missing, and another is new)",
         .action = "Check its laser: the filters keep less of it off the quantum channel"},
        {.kind = "no-light",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: no detection for 2 s",
         .action = "Check the fibre, whether site A's transmitter is armed (lgctl link show "
                   "there), and the detectors"},
        {.kind = "sync",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: light, but no alignment for 10 s",
         .action = "Check that the fibre is this link's, and that the other site's card is the "
                   "transmitter of this one"},
        {.kind = "fibre-bend",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "A loss that the baseline does not have, at the distance in the text, from this "
                  "site: a bend, or a tap. Ends after three traces without",
         .action = "Go to that place and look. What left the fibre there is bounded and removed "
                   "from the key all the same"},
        {.kind = "fibre-splice",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "More loss at one of the baseline's events",
         .action = "Go to that splice and look who worked there. What left the fibre there is "
                   "bounded and removed from the key all the same"},
        {.kind = "fibre-cut",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "Nothing comes back from behind the distance in the text",
         .action = "Have the fibre repaired at that distance"},
        {.kind = "fibre-reflection",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .cause = "Light comes back from where it did not",
         .action = "Look for a connector that was opened, a crack, something spliced in, at that "
                   "distance"},
        {.kind = "fibre-gain",
         .resource = "link/NAME",
         .severities = ALARM_KIND_WARNING,
         .cause = "Less loss than the baseline",
         .action = "If the fibre was mended: lgctl otdr baseline approve"},
        {.kind = "errors-rise-z",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Errors in the key basis Z rose above what this link shows. Light that was not "
                  "planned (dwdm-new) comes first in the text, with how much of the rise it "
                  "explains. Key goes on, shorter: the bound takes what she may know",
         .action = "An interceptor of few pulses, or the receiver drifts: lgctl watch show. Who "
                   "finds the cause and accepts it: lgctl watch baseline approve"},
        {.kind = "errors-rise-x",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Errors in the test basis X rose above what this link shows. Light that was not "
                  "planned (dwdm-new) comes first in the text, with how much of the rise it "
                  "explains. Key goes on, shorter: the bound takes what she may know",
         .action = "An interceptor of few pulses, or the receiver drifts: lgctl watch show. Who "
                   "finds the cause and accepts it: lgctl watch baseline approve"},
        {.kind = "photon-number-splitting",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Fewer decoys than any honest fibre gives, among the samples (both sites) or the "
                  "detections of a block (site B), or fewer than before since the loss or the "
                  "double clicks rose. Such blocks become no key (decoys among the aborts)",
         .action = "Treat it as an attack, unless qkd's mu1, mu2 or p-mu1 are not what the card "
                   "sends"},
        {.kind = "detector-blinding",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Site B: hardly any double clicks, more photocurrent than clicks make, or "
                  "detectors that do not answer to the states of the receiver. No block becomes "
                  "key while it lasts",
         .action = "Treat it as an attack: somebody steers the detectors with bright light; or a "
                   "detector is dead"},
        {.kind = "fake-state",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Site B: clicks do not follow the detectors' efficiency, or are of far more "
                  "light than a photon's. No key",
         .action = "Treat it as an attack: somebody measures and sends bright pulses; or a "
                   "modulator of the receiver does not do what it is set to"},
        {.kind = "time-shift",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Site B: clicks arrive elsewhere in their slots. No key",
         .action =
                 "Treat it as an attack: somebody shifts pulses to where one detector sees better. "
                 "After a change to another fibre it ends when arrivals are as before for 30 s"},
        {.kind = "trojan-horse",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Site A: more light comes in by the fibre than before. No key",
         .action = "Treat it as an attack: somebody looks at the modulators. A new connector near "
                   "the transmitter reflects, too: lgctl watch baseline relearn accepts it"},
        {.kind = "laser-damage",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "Site A: more light leaves than is configured, or than the attenuator lets "
                  "through as it is set. No key",
         .action = "The attenuator was damaged by light: replace the card"},
        {.kind = "card-temperature",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .cause = "The card went dark at 85 degrees",
         .action = "Cool the card; it starts again by itself"},
        {.kind = "double-clicks",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: more double clicks than this link shows",
         .action = "Look for stray light, and for brighter light than was sent"},
        {.kind = "loss-step",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: clicks per live slot over the transmitter's power fell by 0.05 dB or so "
                  "at once, and the decoys' share with it did not: for that it waits up to 10 s. "
                  "Ends when half of it is gone",
         .action = "lgctl otdr show says where; the fibre was touched, or tapped. Accepted: lgctl "
                   "watch baseline approve"},
        {.kind = "gain-step",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: clicks per live slot over the transmitter's power rose by 0.05 dB or so "
                  "at once, and the decoys' share with it did not: for that it waits up to 10 s. "
                  "Ends when half of it is gone",
         .action = "lgctl otdr show says where; the fibre was touched, or tapped. Accepted: lgctl "
                   "watch baseline approve"},
        {.kind = "loss-drift",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Site B: the loss wandered 0.5 dB from what it was when the baseline was learnt",
         .action = "lgctl otdr show says where. Accepted: lgctl watch baseline approve"},
        {.kind = "qrng-stuck",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The card's random source gives the same again and again (repetition count "
                  "test); the card is dark, blocks under way are void",
         .action = "Find the cause, replace the card if need be; then lgctl qrng rearm"},
        {.kind = "qrng-biased",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The card's random source gives one value too often (adaptive proportion test); "
                  "the card is dark, blocks under way are void",
         .action = "Find the cause, replace the card if need be; then lgctl qrng rearm"},
        {.kind = "qrng-periodic",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The card's random source repeats itself after a fixed time; the card is dark, "
                  "blocks under way are void",
         .action = "Find the cause, replace the card if need be; then lgctl qrng rearm"},
        {.kind = "qrng-silent",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The card's random source gives nothing; the card is dark, blocks under way are "
                  "void",
         .action = "Find the cause, replace the card if need be; then lgctl qrng rearm"},
        {.kind = "qrng-card",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "The card says that its random source failed; the card is dark, blocks under way "
                  "are void",
         .action = "Find the cause, replace the card if need be; then lgctl qrng rearm"},
        {.kind = "otdr-baseline",
         .resource = "link/NAME",
         .severities = ALARM_KIND_WARNING,
         .cause = "The baseline was taken with other settings, or the traces stray far more than "
                  "its own did",
         .action = "lgctl otdr show has the traces; if the fibre is as it should be: lgctl otdr "
                   "baseline approve"},
        {.kind = "otdr-failed",
         .resource = "link/NAME",
         .severities = ALARM_KIND_MINOR,
         .cause = "Two traces in a row failed",
         .action = "The text has the reason; lgctl otdr show"},
        {.kind = "otdr-history",
         .resource = "link/NAME",
         .severities = ALARM_KIND_WARNING,
         .cause = "A trace could not be kept, or the file of the history not be opened; changes "
                  "are looked for all the same. Ends with the next trace that is kept",
         .action = "Make room on the disk of qkd/otdr/history, and let the gateway write there"},
        {.kind = "intercept-resend",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Errors above qber-alarm in both bases. No key is made meanwhile",
         .action = "Treat it as an attack: somebody is on the fibre; or the receiver is badly "
                   "misaligned"},
        {.kind = "qber-x",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Errors above qber-alarm in the test basis X alone. No key is made meanwhile",
         .action = "Treat it as an attack: an interceptor who measures in Z leaves this; or the "
                   "receiver is misaligned in X"},
        {.kind = "qber-z",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "Errors above qber-alarm in the key basis Z alone. No key is made meanwhile",
         .action = "Treat it as an attack: an interceptor who measures in X leaves this; or the "
                   "receiver is misaligned in Z"},
        {.kind = "parameters",
         .resource = "link/NAME",
         .severities = ALARM_KIND_CRITICAL,
         .cause = "What both ends must have alike differs: the text names each parameter and both "
                  "values; engine/disagreement says so too",
         .action = "Configure the same qkd at both ends"},
        {0}};
