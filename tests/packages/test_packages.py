# SPDX-License-Identifier: BSD-3-Clause
"""The Debian packages: built from a clean Debian, checked by lintian, installed in another clean one that
systemd runs, upgraded, removed. In order: each test goes on where the one before it left off."""

import glob
import os
import re
import tempfile

import pytest

from debs import ROOT
from machine import Machine, MachineError
from pair import Pair, SAE

PACKAGES = {"lumengate", "lumengate-common", "lumengate-kms", "lumengate-optics-sim", "lumengate-web"}
SERVICES = ("lumengate", "lumengate-kms", "lumengate-web")  # each waits for its configuration
UNITS = (*SERVICES, "lumengate-kme-client")


def test_version_is_that_of_the_sources(debs):
    with open(os.path.join(ROOT, "meson.build")) as f:
        version = re.search(r"version: '([^']+)'", f.read())[1]
    assert debs.version.split("-")[0] == version


def test_every_package_is_there(debs):
    assert {name for name in debs.files if not name.endswith("-dbgsym")} == PACKAGES


def test_lintian_finds_no_error(debs):
    lines = debs.lintian()
    print("\n".join(lines))
    assert [line for line in lines if not re.match("[WIPXNO]: ", line)] == []


@pytest.fixture(scope="module")
def pair(debs):
    """A machine in which the older version waits to be installed, as after apt-get update."""
    with tempfile.TemporaryDirectory(prefix="lumengate-") as folder:
        machine = Machine(debs.clean)
        try:
            # Whoever installs has apt's lists; services do start here.
            os.unlink(machine.path("usr/sbin/policy-rc.d"))
            for name, files in (("before", debs.before()), ("now", debs.files.values())):
                os.makedirs(machine.path("debs", name))
                for f in files:
                    if "-dbgsym" not in f:
                        machine.copy(f, machine.path("debs", name))
            machine.prepare("apt-get", "update", "-qq")
            for name in ("before", "now"):
                machine.prepare("sh", "-c", "apt-get install -y -qq --download-only"
                                f" --no-install-recommends iproute2 /debs/{name}/*.deb")
            machine.start()
            yield Pair(machine, folder)
        finally:
            machine.stop()


def install(pair, name):
    return pair.machine.run("sh", "-c", f"apt-get install -y -qq --no-install-recommends"
                            f" iproute2 /debs/{name}/*.deb", timeout=600)


def test_installed_services_wait_for_their_configuration(pair):
    install(pair, "before")
    for unit in SERVICES:
        assert pair.machine.run("systemctl", "is-enabled", unit).strip() == "enabled"
        assert pair.state(unit) == "inactive" and pair.property(unit, "ConditionResult") == "no"
    # Not every site has a KME of another maker.
    assert pair.machine.run("systemctl", "is-enabled", "lumengate-kme-client", check=False).strip() \
        == "disabled"
    assert pair.machine.run("systemctl", "is-system-running").strip() == "running"
    assert pair.machine.run("systemd-analyze", "verify", "--man=no",
                            *(f"{u}.service" for u in UNITS)).strip() == ""
    for user in ("lumengate-kms", "lumengate-kme", "lumengate-web"):
        assert f"({user})" in pair.machine.run("id", user)
    assert pair.machine.run("stat", "-c", "%a %U:%G", "/etc/lumengate", "/etc/lumengate/kms").split("\n") \
        == ["755 root:root", "750 root:lumengate-kms", ""]
    # Alone it brings no DPDK.
    for package in ("lumengate-kms", "lumengate-web"):
        assert "librte" not in pair.machine.run("dpkg-query", "-W", "-f", "${Depends}", package)


