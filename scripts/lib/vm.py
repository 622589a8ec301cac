# SPDX-License-Identifier: BSD-3-Clause
"""A Linux kernel in QEMU, with network cards that are vhost-user sockets.

Always by TCG: it runs everywhere, and a /dev/kvm that is there may still not run this kernel.

    with Vm(image, folder, cards=[(socket, mac), ...]) as vm:   also: DEVICES, more of QEMU's
                                                 words; APPEND, of the kernel's; MEMORY, a file
        vm.sh("ip link set eth0 up")
        ...                                   leaving requires the guest's verdict
"""

import json
import os
import re
import socket
import subprocess
import time

MEMORY_MB = 512


class VmError(Exception):
    pass


class Vm:
    def __init__(self, image, folder, cards, devices=(), append=(), memory=None, machine=None):
        self.image, self.folder, self.cards = image, folder, cards
        self.devices, self.append = list(devices), list(append)
        self.machine = "q35," + (machine + "," if machine else "") + "memory-backend=memory"
        self.memory = f"file,mem-path={memory}" if memory else "memfd"
        self.console = os.path.join(folder, "console.log")
        self.serial = os.path.join(folder, "serial.sock")
        self.process = self.socket = None
        self.data = b""
        self.commands = 0

    def command(self):
        line = ["console=ttyS0", "panic=-1", "quiet", "mitigations=off", "nokaslr",
                "tsc=reliable", "no_timer_check", *self.append]
        command = [
            "nice", "qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512",
            "-cpu", "max", "-smp", "1", "-M", self.machine,
            "-m", f"{MEMORY_MB}M",
            # vhost-user maps the guest's memory into the gateway.
            "-object", f"memory-backend-{self.memory},id=memory,size={MEMORY_MB}M,share=on",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", self.image.vmlinux, "-initrd", self.image.initrd,
            "-append", " ".join(line),
            "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=serial,path={self.serial},server=on,wait=off",
            "-serial", "chardev:serial",
        ]
        for i, (path, mac) in enumerate(self.cards):
            command += [
                "-chardev", f"socket,id=card{i},path={path}",
                "-netdev", f"vhost-user,id=net{i},chardev=card{i}",
                # vectors=0: with MSI-X, QEMU 7.2 under TCG ends in a segmentation fault. No
                # offloads: what the guest sends shall be whole packets with checksums.
                "-device", f"virtio-net-pci,netdev=net{i},mac={mac},csum=off,gso=off,"
                           "guest_csum=off,vectors=0",
            ]
        return command + self.devices

    def start(self, seconds=180):
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        start_new_session=True)
        deadline = time.monotonic() + seconds
        while not os.path.exists(self.serial):
            self.check(deadline, "QEMU starts")
            time.sleep(0.02)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.serial)
        if "hello" not in self.read_line(deadline, "the kernel boots"):
            raise VmError("the guest speaks another language")
        return self

    def console_text(self):
        try:
            with open(self.console, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check(self, deadline, what):
        if self.process.poll() is not None:
            raise VmError(f"{what}: QEMU ended with status {self.process.returncode}: "
                          f"{self.process.stderr.read().decode().strip()}\n"
                          f"{self.console_text()[-2000:]}")
        if time.monotonic() > deadline:
            raise VmError(f"{what}: not in time\n{self.console_text()[-2000:]}")

    def read_line(self, deadline, what):
        self.socket.settimeout(0.5)
        while b"\n" not in self.data:
            self.check(deadline, what)
            try:
                self.data += self.socket.recv(65536)
            except socket.timeout:
                continue
            except ConnectionResetError:
                time.sleep(0.1)  # QEMU ends: check() has its reason
        line, self.data = self.data.split(b"\n", 1)
        return json.loads(line)

    def sh(self, text, seconds=120, check=True):
        """Run TEXT by bash in the guest; its output, or with CHECK=False (status, output)."""
        self.commands += 1
        self.socket.sendall(json.dumps({"shell": text, "seconds": seconds}).encode() + b"\n")
        answer = self.read_line(time.monotonic() + seconds + 30, text)
        if not check:
            return answer["status"], answer["out"]
        if answer["status"] != 0:
            raise VmError(f"guest: {text}\nstatus {answer['status']}: {answer['out'].strip()}")
        return answer["out"]

    def finish(self, seconds=90):
        """End the guest; raises unless it says that it is well and did all that was asked."""
        if self.process is None:
            return
        try:
            self.socket.sendall(b'{"finish": true}\n')
            self.process.wait(seconds)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.kill()
        text = self.console_text()
        verdict = re.findall(r"^VM-VERDICT (\S+) commands=(\d+)", text, re.MULTILINE)
        if verdict != [("ok", str(self.commands))]:
            raise VmError(f"verdict {verdict} after {self.commands} commands:\n{text[-3000:]}")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.process = None
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.kill()
        else:
            self.finish()
