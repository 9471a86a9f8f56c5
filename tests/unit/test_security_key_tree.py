"""Zones, epochs, lending and roots: what a process can reach, and what it never can."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, MissingError
from euthymia.security.envelope import NONCE_BYTES, context, seal
from euthymia.security.key_home import KeyHome
from euthymia.security.keys import ZONES, Keyring
from euthymia.security.roots import Passphrase, local_vault, pack_key_file
from key_homes import first_form

CHEAP = {"memory_kib": 64, "iterations": 1, "lanes": 1, "salt": "00" * 16}


@pytest.fixture
def keyring(tmp_path):
    return Keyring.create(tmp_path / "keys")


def saying(words):
    return lambda _asked: words


def phrase(words=b"a long passphrase\n", settings=CHEAP):
    return Passphrase(saying(words), settings)


def opening(words=b"a long passphrase\n"):
    return lambda kind, settings: local_vault(kind, settings, saying(words))


# -- zones and epochs ----------------------------------------------------------------------------


def test_a_key_wrapped_in_one_zone_does_not_open_in_another(keyring):
    key = keyring.new_data_key()
    for zone in ZONES:
        wrapped = keyring.wrap(key, context=b"p", zone=zone)
        for other in ZONES:
            if other == zone:
                assert keyring.unwrap(wrapped, context=b"p", zone=zone) == key
            else:
                with pytest.raises(IntegrityError):
                    keyring.unwrap(wrapped, context=b"p", zone=other)


def test_every_bit_of_a_wrapped_key_counts(keyring):
    wrapped = keyring.wrap(keyring.new_data_key(), context=b"p")
    for bit in range(8 * len(wrapped)):
        bad = bytearray(wrapped)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            keyring.unwrap(bytes(bad), context=b"p")


def test_old_epochs_are_readable_until_they_are_destroyed(tmp_path, keyring):
    key = keyring.new_data_key()
    old = keyring.wrap(key, context=b"p")
    other = Keyring.open(tmp_path / "keys")  # another process, from before
    assert keyring.begin_epoch("live") == 2
    assert keyring.epochs() == (1, 2)
    new = keyring.wrap(key, context=b"p")
    assert (keyring.epoch_of(old), keyring.epoch_of(new)) == (1, 2)
    assert keyring.unwrap(old, context=b"p") == keyring.unwrap(new, context=b"p") == key
    assert other.unwrap(new, context=b"p") == key  # it reads the new epoch by itself
    tree = (tmp_path / "keys" / "tree").read_bytes()
    assert keyring.destroy_epochs("live", 2) == 1
    assert keyring.destroy_epochs("live", 2) == 0
    assert (tmp_path / "keys" / "tree").read_bytes() != tree
    for ring in (keyring, Keyring.open(tmp_path / "keys")):
        assert ring.epochs() == (2,)
        assert ring.unwrap(new, context=b"p") == key
        with pytest.raises(IntegrityError, match="destroyed"):
            ring.unwrap(old, context=b"p")
    assert keyring.destroy_epochs("live", 99) == 0  # the one in use stays


def test_an_epoch_changes_no_key_by_which_things_are_found(tmp_path, keyring):
    labels = ("page", "pseudonym", "blind", "model", "ledger-mac")
    before = [keyring.derive(label) for label in labels]
    for zone in ZONES:
        keyring.begin_epoch(zone)
    again = Keyring.open(tmp_path / "keys")
    assert [again.derive(label) for label in labels] == before
    assert keyring.verify() == again.verify() == []


def test_the_old_bytes_of_the_tree_are_overwritten(tmp_path, keyring):
    tree = tmp_path / "keys" / "tree"
    os.link(tree, tmp_path / "same-inode")
    keyring.begin_epoch()
    assert set((tmp_path / "same-inode").read_bytes()) == {0}


# -- lending -------------------------------------------------------------------------------------


def test_a_lent_keyring_has_the_zones_it_was_lent(keyring):
    with keyring.lend({"research", "train"}) as end:
        lent = Keyring.borrowed(os.dup(end))
    assert lent.zones == {"research", "train"}
    assert lent.derive("research shard") == keyring.derive("research shard")
    wrapped = keyring.wrap(b"k" * 32, context=b"p", zone="train")
    assert lent.unwrap(wrapped, context=b"p", zone="train") == b"k" * 32
    for label in ("page", "pseudonym", "blind", "contact", "model", "ledger-mac", "anything"):
        with pytest.raises(AccessError, match="lent"):
            lent.derive(label)
    with pytest.raises(AccessError):
        lent.unwrap(keyring.wrap(b"k" * 32, context=b"p"), context=b"p")
    for role in ("token", "ledger", "model"):
        with pytest.raises(KeyError):
            lent.signer(role)
    for change in (lent.begin_epoch, lent.change_root, lent.reload):
        with pytest.raises(AccessError):
            change()
    with pytest.raises(AccessError), lent.lend({"live"}):
        pass


CHILD = """
import sys, time
from euthymia.security.keys import Keyring
ring = Keyring.borrowed(int(sys.argv[1]))
try:
    Keyring.borrowed(int(sys.argv[1]))
