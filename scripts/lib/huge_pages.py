# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages for a measurement: borrowed from the kernel, and given back."""

import fcntl
import os

COUNT = "/proc/sys/vm/nr_hugepages"
PAGE_MB = 2


def read():
    """(pages there are, pages free) of 2 MiB."""
    figures = {}
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            key, value = line.split(":")
            figures[key] = int(value.split()[0])
    if figures.get("Hugepagesize") != PAGE_MB * 1024:
        return 0, 0
    return figures.get("HugePages_Total", 0), figures.get("HugePages_Free", 0)


class HugePages:
    """Room for MEGABYTES; `available` says whether there is any."""

    def __init__(self, megabytes):
        self.want = megabytes // PAGE_MB
        self.borrowed = 0
        self.available = False

    @staticmethod
    def change(pages):
        """Add PAGES to what there is, a step that no other borrower comes between."""
        with open(COUNT, "r+", encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            before = read()[0]
            f.write(str(max(0, before + pages)))
            f.flush()
            return read()[0] - before

    def __enter__(self):
        # All of it, whatever is free: that may be what another process has just borrowed.
        try:
            if os.geteuid() == 0:
                self.borrowed = self.change(self.want)
        except OSError:
            pass
        self.available = read()[1] >= self.want
        return self

    def __exit__(self, *exc):
        try:
            if self.borrowed > 0:
                self.change(-self.borrowed)
        except OSError:
            pass
        self.borrowed = 0
