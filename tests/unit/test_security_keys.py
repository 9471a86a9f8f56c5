"""The keyring: made once, read back the same, and every bit of every file is watched."""

from itertools import product

import pytest

from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.security.keys import ROLES, Keyring, write_private


@pytest.fixture
def keyring(tmp_path):
    return Keyring.create(tmp_path / "keys")


def test_opening_gives_the_same_keys(tmp_path, keyring):
    again = Keyring.open(tmp_path / "keys")
    assert again.derive("page") == keyring.derive("page")
    for role in ROLES:
        again.verifier(role).verify(keyring.signer(role).sign(b"text"), b"text")
    assert again.verify() == []


def test_labels_and_clinics_have_unrelated_keys(tmp_path, keyring):
    other = Keyring.create(tmp_path / "other")
    labels = ["page", "pseudonym", "blind", "contact", "research", "model", "ledger-mac", "session"]
    keys = [ring.derive(label) for ring, label in product((keyring, other), labels)]
    assert all(len(key) == 32 for key in keys)
    assert len(set(keys)) == len(keys)
    assert keyring.new_data_key() != keyring.new_data_key()


def test_wrapped_keys_open_only_for_their_owner(keyring):
    data_key = keyring.new_data_key()
    wrapped = keyring.wrap(data_key, context=b"subject 1")
    assert data_key not in wrapped
    assert keyring.unwrap(wrapped, context=b"subject 1") == data_key
    with pytest.raises(IntegrityError):
        keyring.unwrap(wrapped, context=b"subject 2")
    with pytest.raises(ValueError, match="32 bytes"):
        keyring.wrap(b"short", context=b"subject 1")


def test_nothing_is_overwritten(tmp_path, keyring):
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    with pytest.raises(EuthymiaError, match="already"):
        Keyring.create(tmp_path / "keys")
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "keys" / "master.key", b"another")


def test_only_the_owner_may_read(tmp_path, keyring):
    folder = tmp_path / "keys"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    (folder / "tree").chmod(0o644)
    assert "every user of this machine" in keyring.verify()[0]


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_noticed(tmp_path, keyring, step):
    folder = tmp_path / "keys"
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        for bit in range(0, 8 * len(good), step):  # every byte, and its bits in turn
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            path.write_bytes(bytes(bad))
            with pytest.raises(IntegrityError):
                Keyring.open(folder)
        assert keyring.verify()
        path.write_bytes(good)
    assert keyring.verify() == []


def test_every_cut_and_lengthened_file_is_noticed(tmp_path, keyring):
    folder = tmp_path / "keys"
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        for bad in (b"", good[:-1], good[1:], good + b"\0", good + good):
            path.write_bytes(bad)
            with pytest.raises(IntegrityError):
                Keyring.open(folder)
            assert keyring.verify()
        path.write_bytes(good)


def test_swapped_and_missing_files(tmp_path, keyring):
    folder = tmp_path / "keys"
    token, ledger = folder / "token.pub", folder / "ledger.pub"
    first, second = token.read_bytes(), ledger.read_bytes()
    token.write_bytes(second)
    with pytest.raises(IntegrityError, match=r"token\.pub"):
        Keyring.open(folder)
    token.write_bytes(first)
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        path.unlink()
        with pytest.raises(MissingError):
            Keyring.open(folder)
        assert keyring.verify()
        path.write_bytes(good)
        path.chmod(0o600)
    with pytest.raises(MissingError, match="init"):
        Keyring.open(tmp_path / "nowhere")
    assert keyring.verify() == []


def test_keys_of_another_clinic_are_noticed(tmp_path, keyring):
    Keyring.create(tmp_path / "other")
    (tmp_path / "keys").rename(tmp_path / "gone")
    (tmp_path / "other").rename(tmp_path / "keys")
    assert keyring.verify() == ["keys: the files hold other keys than those this process runs on"]


def test_a_stranger_in_the_folder_is_reported(tmp_path, keyring):
    (tmp_path / "keys" / "notes.txt").write_text("?")
    assert "notes.txt" in keyring.verify()[0]


def test_master_key_elsewhere(tmp_path):
    master = tmp_path / "usb" / "clinic.key"
    keyring = Keyring.create(tmp_path / "keys", master)
    assert not (tmp_path / "keys" / "master.key").exists()
    assert Keyring.open(tmp_path / "keys", master).derive("page") == keyring.derive("page")
    with pytest.raises(MissingError, match="master key"):
        Keyring.open(tmp_path / "keys")
    kept = master.read_bytes()
    second = Keyring.create(tmp_path / "keys2", master)
    assert master.read_bytes() == kept
    assert second.derive("page") != keyring.derive("page")
    assert keyring.verify() == second.verify() == []


def test_a_failed_creation_leaves_nothing(tmp_path):
    master = tmp_path / "bad.key"
    master.write_bytes(b"not a key")
    with pytest.raises(IntegrityError):
        Keyring.create(tmp_path / "keys", master)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.key"]
