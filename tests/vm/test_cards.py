# SPDX-License-Identifier: BSD-3-Clause
"""The card's driver and its vfio layer in a virtual machine: the conformance suite as it is over
shared memory, and QEMU's edu device for what the model cannot show, the IOMMU."""

import json
import re
import socket
import tempfile
import time

import pytest

from optics_vm import ALICE, BOB, CONTROL, EDU, OpticsVm


@pytest.fixture(scope="module")
def machine():
    with tempfile.TemporaryDirectory(prefix="lumengate-") as folder:
        machine = OpticsVm(folder)
        yield machine
        machine.close()


def test_says_what_a_card_lacks(machine):
    """Before vfio has the functions: what is in the way, in words."""
    def tried(address):
        status, out = machine.vm.sh(f"card-conformance --transport vfio --alice {address}"
                                    " --only identity", check=False)
        assert status == 1 and "1 failed" in out, out
        return out

    assert "not a PCI address such as" in tried("5.0")
    assert "no such PCI function" in tried("0000:00:1e.0")
    assert "its driver is none: bind it to vfio-pci" in tried(ALICE)
    machine.bind(ALICE)
    machine.bind(BOB)
    machine.bind(EDU)


def test_conformance(machine):
    status, out = machine.vm.sh(
        f"card-conformance --transport vfio --alice {ALICE} --bob {BOB} --control {CONTROL}",
        seconds=400, check=False)
    print(out)
    found = re.search(r"^(\d+) passed, (\d+) failed$", out, re.MULTILINE)
    assert found, out
    assert (status, found[2]) == (0, "0"), out
    assert int(found[1]) >= 71, out
    # The model hears nothing of its device's resets; all else is there.
    absent = re.findall(r"^absent (\S+) +([a-z0-9-]+)", out, re.MULTILINE)
    assert absent == [("alice", "function-level-reset"), ("bob", "function-level-reset")], out


def test_vfio_on_a_foreign_device(machine):
    status, out = machine.vm.sh(f"vfio-edu {EDU}", seconds=120, check=False)
    print(out)
    assert status == 0 and re.search(r"^\d+ passed, 0 failed$", out, re.MULTILINE), out
    faults = machine.vm.sh("dmesg | grep -i 'DMAR.*fault addr' | head -20")
    # The two wild addresses, and the one right behind our memory.
    for address in ("0x2000000", "0x10000000"):
        assert f"fault addr {address} " in faults, faults
    behind = re.search(r"memory at 0x([0-9a-f]+)", out)[1]
    assert f"fault addr 0x{int(behind, 16) + (16 << 20):x} " in faults, faults


class Qmp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        json.loads(self.file.readline())
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer or "error" in answer:
                assert "return" in answer, answer
                return answer["return"]

    def close(self):
        self.socket.close()


def test_a_card_that_is_pulled_out(machine):
    """The kernel asks for the function: the transport tells, reads are all ones, and it goes."""
    sh = machine.vm.sh
    sh(f"vfio-edu --leave {EDU} > /tmp/leave 2>&1 &")
    for _ in range(100):
        if "open" in sh("cat /tmp/leave"):
            break
        time.sleep(0.1)
    qmp = Qmp(machine.qmp)
    qmp.run("device_del", id="edu")
    for _ in range(200):
        out = sh("cat /tmp/leave")
        if "left" in out or "stays" in out:
            break
        time.sleep(0.2)
    qmp.close()
    assert out == "open\nall ones\nleft\n", out
    sh(f"for i in {{1..100}}; do [ -e /sys/bus/pci/devices/{EDU} ] || exit 0; sleep 0.1; done; exit 1")
