import base64
import hashlib
import hmac

from euthymia.ground.ids import SourceId, is_subject_id
from euthymia.security.pseudonym import blind_index, contact_hash, pseudonym

KEY, OTHER = b"k" * 32, b"o" * 32


def test_pseudonyms_have_the_agreed_form_and_are_stable():
    who = SourceId("urn:euthymia:mrn", "1042")
    name = pseudonym(KEY, who)
    assert is_subject_id(name)
    assert name == pseudonym(KEY, SourceId("urn:euthymia:mrn", "1042"))
    parts = [b"pseudonym", b"urn:euthymia:mrn", b"1042"]
    message = b"".join(b"s" + len(part).to_bytes(4, "big") + part for part in parts)
    by_hand = hmac.new(KEY, message, hashlib.sha256).digest()[:10]
    assert name == "p-" + base64.b32encode(by_hand).decode().lower()


def test_another_key_person_or_system_gives_another_name():
    people = [SourceId("a", "bc"), SourceId("ab", "c"), SourceId("a", "bd"), SourceId("abc", "")]
    for hashed in (pseudonym, blind_index):
        names = [hashed(key, who) for key in (KEY, OTHER) for who in people]
        assert len(set(names)) == len(names)


def test_uses_do_not_share_hashes():
    who = SourceId("a", "b")
    assert pseudonym(KEY, who)[2:] not in blind_index(KEY, who)
    assert len(blind_index(KEY, who)) == 64


def test_contacts():
    assert contact_hash(KEY, "+47 123") == contact_hash(KEY, "+47 123")
    assert contact_hash(KEY, "+47 123") != contact_hash(KEY, "+47 124")
    assert contact_hash(KEY, "x") != contact_hash(OTHER, "x")
    assert contact_hash(KEY, "\udcff").startswith("c-")  # a byte that was not UTF-8


def test_hash_spreads_over_many_people():
    names = {pseudonym(KEY, SourceId("s", str(n))) for n in range(20_000)}
    assert len(names) == 20_000
