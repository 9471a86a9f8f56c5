"""Every kind of root keeps the same promises: it opens what it sealed, and fails closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from euthymia.app import vaults
from euthymia.app.vaults import OpenBao, asker, opener, vault_of
from euthymia.ground.errors import AccessError, BusyError, EuthymiaError, IntegrityError
from euthymia.security.hsm import Token
from euthymia.security.keys import Keyring
from euthymia.security.roots import Ask, Passphrase, Vault
from key_homes import bao_server, soft_token

RIGHT = {"passphrase": b"twelve or more", "pkcs11": b"1234", "openbao": b"root"}


def saying(words: bytes) -> Ask:
    return lambda _asked: words + b"\n"


@contextmanager
def vault(kind: str, folder: Path) -> Iterator[tuple[Vault, Vault]]:
    """Yield a vault, and the same with a wrong secret."""
    right, wrong = saying(RIGHT[kind]), saying(b"not it at all")
    if kind == "passphrase":
        cheap = {"memory_kib": 64, "iterations": 1, "lanes": 1, "salt": "ab" * 16}
        yield Passphrase(right, cheap), Passphrase(wrong, cheap)
    elif kind == "pkcs11":
        with soft_token(folder) as settings:
            yield Token(right, settings), Token(wrong, settings)
    else:
        with bao_server(folder) as bao:
            yield OpenBao(right, bao.settings), OpenBao(wrong, bao.settings)


@pytest.mark.parametrize("kind", ["passphrase", "pkcs11", "openbao"])
def test_a_root_opens_what_it_sealed_and_nothing_else(kind: str, tmp_path: Path) -> None:
    with vault(kind, tmp_path / "vault") as (right, wrong):
        sealed = right.seal(b"s" * 32, context=b"here")
        assert b"s" * 32 not in sealed
        assert right.unseal(sealed, context=b"here") == b"s" * 32
        assert right.seal(b"s" * 32, context=b"here") != sealed
        with pytest.raises((IntegrityError, AccessError)):
            right.unseal(sealed, context=b"elsewhere")
        middle = len(sealed) // 2
        changed = sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :]
        with pytest.raises((IntegrityError, AccessError)):
            right.unseal(changed, context=b"here")
        with pytest.raises(AccessError):
            wrong.unseal(sealed, context=b"here")


@pytest.mark.parametrize("kind", ["passphrase", "pkcs11", "openbao"])
def test_a_home_opens_with_its_root_and_can_leave_it(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with vault(kind, tmp_path / "vault") as (right, _):
        made = Keyring.create(folder, vault=right)
        files = b"".join(file.read_bytes() for file in folder.iterdir())
        assert made._root is not None
        assert made._root.secret not in files
        opened = Keyring.open(folder, vaults=opener(saying(RIGHT[kind])))
        assert opened.derive("page") == made.derive("page")
        assert opened.root_kind == kind
        with pytest.raises(AccessError):
            Keyring.open(folder, vaults=opener(saying(b"not it at all")))
        opened.begin_epoch()
        opened.change_root()
        assert Keyring.open(folder).derive("page") == made.derive("page")
        opened.change_root(right)
    assert not (folder / "master.key").exists()


def test_a_key_service_that_is_down_or_sealed_opens_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with bao_server(tmp_path / "bao") as bao:
        right = saying(b"root")
        Keyring.create(folder, vault=OpenBao(right, bao.settings))
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert bao.call("PUT", "/v1/sys/seal") == 204
        with pytest.raises(BusyError, match="503"):
            Keyring.open(folder, vaults=opener(right))
    with pytest.raises(BusyError, match="does not answer"):
        Keyring.open(folder, vaults=opener(right))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    with pytest.raises(BusyError):
        Keyring.create(tmp_path / "new", vault=OpenBao(right, bao.settings))
    assert not (tmp_path / "new").exists()


def test_an_answer_that_is_none_is_refused(tmp_path: Path) -> None:
    with bao_server(tmp_path) as bao:
        vault = OpenBao(saying(b"root"), {**bao.settings, "key": "another"})
        sealed = OpenBao(saying(b"root"), bao.settings).seal(b"s" * 32, context=b"x")
        with pytest.raises(IntegrityError):
            vault.unseal(sealed, context=b"x")
        with pytest.raises(BusyError, match="404"):
            OpenBao(saying(b"root"), {**bao.settings, "mount": "no"}).unseal(sealed, context=b"x")
        with pytest.raises(AccessError):
            OpenBao(saying(b"ro\not"), bao.settings).unseal(sealed, context=b"x")


def test_the_key_service_is_never_asked_in_the_clear_over_a_network() -> None:
    for address in ("http://bao.example.org", "http://10.0.0.7:8200", "ftp://127.0.0.1", "bao"):
        root = OpenBao(saying(b"root"), {"address": address, "key": "clinic"})
        with pytest.raises(EuthymiaError, match="https"):
            root.seal(b"s" * 32, context=b"")
    with pytest.raises(EuthymiaError, match="address"):
        OpenBao(saying(b""), {"key": "clinic"})


def test_a_token_that_is_not_there_opens_nothing(tmp_path: Path) -> None:
    with soft_token(tmp_path) as settings:
        sealed = Token(saying(b"1234"), settings).seal(b"s" * 32, context=b"")
        for changed in ({"module": "/nowhere.so"}, {"token": "gone"}):
            with pytest.raises(BusyError, match="does not answer"):
                Token(saying(b"1234"), {**settings, **changed}).unseal(sealed, context=b"")
        with pytest.raises(IntegrityError, match="right token"):
            Token(saying(b"1234"), {**settings, "key": "gone"}).unseal(sealed, context=b"")
    with pytest.raises(EuthymiaError, match="module"):
        Token(saying(b"1234"), {"token": "a"})


def test_secrets_come_from_files_and_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    file = tmp_path / "phrase"
    file.write_bytes(b"from a file\n")
    with pytest.raises(AccessError, match="chmod 600"):
        asker(str(file))("?")
    file.chmod(0o600)
    assert asker(str(file))("?") == b"from a file\n"
    vaults._from_descriptor.cache_clear()  # another test's pipe may have had the same number
    end, start = os.pipe()
    os.write(start, b"from a pipe")
    os.close(start)
    assert asker(descriptor=end)("?") == b"from a pipe"
    assert asker(descriptor=end)("?") == b"from a pipe"  # asked twice, read once
    monkeypatch.setenv("EUTHYMIA_KEY_SECRET_FILE", str(file))
    assert asker()("?") == b"from a file\n"
    monkeypatch.delenv("EUTHYMIA_KEY_SECRET_FILE")
    with pytest.raises(EuthymiaError, match="nobody to ask"):
        asker()("?")
    with pytest.raises(AccessError, match="cannot be read"):
        asker(str(tmp_path / "gone"))("?")


def test_a_kind_that_is_not_known_is_refused() -> None:
    assert vault_of("key-file", {}, saying(b"")) is None
    with pytest.raises(EuthymiaError, match="cannot open"):
        opener(saying(b""))("cloud", {})


def test_a_worker_is_not_asked_for_what_its_server_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from euthymia.app import vaults

    cheap = {"memory_kib": 64, "iterations": 1, "lanes": 1, "salt": "ab" * 16}
    made = Keyring.create(tmp_path / "keys", vault=Passphrase(saying(b"twelve or more"), cheap))
    assert made.root_secret is not None
    monkeypatch.setattr(vaults, "_ENTRUSTED", [])
    vaults.entrust(made.root_secret)
    worker = Keyring.open(tmp_path / "keys", vaults=opener(asker()))
    assert worker.derive("page") == made.derive("page")
    assert worker.verify() == []
    vaults.entrust(b"x" * 32)
    with pytest.raises(IntegrityError):
        Keyring.open(tmp_path / "keys", vaults=opener(asker()))
