#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What clients of the control socket cost the data plane.

    scripts/bench control [--only ROW] [--pairs N] [--seconds S]

A gateway, the product's program, seals all that comes on a core of its own. In turn it has no
clients, and those of the row: subscribers, garbage, clients that read nothing or die. See
docs/benchmarks.md.
"""

import argparse
import json
import math
import os
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from control_bench import FREE_MB, Pair  # noqa: E402
from huge_pages import HugePages  # noqa: E402
from programs import BUILD, TOP, BuildError, program  # noqa: E402
from rfc2544 import LoadError  # noqa: E402
from rig import RigError  # noqa: E402

# Row: who comes, and whether the forwarding core shares its CPU with the control thread.
ROWS = {
    "nobody": ((), False),
    "garbage": (("subscribers", "garbage", "operator"), False),
    "slow": (("subscribers", "silent", "dead", "operator"), False),
    "calls": (("callers",), False),
    "garbage/one-cpu": (("subscribers", "garbage", "operator"), True),
}


def interval(values):
    """The values between which the median lies with a probability of 0.95, by their ranks."""
    n = len(values)
    ranked, tail, k = sorted(values), 0.0, 0
    while k < n // 2 and tail + math.comb(n, k) / 2 ** n <= 0.025:
        tail += math.comb(n, k) / 2 ** n
        k += 1
    k = max(k - 1, 0)
    return ranked[k], ranked[n - 1 - k]


def row(pair, name, pairs, seconds):
    kinds, together = ROWS[name]
    pair.place(together)
    with_, without = [], []
    counts = {}
    for i in range(pairs):
        # The order turns, so that what drifts is in both alike.
        for busy in ((True, False), (False, True))[i % 2]:
            if busy:
                pair.clients(kinds)
            (with_ if busy else without).append(pair.spell(seconds))
            if busy:
                for what, n in pair.clients(()).items():
                    counts[what] = counts.get(what, 0) + n
    key = "per_s" if together else "per_cpu_s"
    ratios = [a[key] / b[key] for a, b in zip(with_, without)]
    low, high = interval(ratios)

    def middle(spells, what):
        return statistics.median(s[what] for s in spells)

    f = {"name": name, "ratio": round(statistics.median(ratios), 4), "low": round(low, 4),
         "high": round(high, 4), "mpps": round(middle(with_, key) / 1e6, 3),
         "mpps_alone": round(middle(without, key) / 1e6, 3),
         "control_cpu": round(middle(with_, "control"), 3),
         "control_cpu_alone": round(middle(without, "control"), 3),
         "call_ms": round(max(s["call_ms"] for s in with_), 1),
         "rekeys": sum(s["rekeys"] for s in with_), "rekeys_alone": sum(s["rekeys"] for s in without)}
    total = pairs * seconds
    f["garbage_mb_s"] = round(counts.get("garbage_bytes", 0) / total / 1e6, 1)
    f["calls_s"] = round(counts.get("calls", 0) / total)
    f["events_s"] = round(counts.get("lines_least", 0) / total)
    f["subscribers_lost"] = counts.get("closed_subscriber", 0)
    f["counts"] = counts
    f["spells"] = {"with": with_, "without": without}
    return f


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench control", allow_abbrev=False, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW", help="measure this row alone")
    parser.add_argument("--pairs", type=int, default=20, help="spells with and without, each; default 20")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each spell; default 0.5")
    args = parser.parse_args()
    if args.only is not None and args.only not in ROWS:
        parser.error(f"no row {args.only}: choose from {', '.join(ROWS)}")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: it takes a CPU for what is measured and one for all else")
    if os.geteuid() != 0:
        sys.exit("bench: gateways are run by root")
    program("control/lumengate")
    rows = []
    with HugePages(FREE_MB) as pages, Pair(BUILD, os.path.join(TOP, "config"), pages.available) as pair:
        for name in ROWS if args.only is None else [args.only]:
            rows.append(row(pair, name, args.pairs, args.seconds))
            time.sleep(0.2)
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    # What was borrowed is given back then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except (BuildError, LoadError, RigError) as e:
        sys.exit(f"bench: {e}")
