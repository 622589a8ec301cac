#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The data plane on one core.

    scripts/bench dataplane [--only ROW] [--seconds S] [--cpu N] [--window W] [--library PATH]
        [--provider NAME]

A row is measured by a process of its own, tests/bench/dataplane: it runs plain forwarding,
forwarding with the bare cipher, and the gateway in turn over the same packets. See
docs/benchmarks.md for what the figures mean.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from huge_pages import HugePages  # noqa: E402
from ipsec_mb import newer_library  # noqa: E402
from programs import BuildError, program  # noqa: E402

SIZES = ("64", "256", "512", "1024", "1420", "9000", "imix")
ROWS = [f"{way}/{size}" for way in ("seal", "open") for size in SIZES]
MEMORY_MB = 512


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command(name, args, directory, huge):
    argv = [program("tests/bench/dataplane_rig"), name, "--dir", directory,
            "--cpu", str(args.cpu), "--seconds", str(args.seconds),
            "--window", str(args.window), "--memory", str(MEMORY_MB)]
    if args.library not in (None, "system"):
        argv += ["--library", args.library]
    if args.provider is not None:
        argv += ["--provider", args.provider]
    return argv + (["--hugepages"] if huge else [])


def measure(name, args, huge):
    with tempfile.TemporaryDirectory(prefix="lumengate-bench-") as directory:
        done = subprocess.run(command(name, args, directory, huge), stdout=subprocess.PIPE,
                              text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {name} ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[0])


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench dataplane", allow_abbrev=False,
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW", help="measure this row alone")
    parser.add_argument("--seconds", type=float, default=2, help="for each row")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--window", type=int, default=4096, help="replay window, in packets")
    parser.add_argument("--library", metavar="PATH", default=newer_library(),
                        help="build of IPsec-MB, or \"system\"; default: the newer one that "
                             "scripts/setup brings, where it is")
    parser.add_argument("--provider", metavar="NAME",
                        help="code of that library to take, as resources/gcm-provider")
    args = parser.parse_args()
    rows = ROWS if args.only is None else [args.only]
    if rows[0] not in ROWS:
        parser.error(f"no row {args.only}: choose from {', '.join(ROWS)}")
    with HugePages(MEMORY_MB) as pages:
        if not pages.available:
            say("no huge pages: packets lie in pages of 4 KiB")
        for name in rows:
            print(json.dumps(measure(name, args, pages.available)), flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as e:
        sys.exit(f"bench: {e}")
