# SPDX-License-Identifier: BSD-3-Clause
"""The programs as services: what a service manager hears of them on its socket."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from rig import ROOT
from test_kms_tls import Kms

BUILD = os.environ.get("LUMENGATE_BUILD") or os.path.join(ROOT, "build")


class Manager:
    """A service manager's end of NOTIFY_SOCKET, with a WatchdogSec= of two seconds."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.variables = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000"}

    def hear(self, seconds=10):
        """The next message as a dictionary."""
        self.socket.settimeout(seconds)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def next_but_beats(self):
        while True:
            message = self.hear()
            if "WATCHDOG" not in message:
                return message


@pytest.fixture
def manager(tmp_path, monkeypatch):
    m = Manager(str(tmp_path / "notify"))
    for name, value in m.variables.items():
        monkeypatch.setenv(name, value)
    yield m
    m.socket.close()


def assert_beats(manager):
    """More than two in the time after which a program is taken for hung."""
    begin = time.monotonic()
    for _ in range(3):
        assert manager.hear(2) == {"WATCHDOG": "1"}
    assert 0.5 < time.monotonic() - begin < 2


def test_the_key_delivery_tells_when_it_serves_reloads_and_stops(tmp_path, manager):
    kms = Kms(tmp_path).start()
    try:
        assert manager.hear() == {"READY": "1", "STATUS": "serves"}
        assert manager.hear() == {"WATCHDOG": "1"}
        assert_beats(manager)
        kms.process.send_signal(signal.SIGHUP)
        assert manager.next_but_beats()["RELOADING"] == "1"
        assert manager.next_but_beats() == {"READY": "1", "STATUS": "serves"}
        os.rename(kms.path("trust.pem"), kms.path("away.pem"))
        kms.process.send_signal(signal.SIGHUP)
        assert manager.next_but_beats()["RELOADING"] == "1"
        ready = manager.next_but_beats()
        assert ready["READY"] == "1"
        assert ready["STATUS"].startswith("serves with what was loaded before: ")
        assert "trust.pem" in ready["STATUS"]
    finally:
        assert kms.stop() == 0
    assert manager.next_but_beats()["STOPPING"] == "1"


