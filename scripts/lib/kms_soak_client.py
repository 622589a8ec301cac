# SPDX-License-Identifier: BSD-3-Clause
"""One process of the soak: SAEs of both sites that ask, fetch later, and compare. See kms_soak.py.

Reads what it is to do as JSON on standard input; writes "n COUNT" as it goes, and at the end its
figures as JSON. Keys go to a file of records: one byte "i" or "f" for issued or fetched, 16 of UUID,
16 of the key's SHA-256.
"""

import json
import random
import ssl
import sys
import time
import uuid

from kms_client import NOT_FOUND, Client, digest, keys_of

SIZES = (64, 128, 256, 256, 256, 384, 512, 1024)
NUMBERS = (1, 1, 1, 1, 1, 1, 2, 3, 4, 8, 16, 32, 128)
PATIENCE_S = 60     # for key that is under way, or a KME that starts again
DONE = 200          # fetched batches that may be asked for once more
HELD = 24           # batches that wait for their fetch, at most: what a crash may meet


class Pair:
    """A master at one KME and its slave at the other."""

    def __init__(self, entry, ca):
        self.master, self.slave = entry["master"], entry["slave"]
        self.giver = Client(entry["giver"], ca, Files(entry["master_files"]))
        self.fetcher = Client(entry["fetcher"], ca, Files(entry["slave_files"]))
        self.held = []
        self.done = []      # identifiers that were fetched: some of long ago, some of just now


class Files:
    def __init__(self, pair):
        self.pem, self.key = pair


class Soak:
    def __init__(self, job):
        self.dice = random.Random(job["seed"])
        self.pairs = [Pair(p, job["ca"]) for p in job["pairs"]]
        self.want = job["requests"]
        self.records = open(job["records"], "wb")
        self.told = 0
        self.f = dict.fromkeys(
            ("requests", "enc", "dec", "keys", "fetched", "unavailable", "lost_answers", "replays",
             "mismatches", "repeats", "lost_by_crash", "lost"), 0)
        self.problems = []

    def problem(self, what):
        if len(self.problems) < 10:
            self.problems.append(what)

    def count(self):
        self.f["requests"] += 1
        if self.f["requests"] - self.told >= 50:
            self.told = self.f["requests"]
            print("n", self.told, flush=True)

    def ask(self, call):
        """A reply, or None when the connection went before it came."""
        self.count()
        try:
            return call()
        except (OSError, ssl.SSLError):
            self.f["lost_answers"] += 1
            time.sleep(0.02)
            return None

    def record(self, kind, key_id, key):
        self.records.write(kind + uuid.UUID(key_id).bytes + digest(key))

    def issue(self, pair):
        size, number = self.dice.choice(SIZES), self.dice.choice(NUMBERS)
        reply = self.ask(lambda: pair.giver.enc(pair.slave, number, size,
                                                post=self.dice.random() < 0.5))
        if reply is None:
            return  # what was meant for this answer is lost, and never comes again
        if reply.status == 503:
            self.f["unavailable"] += 1
            time.sleep(0.02)
            return
        if reply.status != 200:
            self.problem(f"enc_keys: {reply}")
            self.f["lost"] += 1
            return
        keys = keys_of(reply)
        if len(keys) != number or any(len(k) * 8 != size for _, k in keys):
            self.f["mismatches"] += 1
        self.f["enc"] += 1
        self.f["keys"] += len(keys)
        for key_id, key in keys:
            self.record(b"i", key_id, key)
        # Some of a batch now, some later.
        cut = self.dice.randint(0, len(keys))
        pair.held += [part for part in (keys[:cut], keys[cut:]) if part]

    def fetch(self, pair):
        keys = pair.held.pop(self.dice.randrange(len(pair.held)))
        ids = [i for i, _ in keys]
        began, doubt = time.monotonic(), False
        while True:
            reply = self.ask(lambda: pair.fetcher.dec(
                pair.master, ids, post=len(ids) > 1 or self.dice.random() < 0.5))
            if reply is None:
                doubt = True    # it may have been delivered into the crash
            elif reply.status == 503:
                self.f["unavailable"] += 1
                time.sleep(0.05)
            else:
                break
            if time.monotonic() - began > PATIENCE_S:
                self.problem(f"dec_keys: no key for {PATIENCE_S} s: {reply}")
                self.f["lost"] += len(ids)
                return
        if reply.status == 200:
            self.fetched(keys, keys_of(reply))
        elif doubt and reply.status == 400 and reply.message == NOT_FOUND:
            self.f["lost_by_crash"] += len(ids)
        else:
            self.problem(f"dec_keys: {reply}")
            self.f["lost"] += len(ids)
        if reply.status == 200:
            # Each crash finds some that were fetched before it.
            if len(pair.done) >= DONE:
                pair.done.pop(self.dice.randrange(DONE))
            pair.done.append(ids)
        if pair.done and self.dice.random() < 0.05:
            self.replay(pair, self.dice.choice(pair.done))

    def fetched(self, keys, got):
        self.f["dec"] += 1
        self.f["fetched"] += len(got)
        if got != keys:
            self.f["mismatches"] += 1
            self.problem(f"not the same keys: {[i for i, _ in keys][:3]}")
        for key_id, key in got:
            self.record(b"f", key_id, key)

    def replay(self, pair, ids):
        reply = self.ask(lambda: pair.fetcher.dec(pair.master, ids))
        if reply is None or reply.status == 503:
            return
        self.f["replays"] += 1
        if reply.status != 400 or reply.message != NOT_FOUND:
            self.f["repeats"] += 1
            self.problem(f"replayed: {reply}")

    def run(self):
        while self.f["requests"] < self.want:
            pair = self.dice.choice(self.pairs)
            if pair.held and (len(pair.held) >= HELD or self.dice.random() < 0.5):
                self.fetch(pair)
            else:
                self.issue(pair)
        for pair in self.pairs:
            while pair.held:
                self.fetch(pair)
            for ids in self.dice.sample(pair.done, min(20, len(pair.done))):
                self.replay(pair, ids)
        self.records.close()
        print("n", self.f["requests"])
        print(json.dumps({**self.f, "problems": self.problems}), flush=True)


if __name__ == "__main__":
    Soak(json.load(sys.stdin)).run()