def test_examples_of_the_package_make_key_as_services(pair):
    pair.write_gateways()
    pair.machine.run("systemctl", "daemon-reload")
    pair.start_site_b()
    pair.systemctl("start", "lumengate")
    pair.wait(lambda: pair.keys() > 1024, 60, "key beyond the floor")
    # What the unit may not: it is seen in the process.
    pid = pair.property("lumengate", "MainPID")
    status = dict(line.split(":\t", 1) for line in
                  pair.machine.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    # CHOWN, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE: capabilities(7).
    assert int(status["CapEff"], 16) == 1 << 0 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 23


def test_an_operator_is_a_member_of_the_group(pair):
    pair.machine.run("useradd", "--groups", "lumengate", "operator1")
    pair.machine.run("useradd", "visitor")
    assert "dc" in pair.machine.run("lgctl", "tunnel", "list", user="operator1")
    assert "Permission denied" in pair.machine.run("lgctl", "tunnel", "list", user="visitor", check=False)
    assert pair.machine.status == 3


def test_the_key_delivery_gives_keys(pair):
    pair.write_kmes()
    pair.start_kms_b()
    pair.systemctl("start", "lumengate-kms")
    # Operators reach it, though its user is none of them.
    assert "kme-a" in pair.lgctl("--json", "kms", "status", user="operator1")
    assert pair.machine.run("id", "-nG", "lumengate-kms").split() == ["lumengate-kms"]
    for site, other in (("a", "b"), ("b", "a")):
        pair.lgctl("kms", "sae", "add", SAE[site], site=site)
        pair.lgctl("kms", "sae", "add", SAE[other], "--side", "peer", site=site)
    pair.wait(lambda: pair.kme("a", f"{SAE['b']}/status")[1].get("stored_key_count", 0) > 8, 60,
              "keys for the encryptors")
    status, given = pair.kme("a", f"{SAE['b']}/enc_keys?number=2&size=256")
    assert status == 200 and len(given["keys"]) == 2
    pair.taken = given
    status, got = pair.kme("b", f"{SAE['a']}/dec_keys",
                           {"key_IDs": [{"key_ID": k["key_ID"]} for k in given["keys"]]})
    assert (status, got) == (200, given)


def test_figures_are_served_by_a_user_who_may_only_read(pair):
    pair.start_web()
    figures = pair.wait(lambda: "lumengate_kms_" in pair.figures() and pair.figures(), 20, "figures of both")
    assert re.search(r"^lumengate_keystore_\w+\S* [1-9]", figures, re.M), figures
    # With the groups that its unit gives it.
    refused = pair.machine.run("setpriv", "--reuid", "lumengate-web", "--regid", "lumengate-web", "--groups",
                               "lumengate", "lgctl", "tunnel", "rekey", "dc", check=False)
    assert pair.machine.status == 1 and "not permitted" in refused, refused


def files_of(pair):
    """What the operator made, and each one's digest, owner and mode."""
    return pair.machine.run("sh", "-c", "find /etc/lumengate -type f -exec sha256sum {} + -exec stat -c"
                            " '%n %a %U:%G' {} + | sort")


def test_an_upgrade_keeps_keys_files_and_the_running_gateway(pair, debs):
    pair.machine.run("systemctl", "stop", "model")  # from now on keys only become fewer
    before = files_of(pair)
    pid, kms_pid = (pair.property(unit, "MainPID") for unit in ("lumengate", "lumengate-kms"))
    stored = pair.kme("a", f"{SAE['b']}/status")[1]["stored_key_count"]
    install(pair, "now")
    assert pair.machine.run("dpkg-query", "-W", "-f", "${Version}", "lumengate") == debs.version
    assert pair.machine.run("dpkg", "--audit") == ""
    assert files_of(pair) == before
    # It serves on with what is in memory, until the operator restarts it.
    assert pair.state("lumengate") == "active" and pair.property("lumengate", "MainPID") == pid
    assert pair.property("lumengate-kms", "MainPID") not in (kms_pid, "0")
    assert pair.kme("a", f"{SAE['b']}/status")[1]["stored_key_count"] == stored
    keys = pair.keys()
    assert keys > 100
    pair.systemctl("restart", "lumengate")
    after = pair.wait(lambda: pair.keys(), 20, "the key store")
    # A key a second, and what was under way.
    assert keys - 60 < after <= keys
    pair.wait(lambda: pair.show("tunnel", "list")["tunnels"][0]["state"] == "up", 30, "the tunnel by stored keys")
    # A key is given once, whatever was upgraded in between.
    status, answer = pair.kme("b", f"{SAE['a']}/dec_keys",
                              {"key_IDs": [{"key_ID": k["key_ID"]} for k in pair.taken["keys"]]})
    assert status == 400 and "message" in answer


def test_what_is_removed_stops_and_leaves_keys(pair):
    before = files_of(pair)
    pair.machine.run("apt-get", "purge", "-y", "-qq", *sorted(PACKAGES))
    for unit in UNITS:
        assert pair.property(unit, "LoadState") == "not-found"
        assert pair.state(unit) == "inactive"
    assert files_of(pair) == before
    for path in ("/var/lib/lumengate/keys.db", "/var/lib/lumengate-kms/kms.db"):
        assert pair.machine.run("stat", "-c", "%s", path).strip() != "0"
    left = pair.machine.run("sh", "-c", "find / -xdev -name '*lumengate*' -not -path '/debs/*'"
                            " -not -path '/var/lib/apt/*' -not -path '/var/cache/apt/*'").split()
    assert set(left) <= {"/etc/lumengate", "/var/lib/lumengate", "/var/lib/lumengate-kms",
                         "/var/lib/lumengate-web"}, left
    # And all of it comes back as it was.
    install(pair, "now")
    pair.machine.run("systemctl", "is-active", *SERVICES)
