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


def start_with_keys(rig):
    for site in ("a", "b"):
        rig.start_gateway(site)
    for site in ("a", "b"):
        rig.wait_ready(site)
    keys = rig.path("keys")
    with open(keys, "wb") as f:
        f.write(os.urandom(32 * 500))
    for site in ("a", "b"):
        lgctl(rig, site, "keystore", "import", keys)
    rig.wait_for(lambda: rig.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")


def test_unlike_code_understands_each_other(unlike):
    start_with_keys(unlike)
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


@pytest.mark.long
def test_crypto_device_understands_the_cpu(unlike):
    """Site A by a software driver of DPDK's cryptodev, as it would by a QAT function."""
    config = unlike.config("a")
    config["lumengate:gateway"]["resources"].update(
        {"gcm-provider": "cryptodev", "crypto-device": "crypto_aesni_gcm0"})
    unlike.write_config("a", config)
    start_with_keys(unlike)
    assert unlike.ping(50, 0.02)[1] == 50
    assert unlike.rpc("a", "status")["gateway"]["crypto_device"] == "crypto_aesni_gcm0"
    assert "ESP by the crypto device crypto_aesni_gcm0, driver crypto_aesni_gcm" in \
        unlike.log_text("gw-a")
    # New keys each second are new sessions of the device.
    first = unlike.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"]
    unlike.wait_for(lambda: unlike.rpc("a", "tunnel_list")["tunnels"][0]["rekeys"] >= first + 8,
                    20, "eight rekeys")
    assert unlike.ping(50, 0.02, source="b")[1] == 50
    for site in ("a", "b"):
        drops = unlike.rpc(site, "status")["drops"]
        assert drops["drop.auth"] == drops["drop.cipher"] == drops["drop.cipher_lost"] == 0


def test_crypto_device_that_is_not_there(unlike):
    config = unlike.config("a")
    config["lumengate:gateway"]["resources"].update(
        {"gcm-provider": "cryptodev", "crypto-device": "crypto_null0"})
    unlike.write_config("a", config)
    unlike.start_gateway("a")
    assert unlike.processes["gw-a"].wait(10) == 1
    assert "crypto-device crypto_null0: it has no AES-256-GCM" in unlike.log_text("gw-a")
