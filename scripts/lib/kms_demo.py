# SPDX-License-Identifier: BSD-3-Clause
"""Key delivery, shown end to end: two gateways make key out of photons, hand it to a key management
entity (KME) at each site, and an encryptor at each site fetches the same key there with curl. See
scripts/kms-demo."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

from kme import SITES, free_port
from kms_certificates import CertificateError, Certificates
from rig import ROOT, Rig, RigError

SAE = {"a": "encryptor-a", "b": "encryptor-b"}
NUMBER = 2


def parse(argv):
    p = argparse.ArgumentParser(prog="scripts/kms-demo", description=__doc__)
    p.add_argument("--keep", action="store_true",
                   help="leave everything running and say how to look around")
    return p.parse_args(argv)


class Demo:
    def __init__(self):
        self.rig = Rig()
        self.problems = []
        self.port = {s: free_port() for s in SITES}
        self.began = time.monotonic()

    def say(self, text=""):
        print(text, flush=True)

    def step(self, text):
        self.say(f"\n[{time.monotonic() - self.began:4.1f} s] {text}")

    def check(self, ok, problem):
        if not ok:
            self.problems.append(problem)

    def folder(self, site, name=""):
        return self.rig.path("kme-" + site, name)

    # --- what is there before the first request --------------------------------------------

    def gateways(self):
        self.step("two gateways and a simulated quantum link between them")
        self.rig.wire()
        for site in SITES:
            os.mkdir(self.folder(site), 0o700)
            config = self.rig.config(site)
            config["lumengate:gateway"]["delivery"] = {"socket": self.delivery(site)}
            self.rig.write_config(site, config)
        self.rig.start_model()
        for site in SITES:
            self.rig.start_gateway(site)
        for site in SITES:
            self.rig.wait_ready(site)

    def delivery(self, site):
        return self.rig.path("site-" + site, "delivery.sock")

    def authority(self):
        self.step("a test CA, and certificates for two KMEs and two encryptors (openssl, P-256)")
        self.certificates = Certificates(self.rig.path("certificates"))
        for site in SITES:
            self.certificates.client(SAE[site])

    def kmes(self):
        self.step("lumengate-kms at each site, which gets its keys from its gateway")
        for site in SITES:
            key = os.open(self.folder(site, "storage.key"), os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(key, os.urandom(32))
            os.close(key)
            c = self.certificates
            with open(self.folder(site, "kms.json"), "w") as f:
                json.dump({"lumengate:kms": {
                    "name": f"kme-{site}", "site": site, "peer-name": "kme-" + ("b" if site == "a" else "a"),
                    "listen": [{"address": "127.0.0.1", "port": self.port[site]}],
                    "certificate": c.kme[site].pem, "private-key": c.kme[site].key,
                    "ca": c.ca.pem, "crl": c.ca.crl, "gateway-socket": self.delivery(site),
                    "store": {"path": self.folder(site, "kms.db"), "max-size-kib": 4 << 10,
                              "storage-key": self.folder(site, "storage.key")},
                    "control": {"socket": self.folder(site, "control.sock")}}}, f, indent=2)
            self.rig.start("kme-" + site, [
                self.rig.program("lumengate-kms"), "--config", self.folder(site, "kms.json"),
                "--yang-dir", os.path.join(ROOT, "config")])
        for site in SITES:
            self.rig.wait_for(lambda: self.lgctl(site, "kms", "status"), 15, f"kme-{site} answers")

    def lgctl(self, site, *words, show=False):
        if show:
            self.say(f"  {site}$ lgctl " + " ".join(words))
        done = subprocess.run(
            [self.rig.program("lgctl"), "--socket", self.folder(site, "control.sock"), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise OSError(f"lgctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout or "ok"

    def saes(self):
        self.step("who may have keys: an encryptor at each site, known to both KMEs")
        for site in SITES:
            other = "b" if site == "a" else "a"
            self.lgctl(site, "kms", "sae", "add", SAE[site], show=True)
            self.lgctl(site, "kms", "sae", "add", SAE[other], "--side", "peer", show=True)

    # --- requests --------------------------------------------------------------------------

    def curl(self, site, path, *options, show=None, who=None):
        """(HTTP status, body) of a request at the KME of SITE; SHOW: how OPTIONS are told."""
        c = self.certificates.client(who or SAE[site])
        url = f"https://localhost:{self.port[site]}/api/v1/keys/{path}"
        if show is not None:
            self.say(f"  {site}$ curl --cert {c.name}.pem --key {c.name}.key --cacert ca.pem \\\n"
                     f"       {show}'{url}'")
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "10", "--cert", c.pem, "--key",
             c.key, "--cacert", self.certificates.ca.pem, "--write-out", "\n%{http_code}",
             *options, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise OSError("curl: " + done.stderr.strip())
        body, _, status = done.stdout.rpartition("\n")
        if show is not None:
            self.say(f"  {status} {body}")
        return int(status), json.loads(body)

    def wait_key(self):
        self.step("the first photons become key")
        for site in SITES:
            other = "b" if site == "a" else "a"

            def enough():
                status, body = self.curl(site, f"{SAE[other]}/status")
                return status == 200 and body["stored_key_count"] >= 2 * NUMBER

            self.rig.wait_for(enough, 60, f"key for encryptor-{site}")

    def alive(self):
        for site in SITES:
            process = self.rig.processes["kme-" + site]
            if process.poll() is not None:
                raise RigError(f"kme-{site} ended with status {process.returncode}:\n"
                               + self.rig.log_text("kme-" + site))

    def fetch(self):
        a, b = SAE["a"], SAE["b"]
        self.step(f"{a} asks its KME for {NUMBER} keys to share with {b}")
        status, given = self.curl("a", f"{b}/enc_keys?number={NUMBER}&size=256", show="")
        self.check(status == 200 and len(given.get("keys", ())) == NUMBER, "enc_keys gave no keys")
        ids = json.dumps({"key_IDs": [{"key_ID": k["key_ID"]} for k in given.get("keys", ())]})
        self.step(f"{a} tells {b} the identifiers, which are no secret; {b} asks its own KME")
        self.say(f"  b$ ids='{ids}'")
        post = ("--json", ids)
        told = '--json "$ids" '
        status, got = self.curl("b", f"{a}/dec_keys", *post, show=told)
        self.check(status == 200 and got == given, "dec_keys gave other keys")
        if status == 200 and got == given:
            self.say("  the same keys: they crossed in no message")
        self.step("nobody gets them twice")
        status, body = self.curl("b", f"{a}/dec_keys", *post, show=told)
        self.check(status == 400 and "message" in body, "a key was delivered twice")
        self.step("and nobody else: the CA knows this one, the operator does not")
        status, body = self.curl("b", f"{a}/dec_keys", *post, show=told, who="stranger")
        self.check(status == 401 and "message" in body, "a stranger was not refused")

    def account(self):
        self.step("who took how many; which bytes, no operator sees")
        for site in SITES:
            self.say("  " + self.lgctl(site, "kms", "usage", show=True).rstrip()
                     .replace("\n", "\n  "))

    def run(self):
        self.gateways()
        self.authority()
        self.kmes()
        self.saes()
        self.wait_key()
        self.fetch()
        self.alive()
        self.account()
        for problem in self.problems:
            self.say("NOT AS IT SHOULD BE: " + problem)
        if not self.problems:
            self.say(f"\nall as it should be, after {time.monotonic() - self.began:.1f} s")

    def keep(self):
        c = self.certificates.client(SAE["a"])
        self.say(f"""
Everything runs on until Ctrl-C. To look around:
  curl --cert {c.pem} --key {c.key} --cacert {self.certificates.ca.pem} \\
    https://localhost:{self.port['a']}/api/v1/keys/{SAE['b']}/status
  {self.rig.program('lgctl')} --socket {self.folder('a', 'control.sock')} kms sae list
  logs: {self.rig.dir}/*.log""")
        while True:
            self.rig.alive()
            self.alive()
            time.sleep(1)


def main():
    args = parse(sys.argv[1:])
    demo = Demo()

    def interrupted(_signal, _frame):
        raise KeyboardInterrupt

    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, interrupted)
    try:
        demo.run()
        if args.keep:
            demo.keep()
        return 1 if demo.problems else 0
    except (RigError, CertificateError, OSError, ValueError, subprocess.TimeoutExpired) as e:
        print(f"kms-demo: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nkms-demo: interrupted, cleaning up", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        demo.rig.down()


if __name__ == "__main__":
    sys.exit(main())
