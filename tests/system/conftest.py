# SPDX-License-Identifier: BSD-3-Clause
"""Two whole sites on this machine, as the demo lays them; see scripts/lib/rig.py."""

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))

from rig import Rig  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; scripts/test --long")


@pytest.fixture
def rig():
    """Wires without programs; the test starts what it needs."""
    with Rig() as r:
        r.wire()
        yield r


@pytest.fixture
def sites(rig):
    """Both gateways, the model and the WAN capture, with traffic keyed."""
    rig.start_watch()
    rig.start_model()
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 60, "the first encrypted ping")
    yield rig


def start_imported(rig):
    """Both gateways, with the same 2000 keys in their stores."""
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    keys = rig.path("keys")
    with open(keys, "wb") as f:
        f.write(os.urandom(32 * 2000))
    for site in ("a", "b"):
        lgctl(rig, site, "keystore", "import", keys)


@pytest.fixture
def imported(request):
    """Both gateways without quantum hardware, keyed from imported keys."""
    with Rig(quantum=False) as r:
        r.wire()
        r.start_watch()
        start_imported(r)
        r.wait_for(lambda: r.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")
        yield r


def lgctl(rig, site, *words, check=True):
    """Run the operator's command line; returns its standard output."""
    done = subprocess.run(
        [rig.program("lgctl"), "--socket", rig.path("site-" + site, "control.sock"), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check:
        assert done.returncode == 0, done.stderr
        return done.stdout
    return done
