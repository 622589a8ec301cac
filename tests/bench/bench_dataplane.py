#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The data plane on one core.

    scripts/bench dataplane [--only ROW] [--seconds S] [--cpu N] [--window W] [--library PATH]
                            [--provider NAME] [--no-secgw] [--without-avx512]

A row is measured by a process of its own, tests/bench/dataplane: it runs plain forwarding,
forwarding with the bare cipher, and the gateway in turn over the same packets. DPDK's
ipsec-secgw does the same job on the same core, in spells between those of the gateway. See
docs/benchmarks.md for what the figures mean. testpmd/ROW is a row of scripts/bench testpmd.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../scripts/lib"), HERE]
import bench_testpmd  # noqa: E402
import rfc2544  # noqa: E402
import secgw  # noqa: E402
from huge_pages import HugePages  # noqa: E402
from ipsec_mb import newer_library  # noqa: E402
from programs import BuildError, program  # noqa: E402

SIZES = ("64", "256", "512", "1024", "1420", "9000", "imix")
ROWS = [f"{way}/{size}" for way in ("seal", "open") for size in SIZES]
ROWS += ["policy-miss", "tunnels/64", "tunnels/1420", "rekey/100ms"]
TESTPMD_ROWS = [f"testpmd/{row}" for row in bench_testpmd.ROWS]
MEMORY_MB, KEYS_MB = 512, 64
RULES, ROUTES = 64, 1000
PAIRS = 6     # spells of the gateway and of ipsec-secgw beside each other
SPELL_S = 0.4


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Rig:
    """The process that measures one row."""

    def __init__(self, name, args, directory, huge):
        argv = [program("tests/bench/dataplane_rig"), name, "--dir", directory, "--spells",
                "--cpu", str(args.cpu), "--seconds", str(args.seconds),
                "--window", str(args.window), "--memory", str(MEMORY_MB)]
        if args.library not in (None, "system"):
            argv += ["--library", args.library]
        if args.provider is not None:
            argv += ["--provider", args.provider]
        self.name = name
        self.process = subprocess.Popen(argv + (["--hugepages"] if huge else []), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def figures(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: {self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def spell(self, seconds):
        """Packets per second of its CPU time, in millions, over SECONDS: the whole rig's."""
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.figures()["mpps"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        if self.process.wait() != 0 and exc[0] is None:
            sys.exit(f"bench: {self.name} ended with status {self.process.returncode}")


def beside_secgw(rig, directory, args, huge):
    """Figures of ipsec-secgw at the same job, in spells between those of RIG."""
    ours, theirs = [], []
    job = (os.path.join(directory, "lan.pcap"), args.cpu, MEMORY_MB, huge, RULES, ROUTES,
           program("tests/bench/avx2.so") if args.without_avx512 else None)
    if not args.secgw_checked:
        secgw.check(directory, *job)
        args.secgw_checked = True
    with secgw.Secgw(directory, *job) as other:
        for i in range(PAIRS):
            for one in ((0, 1), (1, 0))[i % 2]:
                if one == 0:
                    ours.append(rig.spell(SPELL_S))
                else:
                    theirs.append(other.spell(SPELL_S))
    return {"secgw_mpps": round(statistics.median(theirs), 3),
            "ratio_to_secgw": round(statistics.median(a / b for a, b in zip(ours, theirs)), 3)}


def measure(name, args, huge):
    with tempfile.TemporaryDirectory(prefix="lumengate-bench-") as directory:
        with Rig(name, args, directory, huge) as rig:
            row = rig.figures()
            if args.secgw and name.startswith("seal/"):
                try:
                    row.update(beside_secgw(rig, directory, args, huge))
                except secgw.SecgwError as e:
                    say(f"{name}: without ipsec-secgw: {e}")
    return row


def testpmd(rows, args, huge):
    """Rows of gateways against testpmd, as far as they can be measured here."""
    if not rows:
        return
    if why := bench_testpmd.available():
        say(f"without testpmd/: {why}")
        return
    library = [] if args.library in (None, "system") else ["--library", args.library]
    wanted = [tuple(name.split("/")[1:]) for name in rows]
    try:
        for row in rfc2544.rows(wanted, bench_testpmd.last_cpus(), huge, library):
            name = f"testpmd/{row.pop('kind')}/{row.pop('size')}"
            print(json.dumps({"name": name, **row}), flush=True)
    except rfc2544.LoadError as e:
        say(f"testpmd: {e}")


def have_secgw():
    try:
        secgw.build()
        return True
    except secgw.SecgwError as e:
        say(f"all rows go without ipsec-secgw: {e}")
        return False


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
    parser.add_argument("--without-avx512", action="store_true",
                        help="as on a CPU without AVX-512: ipsec-secgw takes AVX2, the gateway "
                             "vaes-avx2")
    parser.add_argument("--no-secgw", action="store_true", help="leave ipsec-secgw out")
    args = parser.parse_args()
    rows = ROWS + TESTPMD_ROWS if args.only is None else [args.only]
    if rows[0] not in ROWS + TESTPMD_ROWS:
        parser.error(f"no row {args.only}: choose from {', '.join(ROWS + TESTPMD_ROWS)}")
    if args.without_avx512 and args.provider is None:
        args.provider = "vaes-avx2"
    args.secgw_checked = False
    args.secgw = (not args.no_secgw and any(row.startswith("seal/") for row in rows)
                  and have_secgw())
    # The gateway's packets, ipsec-secgw's, and the gateway's keys.
    with HugePages(2 * MEMORY_MB + KEYS_MB) as pages:
        if not pages.available:
            say("no huge pages: packets lie in pages of 4 KiB")
        for name in rows:
            if name in ROWS:
                print(json.dumps(measure(name, args, pages.available)), flush=True)
        testpmd([name for name in rows if name in TESTPMD_ROWS], args, pages.available)
    return 0


if __name__ == "__main__":
    # What was borrowed is given back then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except BuildError as e:
        sys.exit(f"bench: {e}")