except Exception:
    pass
print(ring.derive("research shard").hex(), sorted(ring.zones), flush=True)
time.sleep(60)
"""


def test_a_child_process_never_has_the_live_keys_in_its_memory(tmp_path, keyring):
    with keyring.lend({"research", "train"}) as end:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(end)], pass_fds=[end], stdout=subprocess.PIPE
        )
    try:
        said = child.stdout.readline().decode()
        assert said.split()[0] == keyring.derive("research shard").hex()
        memory = _memory(child.pid)
        tree = keyring._tree.zones
        assert tree["research"].seed in memory  # the search finds what is there
        for zone in ("live", "model", "ledger"):
            assert tree[zone].seed not in memory
            assert tree[zone].current.key not in memory
        for label in ("page", "pseudonym", "blind"):
            assert keyring.derive(label) not in memory
        assert keyring._root.secret not in memory
        assert keyring._tree.signing["token"] not in memory
        arguments = _proc(child.pid, "cmdline") + _proc(child.pid, "environ")
        assert tree["research"].seed.hex().encode() not in arguments
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def _proc(pid, name):
    with Path(f"/proc/{pid}/{name}").open("rb") as file:
        return file.read()


def _memory(pid):
    parts = []
    maps = _proc(pid, "maps").decode().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            where, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(part, 16) for part in where.split("-"))
            memory.seek(start)
            try:
                parts.append(memory.read(end - start))
            except OSError:
                continue
    return b"".join(parts)


def test_keys_can_be_borrowed_once(keyring):
    with keyring.lend({"train"}) as end:
        other = os.dup(end)
        Keyring.borrowed(os.dup(end))
    with pytest.raises(MissingError, match="lent"):
        Keyring.borrowed(other)


# -- roots ---------------------------------------------------------------------------------------


def test_a_passphrase_opens_the_keys_and_no_other_does(tmp_path):
    made = Keyring.create(tmp_path / "keys", vault=phrase())
    assert made.root_kind == "passphrase"
    assert not (tmp_path / "keys" / "master.key").exists()
    again = Keyring.open(tmp_path / "keys", vaults=opening(b"a long passphrase"))
    assert again.derive("page") == made.derive("page")
    assert again.verify() == []
    for wrong in (b"another passphrase", b"", b"a long passphrase ", b"\xff"):
        with pytest.raises(AccessError, match="passphrase"):
            Keyring.open(tmp_path / "keys", vaults=opening(wrong))
    with pytest.raises(MissingError, match="EUTHYMIA_KEY_SECRET_FILE"):
        Keyring.open(tmp_path / "keys")


def test_a_short_passphrase_is_refused_and_nothing_is_made(tmp_path):
    with pytest.raises(AccessError, match="fewer than 12"):
        Keyring.create(tmp_path / "keys", vault=phrase(b"short"))
    assert list(tmp_path.iterdir()) == []


def test_the_default_cost_is_that_of_rfc_9106(tmp_path):
    settings = Passphrase(saying(b"x")).settings
    assert settings["memory_kib"] >= 64 * 1024
    assert settings["iterations"] >= 3
    assert settings["salt"] != Passphrase(saying(b"x")).settings["salt"]
    for changed in ({"memory_kib": 2**40}, {"iterations": 0}, {"salt": 3}):
        with pytest.raises(IntegrityError, match="not one that was written"):
            phrase(settings={**CHEAP, **changed}).unseal(b"", context=b"")


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_a_sealed_root_is_noticed_before_anybody_is_asked(tmp_path, step):
    Keyring.create(tmp_path / "keys", vault=phrase())

    def never(kind, settings):
        raise AssertionError("a vault was asked because of a damaged file")

    tree = tmp_path / "keys" / "tree"
    good = tree.read_bytes()
    for bit in range(0, 8 * len(good), step):  # every byte, and its bits in turn
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        tree.write_bytes(bytes(bad))
        with pytest.raises(IntegrityError):
            Keyring.open(tmp_path / "keys", vaults=never)


def test_the_root_can_be_changed_from_any_kind_to_any(tmp_path, keyring):
    folder = tmp_path / "keys"
    seed = keyring.derive("page")
    old_key = (folder / "master.key").read_bytes()
    keyring.change_root()
    assert (folder / "master.key").read_bytes() != old_key
    assert sorted(p.name for p in folder.iterdir() if "pub" not in p.name) == ["master.key", "tree"]
    assert Keyring.open(folder).derive("page") == seed
    keyring.change_root(phrase())
    assert not (folder / "master.key").exists()
    assert Keyring.open(folder, vaults=opening()).derive("page") == seed
    keyring.change_root(phrase(b"another long passphrase"))
    with pytest.raises(AccessError):
        Keyring.open(folder, vaults=opening())
    keyring.change_root()
    assert keyring.root_kind == "key-file"
    again = Keyring.open(folder)
    assert again.derive("page") == seed
    assert again.verify() == keyring.verify() == []
    (folder / "master.key").write_bytes(old_key)
    with pytest.raises(IntegrityError, match="another key file"):
        Keyring.open(folder)


def test_a_key_file_elsewhere_can_be_changed(tmp_path):
    master = tmp_path / "usb" / "clinic.key"
    keyring = Keyring.create(tmp_path / "keys", master)
    before = master.read_bytes()
    keyring.change_root()
    assert master.read_bytes() != before
    assert [p.name for p in master.parent.iterdir()] == ["clinic.key"]
    assert Keyring.open(tmp_path / "keys", master).verify() == []


STAGES = ("write_private", "replace_private", "shred", "sync_folder")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
def test_a_change_of_root_that_is_cut_off_leaves_the_old_or_the_new(
    tmp_path, monkeypatch, stage, calls, after
):
    from euthymia.security import key_files

    class CutOffError(Exception):
        pass

    keyring = Keyring.create(tmp_path / "keys")
    seed = keyring.derive("page")
    real, seen = getattr(key_files, stage), []

    def cut(*arguments):
        seen.append(1)
        if len(seen) == calls:
            if after:
                real(*arguments)
            raise CutOffError
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(key_files, stage, cut)
        with contextlib.suppress(CutOffError):
            keyring.change_root()
    again = Keyring.open(tmp_path / "keys")
    assert again.derive("page") == seed
    assert again.verify() == []
    again.change_root()
    assert Keyring.open(tmp_path / "keys").derive("page") == seed


# -- killed at any moment ------------------------------------------------------------------------

BUSY = """
import sys
from pathlib import Path
from euthymia.security.keys import Keyring
ring = Keyring.open(Path(sys.argv[1]))
key = bytes.fromhex(sys.argv[2])
print("ready", flush=True)
while True:
    ring.begin_epoch()
    ring.destroy_epochs("live", ring.epochs()[-1])
    ring.change_root()