def test_a_key_delivery_that_hangs_beats_no_more(tmp_path, manager):
    kms = Kms(tmp_path).start()
    try:
        assert manager.next_but_beats()["READY"] == "1"
        os.kill(kms.process.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            for _ in range(4):  # those that were on their way
                manager.hear(1.5)
        os.kill(kms.process.pid, signal.SIGCONT)
        assert_beats(manager)
    finally:
        os.kill(kms.process.pid, signal.SIGCONT)
        assert kms.stop() == 0


def test_the_client_of_a_foreign_kme_serves_while_it_waits(tmp_path, manager):
    with open(os.path.join(ROOT, "config/examples/foreign-kme-a.json")) as f:
        config = json.load(f)
    foreign = config["lumengate:gateway"]["foreign-kme"]
    foreign["socket"] = str(tmp_path / "kme.sock")
    for name in ("ca", "certificate", "private-key"):
        foreign[name] = str(tmp_path / name)
        (tmp_path / name).touch()
    (tmp_path / "gateway.json").write_text(json.dumps(config))
    client = subprocess.Popen([os.path.join(BUILD, "control/lumengate-kme-client"), "--config",
                               str(tmp_path / "gateway.json"), "--yang-dir",
                               os.path.join(ROOT, "config")], stderr=subprocess.DEVNULL)
    try:
        assert manager.hear() == {"READY": "1", "STATUS": "waits for the gateway"}
        assert manager.hear() == {"WATCHDOG": "1"}
        assert_beats(manager)
        # A gateway that says nothing for longer than WatchdogSec=.
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gateway:
            gateway.bind(foreign["socket"])
            gateway.listen(1)
            peer, _ = gateway.accept()
            assert manager.next_but_beats() == {"READY": "1",
                                                "STATUS": "fetches keys for the gateway"}
            assert_beats(manager)
            assert_beats(manager)
            peer.close()
        assert manager.next_but_beats()["STATUS"] == "waits for the gateway"
    finally:
        client.terminate()
        assert client.wait(10) == 0
    assert manager.next_but_beats()["STOPPING"] == "1"


UNITS = ("lumengate", "lumengate-kms", "lumengate-web", "lumengate-kme-client")
# systemd-analyze security, of 100: the gateway needs root, the network and devices.
EXPOSURE = {"lumengate": 50, "lumengate-kms": 20, "lumengate-web": 20, "lumengate-kme-client": 20}
EVERY_UNIT = {"Type": "notify", "WatchdogSec": "20", "Restart": "on-failure",
              "RestartPreventExitStatus": "2", "LimitCORE": "0", "NoNewPrivileges": "yes",
              "ProtectSystem": "strict", "ProtectHome": "yes"}
analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")


def unit_text(unit):
    """As it will be installed, with the programs of this build."""
    with open(os.path.join(BUILD, "config/systemd", unit + ".service")) as f:
        return re.sub(r"^(Exec\w+)=\S+/(\S+)", rf"\1={BUILD}/control/\2", f.read(), flags=re.M)


def systemd_analyze(path, *words):
    done = subprocess.run(["systemd-analyze", *words, str(path)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_as_every_service_should_be(unit):
    pairs = re.findall(r"^(\w+)=(.*)$", unit_text(unit), re.M)
    assert {k: v for k, v in pairs if k in EVERY_UNIT} == EVERY_UNIT
    settings = dict(pairs)
    assert settings.get("User", "root") == {"lumengate": "root", "lumengate-kms": "lumengate-kms",
                                            "lumengate-web": "lumengate-web",
                                            "lumengate-kme-client": "lumengate-kme"}[unit]
    assert settings["ConditionPathExists"].startswith("/etc/lumengate/")


@analyze
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_units(unit, tmp_path):
    path = tmp_path / (unit + ".service")
    text = unit_text(unit)
    path.write_text(text)
    assert systemd_analyze(path, "verify", "--recursive-errors=no") == (0, "")
    status, said = systemd_analyze(path, "security", "--offline=true",
                                   f"--threshold={EXPOSURE[unit]}")
    assert status == 0, said
    # It would say so.
    path.write_text(text.replace("ProtectSystem=", "ProtectSystm=")
                    .replace("CapabilityBoundingSet=", "#"))
    assert "ProtectSystm" in systemd_analyze(path, "verify", "--recursive-errors=no")[1]
    assert systemd_analyze(path, "security", "--offline=true",
                           f"--threshold={EXPOSURE[unit]}")[0] == 1


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers")
def test_users_and_folders_of_the_services(tmp_path):
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    users = os.path.join(ROOT, "config/systemd/lumengate.sysusers.conf")
    folders = os.path.join(BUILD, "config/systemd/lumengate.conf")
    subprocess.run(["systemd-sysusers", f"--root={root}", users], check=True, timeout=60)
    subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", folders], check=True,
                   timeout=60)
    groups = dict(line.split(":")[0:3:2]
                  for line in (root / "etc/group").read_text().splitlines())
    assert {"lumengate", "lumengate-kms", "lumengate-kme"} <= set(groups)
    for user in ("lumengate-kms", "lumengate-kme", "lumengate-web"):
        assert f"\n{user}:x:" in "\n" + (root / "etc/passwd").read_text()
    kms = (root / "etc/lumengate/kms").stat()
    assert (kms.st_mode & 0o777, kms.st_uid, str(kms.st_gid)) == (0o750, 0, groups["lumengate-kms"])
    assert (root / "run/lumengate").stat().st_mode & 0o777 == 0o755
    sockets = (root / "run/lumengate-kms").stat()
    assert (sockets.st_mode & 0o7777, str(sockets.st_gid)) == (0o2755, groups["lumengate"])
