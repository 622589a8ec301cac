#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Gateways against testpmd on the same virtual ports.

    scripts/bench testpmd [--only ROW] [--cpus GATEWAY,LOAD] [--library PATH]

one/SIZE is one gateway, LAN to WAN; pair/SIZE two back to back on one core, LAN to LAN. Each
has its no-drop rate by binary search (RFC 2544 section 26.1) and its latency at half of that
(section 26.2), testpmd in the place of the gateways the same. See docs/benchmarks.md.
"""

import argparse
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
import rfc2544  # noqa: E402
from huge_pages import HugePages  # noqa: E402
from ipsec_mb import newer_library  # noqa: E402
from programs import BuildError  # noqa: E402

SIZES = ("64", "512", "1420", "imix")
ROWS = [f"{kind}/{size}" for size in SIZES for kind in ("one", "pair")]


def available():
    """None, or why it cannot be measured here."""
    if shutil.which("dpdk-testpmd") is None:
        return "dpdk-testpmd is not installed: it is in the package dpdk-dev"
    if len(os.sched_getaffinity(0)) < 2:
        return "it takes a CPU for the gateways and one for the load"
    return None


def last_cpus():
    """Of gateways and load: those that interrupts are least likely on."""
    return sorted(os.sched_getaffinity(0))[:-3:-1]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench testpmd", allow_abbrev=False,
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW", help="measure this row alone")
    parser.add_argument("--cpus", help="of gateways and load; default: the last two")
    parser.add_argument("--library", metavar="PATH", default=newer_library(),
                        help="build of IPsec-MB, or \"system\"; default: the newer one that "
                             "scripts/setup brings, where it is")
    args = parser.parse_args()
    rows = ROWS if args.only is None else [args.only]
    if rows[0] not in ROWS:
        parser.error(f"no row {args.only}: choose from {', '.join(ROWS)}")
    if why := available():
        sys.exit(f"bench: {why}")
    cpus = last_cpus()
    if args.cpus is not None:
        cpus = [int(cpu) for cpu in args.cpus.split(",")]
    library = [] if args.library in (None, "system") else ["--library", args.library]
    with HugePages(rfc2544.FREE_MB) as pages:
        wanted = [tuple(row.split("/")) for row in rows]
        for row in rfc2544.rows(wanted, cpus, pages.available, library):
            name = f"{row.pop('kind')}/{row.pop('size')}"
            print(json.dumps({"name": name, **row}), flush=True)
    return 0


if __name__ == "__main__":
    # What was borrowed is given back then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except (BuildError, rfc2544.LoadError) as e:
        sys.exit(f"bench: {e}")
