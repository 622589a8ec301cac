# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-dumpcap on a gateway that runs on hugepages and lets secondary processes attach."""

import glob
import os
import subprocess
import tempfile

import pytest
from conftest import lgctl
from huge_pages import HugePages
from rig import LAN, Rig

MEMORY = 128  # MiB


@pytest.fixture
def attachable():
    """Both gateways keyed, site a open to secondary processes; and its hugetlbfs."""
    mounts = tempfile.mkdtemp(prefix="lumengate-huge-")
    with HugePages(MEMORY + 160) as pages:
        if not pages.available:
            os.rmdir(mounts)
            pytest.skip("no hugepages to be had here")
        subprocess.run(["mount", "-t", "hugetlbfs", "none", mounts], check=True)
        try:
            with Rig(quantum=False) as r:
                r.wire()
                config = r.config("a")
                config["lumengate:gateway"]["resources"].update(
                    {"memory-mib": MEMORY, "hugepages": True, "secondary-processes": True})
                r.write_config("a", config)
                for site in ("a", "b"):
                    r.start_gateway(site)
                for site in ("a", "b"):
                    r.wait_ready(site)
                with open(r.path("keys"), "wb") as f:
                    f.write(os.urandom(32 * 200))
                for site in ("a", "b"):
                    lgctl(r, site, "keystore", "import", r.path("keys"))
                r.wait_for(lambda: r.ping(1, wait=1)[1] == 1, 30, "the first encrypted ping")
                yield r, mounts
        finally:
            subprocess.run(["umount", "-l", mounts], check=False)
            os.rmdir(mounts)


def test_dumpcap_attaches(attachable):
    rig, mounts = attachable
    prefix = f"{rig.tag}-a"
    assert glob.glob(os.path.join(mounts, prefix + "map_*"))
    out = os.path.join(tempfile.gettempdir(), f"{rig.tag}.pcapng")
    dump = subprocess.Popen(
        rig.in_gateway("a") + ["dpdk-dumpcap", f"--file-prefix={prefix}", "-i", "net_af_packet0",
                               "-f", "icmp", "-a", "duration:4", "-w", out],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert rig.ping(30, interval=0.2)[1] == 30
        said, _ = dump.communicate(timeout=30)
    finally:
        dump.kill()
    done = subprocess.run(["tshark", "-n", "-r", out, "-T", "fields", "-e", "ip.src"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.unlink(out)
    sources = set(done.stdout.split())
    assert {f"{LAN['a']}.2", f"{LAN['b']}.2"} <= sources, said + done.stderr
    # The gateway goes on, and leaves nothing behind.
    assert rig.ping(3, interval=0.05)[1] == 3
    rig.stop("gw-a")
    assert glob.glob(os.path.join(mounts, "*")) == []
    assert not os.path.exists(f"/var/run/dpdk/{prefix}")