"""


@pytest.mark.parametrize("delay_ms", [3, 11, 17, 29, 41, 67])
def test_killed_in_the_middle_of_anything_the_keys_open(tmp_path, keyring, delay_ms):
    child = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(tmp_path / "keys"), "00"], stdout=subprocess.PIPE
    )
    child.stdout.readline()
    time.sleep(delay_ms / 1000)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    again = Keyring.open(tmp_path / "keys")
    assert again.derive("page") == keyring.derive("page")
    assert 1 <= len(again.epochs()) <= 2
    assert again.verify() == []
    again.begin_epoch()
    assert [p.name for p in (tmp_path / "keys").iterdir() if p.name.startswith(".")] == []


# -- keys of the first form ----------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", [False, True])
def test_keys_of_the_first_form_are_brought_forward(tmp_path, elsewhere):
    master = tmp_path / "usb.key" if elsewhere else None
    old = first_form(tmp_path / "keys", master)
    data_key = os.urandom(32)
    wrapped = seal(old["wrap"], data_key, context=b"p", compress=False)
    keyring = Keyring.open(tmp_path / "keys", master)
    for label, key in old.items():
        assert label == "wrap" or keyring.derive(label) == key
    assert keyring.unwrap(wrapped, context=b"p") == data_key
    assert keyring.epoch_of(wrapped) == 1
    assert keyring.from_root_alone()
    assert not list((tmp_path / "keys").glob("*.key")) or not elsewhere
    assert keyring.verify() == []
    assert Keyring.open(tmp_path / "keys", master).derive("page") == old["page"]
    again = keyring.wrap(data_key, context=b"p")
    keyring.begin_epoch()
    assert keyring.unwrap(again, context=b"p") == data_key
    keyring.destroy_epochs("live", 2)
    assert not keyring.from_root_alone()
    with pytest.raises(IntegrityError):
        keyring.unwrap(wrapped, context=b"p")
    with keyring.lend({"research", "train", "model", "ledger"}) as end:
        lent = Keyring.borrowed(os.dup(end))
    assert lent.derive("model") == old["model"]
    memory = repr(lent._tree)
    assert all(repr(old[name]) not in memory for name in ("page", "pseudonym", "blind", "wrap"))


def test_a_damaged_key_of_the_first_form_is_named_and_nothing_is_changed(tmp_path):
    first_form(tmp_path / "keys")
    file = tmp_path / "keys" / "ledger.key"
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"ledger\.key"):
        Keyring.open(tmp_path / "keys")
    file.write_bytes(good)
    assert Keyring.open(tmp_path / "keys").verify() == []


def test_bringing_forward_that_was_cut_off_is_finished(tmp_path, monkeypatch):
    from euthymia.security import key_files

    first_form(tmp_path / "keys")

    def cut(path):
        raise EuthymiaError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(key_files, "shred", cut)
        with pytest.raises(EuthymiaError, match="killed"):
            Keyring.open(tmp_path / "keys")
    assert (tmp_path / "keys" / "token.key").exists()
    keyring = Keyring.open(tmp_path / "keys")
    assert keyring.verify() == []
    assert sorted(p.name for p in (tmp_path / "keys").glob("*.key")) == ["master.key"]


def test_a_role_that_an_older_tree_has_no_key_for_gets_one(tmp_path, keyring):
    home = KeyHome(tmp_path / "keys")
    del keyring._tree.signing["model"]
    (tmp_path / "keys" / "model.pub").unlink()
    home.write(keyring._tree, keyring._root)
    again = Keyring.open(tmp_path / "keys")
    again.verifier("model").verify(again.signer("model").sign(b"x"), b"x")
    assert Keyring.open(tmp_path / "keys").verify() == []


def test_a_foreign_key_file_of_a_vault_is_not_taken(tmp_path):
    Keyring.create(tmp_path / "keys", vault=phrase())
    (tmp_path / "keys" / "master.key").write_bytes(pack_key_file(b"a" * 32))
    keyring = Keyring.open(tmp_path / "keys", vaults=opening())
    assert keyring.root_kind == "passphrase"
    assert not (tmp_path / "keys" / "master.key").exists()  # no use, and no harm


# -- nonces --------------------------------------------------------------------------------------

FORK = textwrap.dedent(
    """
    import os
    from euthymia.security.envelope import seal
    seal(b"k" * 32, b"", context=b"", compress=False)  # whatever could be buffered is buffered now
    for child in range(8):
        if os.fork() == 0:
            for _ in range(200):
                sealed = seal(b"k" * 32, b"", context=b"", compress=False)
                os.write(1, sealed[1:13].hex().encode() + b"\\n")
            os._exit(0)
    for child in range(8):
        os.wait()
    """
)


def test_nonces_are_unique_after_a_fork():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, check=True)
    nonces = done.stdout.split()
    assert len(nonces) == 1600
    assert all(len(nonce) == 2 * NONCE_BYTES for nonce in nonces)
    assert len(set(nonces)) == 1600


def test_each_nonce_is_asked_of_the_kernel(monkeypatch):
    asked = []
    real = random._urandom  # os.urandom, under the name that `secrets` calls it by
    assert real is os.urandom
    monkeypatch.setattr(random, "_urandom", lambda size: asked.append(size) or real(size))
    for _ in range(3):
        seal(b"k" * 32, b"text", context=context("x"))
    assert asked == [NONCE_BYTES] * 3
