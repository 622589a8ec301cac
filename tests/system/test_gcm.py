# SPDX-License-Identifier: BSD-3-Clause
"""The AES-GCM code: the system's library alone is enough, and the choice can be forced."""

import os
import re
import subprocess

import pytest
from conftest import lgctl
from rig import Rig


@pytest.fixture
def unlike():
    """Site A on the system's library and its oldest code, site B on whatever is best here."""
    with Rig(quantum=False) as r:
        r.wire()
        config = r.config("a")
        resources = config["lumengate:gateway"]["resources"]
        resources.pop("ipsec-mb", None)
        resources["gcm-provider"] = "sse"
        r.write_config("a", config)
        yield r


def test_unlike_code_understands_each_other(unlike):
    for site in ("a", "b"):
        unlike.start_gateway(site)
    for site in ("a", "b"):
        unlike.wait_ready(site)
    keys = unlike.path("keys")
    with open(keys, "wb") as f:
        f.write(os.urandom(32 * 500))
    for site in ("a", "b"):
        lgctl(unlike, site, "keystore", "import", keys)
    unlike.wait_for(lambda: unlike.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")
    assert unlike.ping(50, 0.02)[1] == 50
    gateway = unlike.rpc("a", "status")["gateway"]
    assert gateway["gcm"] == "sse"
    assert "AES-GCM by sse of libIPSec_MB.so" in unlike.log_text("gw-a")
    other = unlike.rpc("b", "status")["gateway"]
    assert f"AES-GCM by {other['gcm']} of {other['gcm_library']}" in unlike.log_text("gw-b")
    assert unlike.rpc("b", "status")["drops"]["drop.auth"] == 0


def test_code_that_cannot_run_is_refused(unlike):
    """Debian 12's library does not export the VAES code for AVX2; other CPUs lack VAES."""
    config = unlike.config("a")
    resources = config["lumengate:gateway"]["resources"]
    resources.pop("ipsec-mb", None)
    resources["gcm-provider"] = "vaes-avx2"
    unlike.write_config("a", config)
    unlike.start_gateway("a")
    try:
        status = unlike.processes["gw-a"].wait(10)
    except subprocess.TimeoutExpired:
        assert "forwards; AES-GCM by vaes-avx2" in unlike.log_text("gw-a")
        pytest.skip("this library and this CPU have all code")
    assert status == 1
    assert re.search(r"^lumengate: site: gcm-provider: vaes-avx2 cannot run here: .+$",
                     unlike.log_text("gw-a"), re.M)
