# SPDX-License-Identifier: BSD-3-Clause
"""Blocks on further QKD cores: key, cores that stand still, and an end with work under way."""

import ctypes
import os
import signal
import time

import pytest
from rig import SITES

BLOCK_BITS, IN_FLIGHT, LCORES = 500000, 3, 2
FIRST_LCORE = 3  # behind forward and qkd

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17  # of ptrace(2)
WALL = 0x40000000  # of waitpid(2): threads too
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Held:
    """The gateway's further QKD cores stand still, and nothing else of it."""

    def __init__(self, rig, site):
        self.tasks = f"/proc/{rig.processes['gw-' + site].pid}/task"
        self.held = []

    def threads(self):
        names = {f"rte-worker-{FIRST_LCORE + i}" for i in range(LCORES)}
        names |= {f"dpdk-worker{FIRST_LCORE + i}" for i in range(LCORES)}  # of later DPDKs
        for task in os.listdir(self.tasks):
            with open(os.path.join(self.tasks, task, "comm")) as f:
                if f.read().strip() in names:
                    yield int(task)

    def __enter__(self):
        for thread in self.threads():
            ptrace(SEIZE, thread)
            self.held.append(thread)
            ptrace(INTERRUPT, thread)
            os.waitpid(thread, WALL)
        assert len(self.held) == LCORES
        return self

    def __exit__(self, *exc):
        for thread in self.held:
            ptrace(DETACH, thread)


@pytest.fixture
def spread(rig):
    for site in SITES:
        config = rig.config(site)
        gateway = config["lumengate:gateway"]
        gateway["resources"]["qkd-lcores"] = LCORES
        gateway["qkd"]["block-bits"] = BLOCK_BITS
        gateway["qkd"]["blocks-in-flight"] = IN_FLIGHT
        rig.write_config(site, config)
    rig.start_model()
    for site in SITES:
        rig.start_gateway(site)
    for site in SITES:
        rig.wait_ready(site)
    yield rig


def engine(rig, site):
    return rig.rpc(site, "link_show")["engine"]


def lost(figures):
    """Counted losses; `detections` is all that came from the card."""
    return figures["gaps"], figures["dropped"]


def wait_blocks(rig, count, seconds):
    rig.wait_for(lambda: all(engine(rig, s)["blocks_ok"] >= count for s in SITES), seconds,
                 f"{count} blocks")


def test_further_qkd_cores(spread):
    rig = spread
    wait_blocks(rig, 1, 15)
    for site in SITES:
        figures = engine(rig, site)
        assert figures["jobs_given"] > 0
        assert figures["jobs_back"] <= figures["jobs_given"]
        cores = [c for c in rig.rpc(site, "status")["lcores"] if "qkd-worker" in str(c)]
        assert len(cores) == LCORES

    # Site A's stand still: blocks wait for them, Bob has room for no more, and counts.
    before = engine(rig, "b")
    with Held(rig, "a"):
        stuck = rig.wait_for(lambda: (lambda f: lost(f) > lost(before) and f)(engine(rig, "b")), 10,
                             "Bob counts what he has no room for")
        assert stuck["gaps"] > before["gaps"]
        assert stuck["blocks_in_flight"] == IN_FLIGHT
        waiting = engine(rig, "a")
        assert waiting["jobs_given"] > waiting["jobs_back"]
        # Neither the QKD core nor control waits for them.
        rig.wait_for(lambda: engine(rig, "b")["dropped"] > stuck["dropped"], 5, "more is dropped")

    # They go on: what waited becomes key, nothing was aborted, and there is room again.
    ok = max(engine(rig, s)["blocks_ok"] for s in SITES)
    wait_blocks(rig, ok + IN_FLIGHT, 10)
    for site in SITES:
        figures = engine(rig, site)
        assert figures["blocks_aborted"] == figures["protocol_errors"] == 0
        assert figures["realignments"] == 0
    rig.wait_for(lambda: engine(rig, "a")["jobs_back"] > waiting["jobs_given"], 5, "jobs are back")

    # The end comes while they have something to do.
    with Held(rig, "a"):
        rig.wait_for(lambda: (lambda f: f["jobs_given"] > f["jobs_back"])(engine(rig, "a")), 10,
                     "a job under way")
        rig.processes["gw-a"].send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert rig.processes["gw-a"].poll() is None
    for site in SITES:
        assert rig.stop("gw-" + site, timeout=5) == 0
        assert "<3>" not in rig.log_text("gw-" + site)
