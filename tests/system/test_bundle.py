# SPDX-License-Identifier: BSD-3-Clause
"""What leaves a site in a support bundle: enough to find a fault, and no secret."""

import base64
import json
import os
import stat
import subprocess
import tarfile

from conftest import lgctl
from test_kms_tls import Kms

HOOK = "https://hooks.example.org/services/T0/xyzzy"
PASSWORD = "correct horse battery staple"


def everything(path):
    """The files of the archive by their names in its folder."""
    with tarfile.open(path, "r:gz") as archive:
        members = archive.getmembers()
        assert all(m.isfile() and not m.name.startswith(("/", "..")) for m in members)
        assert len({m.name.split("/", 1)[0] for m in members}) == 1
        return {m.name.split("/", 1)[1]: archive.extractfile(m).read() for m in members}


def forms(secret, step=16):
    """Every piece of a secret of STEP bytes, as it could stand in a text."""
    for at in range(0, len(secret) - step + 1, step):
        piece = secret[at:at + step]
        yield piece
        yield piece.hex().encode()
        yield piece.hex().upper().encode()
    whole = base64.b64encode(secret)
    for at in range(0, len(whole) - 24 + 1, 24):
        yield whole[at:at + 24]


def secrets_of(rig, kms):
    """By name: the bytes of every secret of both programs."""
    found = {}
    for name in ("psk", "storage.key"):
        with open(rig.path("site-a", name), "rb") as f:
            found["gateway " + name] = f.read()[:4096]
    with open(rig.path("keys"), "rb") as f:
        found["imported keys"] = f.read(32 * 64)
    with open(kms.path("storage.key"), "rb") as f:
        found["storage key of the KMS"] = f.read()
    with open(kms.settings["private-key"], "rb") as f:
        lines = f.read().splitlines()
    found["private key"] = b"".join(line for line in lines if b"-----" not in line)
    return found


def test_a_bundle_has_the_state_and_no_secret(imported, tmp_path):
    kms = Kms(tmp_path).start()
    web = tmp_path / "web.json"
    web.write_text(json.dumps({"webhook": {"url": HOOK, "password": PASSWORD}}))
    path = str(tmp_path / "bundle.tar.gz")
    words = ("support-bundle", path, "--config", imported.path("site-a", "config.json"),
             "--kms-config", kms.path("kms.json"), "--web-config", str(web), "--yang-dir",
             os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../config"))
    try:
        told = json.loads(lgctl(imported, "a", "--json", *words))
        again = lgctl(imported, "a", *words, check=False)
        secrets = secrets_of(imported, kms)
    finally:
        assert kms.stop() == 0
    assert again.returncode == 1 and "File exists" in again.stderr
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    files = everything(path)
    assert told["files"] == len(files) and told["bytes"] == sum(map(len, files.values()))
    missing = json.loads(files["manifest.json"])["missing"]
    # A gateway without light, and a machine without some stock programs.
    assert {m["what"] for m in missing if not m["what"].startswith("system/")} <= {"web"} | {
        f"gateway/{name}.json" for name in ("otdr_show", "qrng_show", "watch_show", "dwdm_show",
                                            "kme_show", "watch_baseline_show",
                                            "config_candidate")}, missing
    assert {"README", "doctor.json", "config/gateway.json", "config/kms.json", "config/web.json",
            "gateway/status.json", "gateway/alarm_list.json", "gateway/audit_list.json",
            "gateway/config_get.json", "gateway/counter_list.json", "gateway/sa_list.json",
            "gateway/tunnel_list.json", "kms/kms_status.json", "kms/kms_store.json",
            "kms/alarm_list.json", "kms/audit_list.json", "system/uname",
            "system/meminfo"} <= set(files), sorted(files)
    assert json.loads(files["gateway/status.json"])["gateway"]["name"] == "gw-a"
    assert json.loads(files["kms/kms_sae_list.json"])["total"] == 2
    assert any(e["method"] == "keystore_import"
               for e in json.loads(files["gateway/audit_list.json"])["entries"])
    assert json.loads(files["config/gateway.json"])["lumengate:gateway"]["channel"]["psk-file"]
    # The doctor asked both; the KMS has no gateway of its own, and so no key.
    found = {c["check"]: c["level"] for c in json.loads(files["doctor.json"])["checks"]}
    assert {name: found[name] for name in ("gateway", "peer", "keys", "kms", "kms-private-key",
                                           "kms-store", "kms-program", "kms-link", "kms-keys",
                                           "web")} == {
        "gateway": "ok", "peer": "ok", "keys": "ok", "kms": "ok", "kms-private-key": "ok",
        "kms-store": "ok", "kms-program": "ok", "kms-link": "warn", "kms-keys": "warn",
        "web": "fail"}, found
    everywhere = b"\n".join(files.values())
    assert b"hooks.example.org/(left out)" in everywhere
    assert b"xyzzy" not in everywhere and PASSWORD.encode() not in everywhere
    for name, secret in secrets.items():
        for form in forms(secret):
            assert form not in everywhere, name


def test_a_bundle_of_a_machine_where_nothing_runs(tmp_path):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    build = os.environ.get("LUMENGATE_BUILD") or os.path.join(root, "build")
    path = str(tmp_path / "bundle.tar.gz")
    done = subprocess.run(
        [os.path.join(build, "control/lgctl"), "--socket", str(tmp_path / "none"),
         "support-bundle", path, "--config", str(tmp_path / "no.json"), "--kms-config",
         str(tmp_path / "no.json"), "--kms-socket", str(tmp_path / "none")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "without gateway: " in done.stdout and "without kms: " in done.stdout
    assert {"README", "manifest.json", "doctor.json", "system/uname"} <= set(everything(path))
