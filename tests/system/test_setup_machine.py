# SPDX-License-Identifier: BSD-3-Clause
"""scripts/setup-machine on a mounted system: which files it writes and why, what it takes back. On a
machine that runs: tests/vm/test_setup_machine.py."""

import json
import os
import subprocess

import pytest

from rig import ROOT

PROGRAM = os.path.join(ROOT, "scripts/setup-machine")
FILES = {"etc/sysctl.d/60-lumengate.conf", "etc/modules-load.d/lumengate.conf",
         "etc/udev/rules.d/60-lumengate.rules", "etc/default/grub.d/lumengate.cfg",
         "etc/systemd/system/lumengate.service.d/50-cpus.conf"}


@pytest.fixture
def tree(tmp_path):
    """A machine with an IOMMU, two NICs and a card, and a configuration that has them all."""
    for path in ("etc/lumengate", "sys/kernel/iommu_groups/7", "sys/bus/pci/devices",
                 "sys/kernel/mm/hugepages/hugepages-2048kB"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages").write_text("0\n")
    for address, driver in (("0000:01:00.0", "ixgbe"), ("0000:02:00.0", "mlx5_core"),
                            ("0000:3b:00.0", None)):
        device = tmp_path / "sys/bus/pci/devices" / address
        device.mkdir()
        if driver:
            (device / "driver").symlink_to(f"../../drivers/{driver}")
    (tmp_path / "etc/lumengate/gateway.json").write_text(json.dumps({"lumengate:gateway": {
        "resources": {"memory": 1000},
        "port": {"lan": {"device": "0000:01:00.0"},
                 "wan": {"device": "net_bonding0,mode=1,member=0000:02:00.0"}},
        "qkd": {"card": {"transport": "vfio", "device": "0000:3B:00.0"}}}}))
    return tmp_path


def setup(tree, *words, answers=""):
    done = subprocess.run([PROGRAM, "--root", str(tree), *words], input=answers,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    return done.returncode, done.stdout


def files(tree):
    return {str(p.relative_to(tree)) for p in tree.rglob("*")
            if p.is_file() and not str(p.relative_to(tree)).startswith("sys/")} \
        - {"etc/lumengate/gateway.json"}


def test_writes_what_the_configuration_takes(tree):
    status, said = setup(tree, "--yes", "--isolate", "2-5,8")
    assert status == 0, said
    assert files(tree) == FILES | {"var/lib/lumengate-machine/before"}
    # (1000 + 64) / 2 MiB.
    assert "vm.nr_hugepages = 532\n" in (tree / "etc/sysctl.d/60-lumengate.conf").read_text()
    rules = (tree / "etc/udev/rules.d/60-lumengate.rules").read_text()
    assert 'KERNEL=="0000:01:00.0"' in rules and 'KERNEL=="0000:3b:00.0"' in rules
    # DPDK works beside this driver of the kernel, and not without it.
    assert "0000:02:00.0" not in rules and "0000:02:00.0 stays with mlx5_core" in said
    words = (tree / "etc/default/grub.d/lumengate.cfg").read_text()
    assert "isolcpus=2-5,8 nohz_full=2-5,8 rcu_nocbs=2-5,8" in words and "iommu" not in words
    # GRUB's own words stay.
    assert subprocess.run(["sh", "-c", 'GRUB_CMDLINE_LINUX=quiet; . "$1"; echo "$GRUB_CMDLINE_LINUX"', "sh",
                           str(tree / "etc/default/grub.d/lumengate.cfg")], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.startswith("quiet isolcpus=")
    unit = (tree / "etc/systemd/system/lumengate.service.d/50-cpus.conf").read_text()
    assert unit == "[Service]\nCPUAffinity=0 2-5 8\n"
    assert setup(tree, "--yes", "--isolate", "2-5,8") == (0, "0000:02:00.0 stays with mlx5_core, beside "
                                                          "which DPDK works\nall is as it should be\n")


def test_undo_brings_back_what_was_there(tree):
    (tree / "etc/modules-load.d").mkdir()
    mine = tree / "etc/modules-load.d/lumengate.conf"
    mine.write_text("loop\n")
    assert setup(tree, "--yes", "--isolate", "2")[0] == 0
    assert mine.read_text() == "vfio-pci\n"
    status, said = setup(tree, "--undo", "--dry-run")
    assert status == 0 and said.count("would: ") == len(FILES) and mine.read_text() == "vfio-pci\n"
    assert setup(tree, "--undo", "--yes")[0] == 0
    assert mine.read_text() == "loop\n" and files(tree) == {"etc/modules-load.d/lumengate.conf"}
    assert setup(tree, "--undo", "--yes") == (0, "nothing was changed by setup-machine\n")


def test_asks_before_each_change(tree):
    assert setup(tree, "--isolate", "2", "--dry-run")[1].count("would: ") == len(FILES)
    assert files(tree) == set()
    # Nobody answers: nothing is changed.
    status, said = setup(tree, "--isolate", "2")
    assert (status, files(tree)) == (1, set()) and said.count("do it? [y/N]") == len(FILES)
    # Only the second.
    status, said = setup(tree, "--isolate", "2", answers="n\ny\nn\n\nno\n")
    assert status == 1 and said.count("left as it is") == len(FILES) - 1
    assert files(tree) == {"etc/modules-load.d/lumengate.conf", "var/lib/lumengate-machine/before"}


@pytest.mark.parametrize("words, reason", [
    (["--isolate", "2-"], "--isolate 2-: not a list of CPUs"),
    (["--isolate", "0-3"], "--isolate 0-3: CPU 0 is everybody's"),
    (["--isolate", "2,0"], "--isolate 2,0: CPU 0 is everybody's"),
    (["--hugepages", "1G"], "--hugepages 1G: not a number of MiB"),
    (["--device", "3b:00.0"], "--device 3b:00.0: not a PCI address"),
    (["--config", "/none"], "/none: there is no such file"),
    (["--hugepage", "1"], "setup-machine [--config FILE]"),
    (["--isolate"], "setup-machine [--config FILE]"),
])
def test_bad_words_change_nothing(tree, words, reason):
    status, said = setup(tree, "--yes", *words)
    assert status == 2 and reason in said
    assert files(tree) == set()
