# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine with two optical cards and QEMU's edu device behind a virtual IOMMU.

The cards are lumengate-optics-sim's, each behind an ivshmem-doorbell device whose server it is;
it writes into the machine's memory, which is a file of both. The simulator's control socket is
the guest's third serial line.
"""

import os
import subprocess
import time

from vm import Vm
from vm_image import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("LUMENGATE_BUILD", os.path.join(ROOT, "build"))
ALICE, BOB, EDU, EDU_PORT = "0000:00:05.0", "0000:00:06.0", "0000:01:00.0", "0000:00:07.0"
MODULES = ["vfio-pci", "vfio_iommu_type1"]
PROGRAMS = ["bash", "python3"]
CONTROL = "/dev/ttyS2"


class Cards:
    """The simulator, with its two cards in FOLDER."""

    def __init__(self, folder, memory):
        self.alice = os.path.join(folder, "alice.sock")
        self.bob = os.path.join(folder, "bob.sock")
        self.control = os.path.join(folder, "control.sock")
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "drivers/model/lumengate-optics-sim"),
             "--alice", "ivshmem:" + self.alice, "--bob", "ivshmem:" + self.bob,
             "--guest-memory", memory, "--control", self.control, "--retention", "4",
             "--modulator", "-600", "--modulator-walk", "5"],
            stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.bob):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the simulator does not start: " + self.process.stderr.read())
            time.sleep(0.02)

    def close(self):
        self.process.terminate()
        self.process.communicate(timeout=10)


class OpticsVm:
    def __init__(self, folder):
        self.memory = os.path.join(folder, "memory")
        with open(self.memory, "wb") as f:
            f.truncate(512 << 20)
        executables = {"/bin/card-conformance": "tests/conformance/card-conformance",
                       "/bin/vfio-edu": "tests/vm/vfio-edu"}
        image = Image(os.path.join(BUILD, "vm-optics"), {
            "/vm_guest.py": os.path.join(ROOT, "scripts", "lib", "vm_guest.py"),
            "/bin/setup-machine": os.path.join(ROOT, "scripts", "setup-machine")},
            modules=MODULES, programs=PROGRAMS,
            executables={g: os.path.join(BUILD, h) for g, h in executables.items()}).make()
        self.cards = Cards(folder, self.memory)
        self.vm = Vm(image, folder, [], memory=self.memory, machine="kernel-irqchip=split",
                     append=["intel_iommu=on", "hugepages=40"],
                     devices=[
                         "-device", "intel-iommu,intremap=on,caching-mode=on,aw-bits=48",
                         "-chardev", f"socket,id=alice,path={self.cards.alice}",
                         "-device", "ivshmem-doorbell,vectors=4,chardev=alice,addr=5.0",
                         "-chardev", f"socket,id=bob,path={self.cards.bob}",
                         "-device", "ivshmem-doorbell,vectors=4,chardev=bob,addr=6.0",
                         "-device", "pcie-root-port,id=root1,chassis=1,addr=7.0",
                         "-device", "edu,id=edu,bus=root1,dma_mask=0xffffffffffffffff",
                         "-chardev", f"socket,id=control,path={self.cards.control}",
                         "-serial", "chardev:control",
                         "-qmp", f"unix:{os.path.join(folder, 'qmp.sock')},server=on,wait=off",
                     ])
        self.qmp = os.path.join(folder, "qmp.sock")
        try:
            self.vm.start()
        except BaseException:
            self.kill()
            raise

    def bind(self, address):
        """Give the function to vfio-pci."""
        self.vm.sh(f"echo vfio-pci > /sys/bus/pci/devices/{address}/driver_override &&"
                   f" echo {address} > /sys/bus/pci/drivers_probe &&"
                   f" [ $(readlink /sys/bus/pci/devices/{address}/driver) ]")

    def close(self):
        try:
            self.vm.finish()
        finally:
            self.kill()

    def kill(self):
        self.vm.kill()
        self.cards.close()
