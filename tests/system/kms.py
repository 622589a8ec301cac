# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of key delivery share: labs, replies that must be errors, keys that must be alike."""

import json
import os

from kms_client import NOT_FOUND, digest, keys_of  # noqa: F401


def issue(client, slave, number=None, size=None, **options):
    """[(key_ID, bytes)] of an enc_keys that must succeed."""
    reply = client.enc(slave, number, size, **options)
    assert reply.status == 200, reply
    return keys_of(reply)


def fetch(client, master, ids, **options):
    reply = client.dec(master, ids, **options)
    assert reply.status == 200, reply
    return keys_of(reply)


def deliver(master, slave, names=("a-1", "b-1"), number=1, size=256):
    """Keys that MASTER was issued and SLAVE fetched, and that are alike."""
    keys = issue(master, names[1], number, size)
    assert fetch(slave, names[0], [i for i, _ in keys]) == keys
    return keys


def is_error(reply, status, message=None):
    """An Error object of the standard, with that status and, if it is given, that message."""
    assert reply.status == status, reply
    assert reply.headers["content-type"].split(";")[0] == "application/json", reply.headers
    body = json.loads(reply.body)
    assert isinstance(body["message"], str) and body["message"], reply
    if message is not None:
        assert body["message"] == message
    for detail in body.get("details", []):
        assert isinstance(detail, dict)
    return body


def stored(client, slave):
    reply = client.status(slave)
    assert reply.status == 200, reply
    return reply.json["stored_key_count"]


def readable(pid, dumped=True):
    """Ranges of a process's memory; DUMPED: those alone that a core dump would have."""
    with open(f"/proc/{pid}/smaps") as f:
        span, name = None, ""
        for line in f:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                begin, end = (int(x, 16) for x in words[0].split("-"))
                span, name = (begin, end, words[1]), words[5] if len(words) > 5 else ""
            elif words[0] == "VmFlags:" and "r" in span[2]:
                if name in ("[vvar]", "[vsyscall]") or (dumped and "dd" in words[1:]):
                    continue
                yield span[0], span[1], name


def find_in_memory(pid, needles, dumped=True):
    """Which of NEEDLES (bytes) are in the memory of a process, and where."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for begin, end, name in readable(pid, dumped):
            try:
                data = os.pread(mem.fileno(), end - begin, begin)
            except OSError:
                continue
            found += [(n.hex(), hex(begin + data.find(n)), name) for n in needles if n in data]
    return found
