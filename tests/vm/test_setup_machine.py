# SPDX-License-Identifier: BSD-3-Clause
"""scripts/setup-machine on a kernel that runs: huge pages, and a device that goes to vfio-pci and back."""

import tempfile

import pytest

from optics_vm import ALICE, EDU, OpticsVm

PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


@pytest.fixture(scope="module")
def sh():
    with tempfile.TemporaryDirectory(prefix="lumengate-") as folder:
        machine = OpticsVm(folder)
        machine.vm.sh("ln -s /bin/busybox /usr/bin/env")
        yield machine.vm.sh
        machine.close()


def driver(sh, address):
    return sh(f"basename $(readlink /sys/bus/pci/devices/{address}/driver || echo none)").strip()


def test_makes_the_machine_ready_and_takes_it_back(sh):
    """The virtual machine begins with 40 huge pages, and no driver for its cards."""
    assert (sh(f"cat {PAGES}").strip(), driver(sh, EDU)) == ("40", "none")
    sh("mkdir -p /etc/lumengate; cat >/etc/lumengate/gateway.json <<'END'\n"
       '{"lumengate:gateway": {"resources": {"memory-mib": 64},\n'
       f' "qkd": {{"card": {{"transport": "vfio", "device": "{ALICE}"}}}}}}}}\nEND')
    before = sh("find /etc /var | sort")
    said = sh(f"setup-machine --dry-run --device {EDU}")
    # It has 64 + 64 MiB in 64 pages to bring, two devices, and files; an IOMMU is at work.
    assert said.count("would: ") == 6 and "no IOMMU" not in said, said
    assert (sh("find /etc /var | sort"), driver(sh, EDU)) == (before, "none")

    said = sh(f"setup-machine --yes --device {EDU}")
    assert said.endswith("all is as it should be\n"), said
    assert int(sh(f"cat {PAGES}")) >= 64
    assert (driver(sh, EDU), driver(sh, ALICE)) == ("vfio-pci", "vfio-pci")
    # As the kernel's own driver interface has it, the device opens.
    assert "passed, 0 failed" in sh(f"vfio-edu {EDU}", seconds=120)
    assert sh(f"setup-machine --yes --device {EDU}").count("\n") == 2  # CPUs; all as it should be

    # As at the next boot: the rule's own words.
    rule = sh("grep -o 'RUN+=\".*\"' /etc/udev/rules.d/60-lumengate.rules | head -n 1").strip()
    command = rule[len('RUN+="'):-1].replace("%k", EDU)
    assert command.endswith("setup-machine --bind " + EDU)
    sh(f"echo {EDU} >/sys/bus/pci/drivers/vfio-pci/unbind;"
       f" echo >/sys/bus/pci/devices/{EDU}/driver_override")
    assert driver(sh, EDU) == "none"
    sh(command)
    assert driver(sh, EDU) == "vfio-pci"

    sh("setup-machine --undo --yes")
    assert (sh(f"cat {PAGES}").strip(), driver(sh, EDU), driver(sh, ALICE)) == ("40", "none", "none")
    assert sh("find /etc /var -type f | sort") == "/etc/lumengate/gateway.json\n"


def test_a_device_that_is_not_there_is_named(sh):
    status, said = sh("setup-machine --yes --device 0000:55:00.0", check=False)
    assert status == 1 and "0000:55:00.0: no such PCI device" in said, said
    sh("setup-machine --undo --yes")
