# SPDX-License-Identifier: BSD-3-Clause
"""Many requests over both KMEs of a lab while either is killed now and then, and what became of
every key: alike at both ends, none twice, none lost but by a crash."""

import json
import os
import random
import subprocess
import sys
import threading
import time

from kme import KmeError, home

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kms_soak_client.py")
RECORD = 33


class Soak:
    """REQUESTS by PROCESSES clients over LAB, whose SAEs are in PAIRS (master, slave); either KME
    is killed KILLS times, at moments that SEED decides, and started again."""

    def __init__(self, lab, pairs, requests, kills, processes=2, seed=1):
        self.lab, self.requests, self.processes = lab, requests, processes
        self.dice = random.Random(seed)
        # Not so early that nothing has been given out, nor so late that nothing follows.
        self.kills = sorted(self.dice.uniform(0.05, 0.95) * requests for _ in range(kills))
        self.counts = [0] * processes
        self.results = [None] * processes
        self.records = [os.path.join(lab.folder, f"soak-{i}") for i in range(processes)]
        self.jobs = [self.job(pairs, i, seed) for i in range(processes)]

    def job(self, pairs, i, seed):
        lab = self.lab

        def files(sae):
            c = lab.certificates.client(sae)
            return c.pem, c.key

        return {"seed": f"{seed}/{i}", "ca": lab.certificates.ca.pem, "records": self.records[i],
                "requests": self.requests // self.processes,
                "pairs": [{"master": m, "slave": s, "giver": lab.kme[home(m)].port,
                           "fetcher": lab.kme[home(s)].port, "master_files": files(m),
                           "slave_files": files(s)} for m, s in pairs]}

    def follow(self, i):
        process = self.clients[i]
        process.stdin.write(json.dumps(self.jobs[i]))
        process.stdin.close()
        for line in process.stdout:
            if line.startswith("n "):
                self.counts[i] = int(line[2:])
            else:
                self.results[i] = json.loads(line)
        process.wait()

    def run(self):
        """Figures; raises when a client or a KME could not go on."""
        began = time.monotonic()
        self.clients = [subprocess.Popen([sys.executable, CLIENT], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True) for _ in self.jobs]
        followers = [threading.Thread(target=self.follow, args=(i,)) for i in range(len(self.jobs))]
        try:
            for f in followers:
                f.start()
            self.watch(followers)
        finally:
            for c in self.clients:
                if c.poll() is None:
                    c.kill()
            for f in followers:
                f.join()
        if None in self.results:
            raise KmeError("a client of the soak ended without figures")
        return self.figures(time.monotonic() - began)

    def watch(self, followers):
        left = list(self.kills)
        while any(f.is_alive() for f in followers):
            for kme in self.lab.kme.values():
                kme.alive()
            if left and sum(self.counts) >= left[0]:
                left.pop(0)
                victim = self.lab.kme[self.dice.choice("ab")]
                time.sleep(self.dice.uniform(0, 0.03))
                victim.kill()
                time.sleep(self.dice.uniform(0, 0.2))
                victim.start()
            time.sleep(0.005)

    def figures(self, seconds):
        total = {k: sum(r[k] for r in self.results) for k in self.results[0] if k != "problems"}
        repeats, unknown = self.check_records()
        total["repeats"] += repeats
        total["mismatches"] += unknown
        return {**total, "kills": sum(k.kills for k in self.lab.kme.values()),
                "seconds": round(seconds, 1),
                "problems": [p for r in self.results for p in r["problems"]]}

    def check_records(self):
        """(identifiers or keys that were issued or fetched twice, fetched ones that nobody was
        issued) over all clients together."""
        issued, keys, fetched, repeats = {}, set(), [], 0
        for path in self.records:
            with open(path, "rb") as f:
                data = f.read()
            os.unlink(path)
            for at in range(0, len(data), RECORD):
                kind, key_id, digest = data[at], data[at + 1:at + 17], data[at + 17:at + RECORD]
                if kind == ord("f"):
                    fetched.append((key_id, digest))
                    continue
                repeats += key_id in issued or digest in keys
                issued[key_id] = digest
                keys.add(digest)
        repeats += len(fetched) - len({i for i, _ in fetched})
        return repeats, sum(issued.get(i) != d for i, d in fetched)


PAIRS = (("a-1", "b-1"), ("a-2", "b-2"), ("b-1", "a-1"), ("b-2", "a-2"), ("a-1", "b-2"),
         ("b-1", "a-2"))
