# SPDX-License-Identifier: BSD-3-Clause
"""Captures: dumpcap on an interface, and the frames of its file."""

import re
import signal
import struct
import subprocess
import time


class Capture:
    """dumpcap on IFACE, from construction to stop(); BEFORE enters a namespace."""

    def __init__(self, before, iface, path):
        self.iface, self.path = iface, path
        self.process = subprocess.Popen(
            [*before, "dumpcap", "-q", "-P", "-B", "32", "-i", iface, "-w", path],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # "Capturing on", then "File:" once the interface and the file are open.
        for line in self.process.stderr:
            if line.startswith("File:"):
                return
        raise RuntimeError(f"dumpcap on {iface}: status {self.process.wait()}")

    def stop(self):
        """The frames, all of them: raises when the kernel dropped one."""
        time.sleep(0.5)
        self.process.send_signal(signal.SIGINT)
        _, text = self.process.communicate(timeout=20)
        counts = re.search(r"received/dropped on interface '[^']*': (\d+)/(\d+)", text)
        assert counts and counts[2] == "0", text
        frames = list(read(self.path))
        assert len(frames) == int(counts[1])
        return frames

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def read(path):
    """Frames of a file in the classic format, as draft-ietf-opsawg-pcap has it."""
    with open(path, "rb") as f:
        data = f.read()
    assert struct.unpack_from("<I", data)[0] in (0xA1B2C3D4, 0xA1B23C4D), "no pcap file"
    at = 24
    while at < len(data):
        captured, length = struct.unpack_from("<II", data, at + 8)
        assert captured == length
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured
