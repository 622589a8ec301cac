# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages for a measurement: borrowed from the kernel, and given back."""

import fcntl
import os

COUNT = "/proc/sys/vm/nr_hugepages"
MEMINFO = "/proc/meminfo"
PAGE_MB = 2


def read():
    """(pages there are, pages that can be had) of 2 MiB."""
    figures = {}
    with open(MEMINFO, encoding="ascii") as f:
        for line in f:
            key, value = line.split(":")
            figures[key] = int(value.split()[0])
    if figures.get("Hugepagesize") != PAGE_MB * 1024:
        return 0, 0
    # The free ones include what others have mapped and not touched yet.
    free = figures.get("HugePages_Free", 0) - figures.get("HugePages_Rsvd", 0)
    return figures.get("HugePages_Total", 0), max(0, free)


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
            # Not the total: that has surplus pages too, which go with who uses them.
            before = int(f.read())
            f.seek(0)
            f.write(str(max(0, before + pages)) + "\n")
            f.flush()
            f.seek(0)
            return int(f.read()) - before

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
