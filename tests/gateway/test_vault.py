"""What cannot be rebuilt: keys that fit no other place, API keys that are shown once, documents that can be erased."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from gateway import vault
from gateway.database import open_database
from gateway.vault import (
    Document,
    Seal,
    Submission,
    VaultLocked,
    add_account,
    backup,
    erase_document,
    erase_own_documents,
    find_document,
    find_schema,
    find_submission,
    find_tenant,
    keep_authentication_key,
    keep_did_keys,
    keep_documents,
    keep_key,
    keep_schema,
    keep_submission,
    new_api_key,
    revoke_api_key,
    take_did_keys,
    take_keys,
)

NETWORK, OTHER = bytes(range(32)), bytes(32)
SEED = b"s" * 32
PEOPLE = [("wuhan", "0xA"), ("wuhan", "0xB"), ("zunyi", "O=A, L=B, C=CN")]


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    monkeypatch.setattr(vault, "SCRYPT_N", 2)
    opened = open_database(tmp_path / "vault.db", vault.SCHEMA, vault.VERSION)
    yield opened
    opened.close()


def document(**changed: object) -> Document:
    fields: dict[str, object] = {
        "chain": "wuhan",
        "class_id": "degree",
        "token": "7",
        "content_root": b"r" * 32,
        "issuer": "0xA",
        "holder": "0xB",
        "content": {"name": "李雷", "score": 3, "passed": True, "note": None},
        "salts": (b"1" * 16, b"2" * 16),
    }
    return Document(**fields | changed)  # type: ignore[arg-type]


def test_the_passphrase_is_stretched_for_real() -> None:
    assert vault.SCRYPT_N >= 2**15


def test_a_sealed_key_opens_at_its_own_account_and_network_only(connection: sqlite3.Connection) -> None:
    seal = Seal(connection, "open sesame", NETWORK)
    nonce, sealed = seal.close_over("wuhan", "0xA", SEED)
    assert seal.open("wuhan", "0xA", nonce, sealed) == SEED
    assert SEED not in sealed
    for chain, address in (("wuhan", "0xB"), ("taian", "0xA"), ("wuhan0", "xA"), ('wuhan", "', "0xA")):
        with pytest.raises(InvalidTag):
            seal.open(chain, address, nonce, sealed)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(InvalidTag):
            seal.open("wuhan", "0xA", nonce, bytes(changed))


def test_a_sealed_key_of_another_network_opens_nowhere(connection: sqlite3.Connection, tmp_path: Path) -> None:
    nonce, sealed = Seal(connection, "open sesame", NETWORK).close_over("wuhan", "0xA", SEED)
    other = open_database(tmp_path / "other.db", vault.SCHEMA, vault.VERSION)
    salt = connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()[0]
    seal = Seal(other, "open sesame", OTHER)
    assert other.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()[0] != salt
    with pytest.raises(InvalidTag):
        seal.open("wuhan", "0xA", nonce, sealed)
    other.close()


@pytest.mark.parametrize(("passphrase", "network"), [("open sesam", NETWORK), ("", NETWORK), ("open sesame", OTHER)])
def test_another_passphrase_or_network_does_not_open_the_vault(
    connection: sqlite3.Connection, passphrase: str, network: bytes
) -> None:
    Seal(connection, "open sesame", NETWORK)
    with pytest.raises(VaultLocked, match="not this vault's, or the vault is another network's"):
        Seal(connection, passphrase, network)
    connection.execute("DELETE FROM meta WHERE name = 'check'")
    with pytest.raises(VaultLocked):
        Seal(connection, "open sesame", NETWORK)


def test_the_keys_of_a_did_are_kept_apart_and_sealed(connection: sqlite3.Connection) -> None:
    seal, did, other = Seal(connection, "open sesame", NETWORK), b"d" * 20, b"o" * 20
    keep_did_keys(connection, seal, did, SEED, b"r" * 32)
    assert take_did_keys(connection, seal, did) == ([SEED], [b"r" * 32])
    assert take_did_keys(connection, seal, other) == ([], [])
    stored = [bytes(value) for row in connection.execute("SELECT nonce, sealed FROM custodial_keys") for value in row]
    assert not any(seed in value for value in stored for seed in (SEED, b"r" * 32))
    keep_did_keys(connection, seal, did, b"n" * 32, b"r" * 32)
    assert sorted(take_did_keys(connection, seal, did)[0]) == [b"n" * 32, SEED]


def test_a_did_is_a_keys_own_as_an_account_is(connection: sqlite3.Connection) -> None:
    api_key = new_api_key(connection, "platform", [*PEOPLE, (vault.DIDS, "0a" * 20)])
    tenant = find_tenant(connection, api_key)
    assert tenant is not None
    assert tenant.has_did(b"\x0a" * 20)
    assert not tenant.has_did(b"\x0b" * 20)
    add_account(connection, tenant.key_id, vault.DIDS, "0b" * 20)
    again = find_tenant(connection, api_key)
    assert again is not None
    assert again.has_did(b"\x0b" * 20)
    assert again.accounts["wuhan"] == ("0xA", "0xB")


def test_a_key_that_is_kept_stays_whatever_is_kept_beside_it(connection: sqlite3.Connection) -> None:
    seal = Seal(connection, "open sesame", NETWORK)
    keep_key(connection, seal, "wuhan", "0xA", SEED)
    keep_key(connection, Seal(connection, "open sesame", NETWORK), "wuhan", "0xA", b"t" * 32)
    assert sorted(take_keys(connection, seal, "wuhan", "0xA")) == [SEED, b"t" * 32]
    assert take_keys(connection, seal, "wuhan", "0xB") == []
    stored = [bytes(value) for row in connection.execute("SELECT nonce, sealed FROM custodial_keys") for value in row]
    assert not any(SEED in value for value in stored)


def test_an_api_key_speaks_for_its_tenant_until_it_is_revoked(connection: sqlite3.Connection) -> None:
    key = new_api_key(connection, "platform", PEOPLE, ["ddc721.mint"])
    tenant = find_tenant(connection, key)
    assert tenant is not None
    assert (tenant.name, tenant.accounts) == ("platform", {"wuhan": ("0xA", "0xB"), "zunyi": ("O=A, L=B, C=CN",)})
    assert (tenant.may("ddc721.mint"), tenant.may("ddc721.revoke")) == (True, False)
    other = find_tenant(connection, new_api_key(connection, "other", []))
    assert other is not None
    assert other.may("ddc721.revoke")
    assert revoke_api_key(connection, tenant.key_id)
    assert find_tenant(connection, key) is None
    assert not revoke_api_key(connection, "unknown")


def test_an_api_key_is_stored_as_its_hash_alone(connection: sqlite3.Connection) -> None:
    key = new_api_key(connection, "platform", [])
    secret = key.rsplit("_", 1)[1]
    assert len(bytes.fromhex(secret)) == 32
    row = connection.execute("SELECT * FROM api_keys").fetchone()
    assert all(secret not in str(value) and bytes.fromhex(secret) != value for value in row)


def test_no_two_api_keys_are_alike(connection: sqlite3.Connection) -> None:
    keys = {new_api_key(connection, "platform", []) for _ in range(50)}
    assert len({part for key in keys for part in key.split("_")[1:]}) == 100


def test_an_api_key_with_one_character_changed_is_unknown(connection: sqlite3.Connection) -> None:
    key = new_api_key(connection, "platform", [])
    for place, character in enumerate(key):
        other = "1" if character == "0" else "0"
        assert find_tenant(connection, key[:place] + other + key[place + 1 :]) is None
    for wrong in ("", "ck", "ck__", key[:-1], key + "0", key.upper(), f"{key}_", key.replace("_", "-"), f" {key}"):
        assert find_tenant(connection, wrong) is None


def test_the_secret_of_an_api_key_is_compared_in_constant_time(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return left == right

    monkeypatch.setattr(vault.hmac, "compare_digest", compare)
    key = new_api_key(connection, "platform", [])
    assert find_tenant(connection, key) is not None
    assert find_tenant(connection, key[:-64] + "0" * 64) is None
    assert compared == [(32, 32)] * 2


@given(st.text(max_size=90) | st.from_regex(r"ck_[0-9a-f]{12}_.{64}", fullmatch=True))
def test_any_other_text_is_no_api_key(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(vault.SCHEMA)
    new_api_key(connection, "platform", [])
    assert find_tenant(connection, text) is None
    connection.close()


def test_an_account_joins_a_key_once_and_after_the_others(connection: sqlite3.Connection) -> None:
    key = new_api_key(connection, "platform", PEOPLE)
    key_id = key.split("_")[1]
    for _ in range(2):
        add_account(connection, key_id, "wuhan", "0xC")
    tenant = find_tenant(connection, key)
    assert tenant is not None
    assert tenant.accounts["wuhan"] == ("0xA", "0xB", "0xC")


def test_a_submission_is_found_under_its_own_key_and_name(connection: sqlite3.Connection) -> None:
    kept = Submission("wuhan", b"raw", {"class": "degree", "token": "7"})
    keep_submission(connection, "one", "name", b"request", kept)
    assert find_submission(connection, "one", "name") == (b"request", kept)
    assert find_submission(connection, "two", "name") is None
    assert find_submission(connection, "one", "other") is None
    renewed = Submission("wuhan", b"signed anew", kept.reference)
    keep_submission(connection, "one", "name", b"request", renewed)
    assert find_submission(connection, "one", "name") == (b"request", renewed)


def test_a_document_is_found_under_its_content_root_alone(connection: sqlite3.Connection) -> None:
    """Two mints under one token id: the chain takes one of them, and the other's document is no answer to it."""
    first, second = document(), document(content_root=b"q" * 32, content={"name": "韩梅梅"}, holder="0xC")
    keep_documents(connection, [first, second])
    keep_documents(connection, [document(content={"name": "another"})])
    assert find_document(connection, "wuhan", "degree", "7", b"r" * 32) == first
    assert find_document(connection, "wuhan", "degree", "7", b"q" * 32) == second
    assert find_document(connection, "wuhan", "degree", "7", b"x" * 32) is None
    assert find_document(connection, "taian", "degree", "7", b"r" * 32) is None


def test_an_erased_document_is_gone_with_all_that_was_tried_under_its_id(connection: sqlite3.Connection) -> None:
    keep_documents(connection, [document(), document(content_root=b"q" * 32), document(token="8")])
    assert erase_document(connection, "wuhan", "degree", "7")
    assert [row[0] for row in connection.execute("SELECT token FROM documents")] == ["8"]
    assert not erase_document(connection, "wuhan", "degree", "7")


def test_who_drafted_something_erases_what_it_has_drafted_under_the_id(connection: sqlite3.Connection) -> None:
    mine = [document(), document(content_root=b"q" * 32)]
    others = [
        document(content_root=b"p" * 32, issuer="0xB"),
        document(token="8"),
        document(class_id="note"),
        document(chain="zunyi"),
    ]
    keep_documents(connection, [*mine, *others])
    assert not erase_own_documents(connection, "wuhan", "degree", "7", ())
    assert not erase_own_documents(connection, "wuhan", "degree", "7", ["0xC"])
    assert erase_own_documents(connection, "wuhan", "degree", "7", ["0xC", "0xA"])
    assert not erase_own_documents(connection, "wuhan", "degree", "7", ["0xA"])
    rows = connection.execute("SELECT chain, class, token, issuer FROM documents").fetchall()
    assert sorted(rows) == sorted((one.chain, one.class_id, one.token, one.issuer) for one in others)


def test_a_key_to_rotate_to_is_kept_beside_those_that_are_kept(connection: sqlite3.Connection) -> None:
    seal = Seal(connection, "open sesame", NETWORK)
    keep_did_keys(connection, seal, b"d" * 20, SEED, b"r" * 32)
    keep_authentication_key(connection, seal, b"d" * 20, b"n" * 32)
    authentication, recovery = take_did_keys(connection, seal, b"d" * 20)
    assert (sorted(authentication), recovery) == ([b"n" * 32, SEED], [b"r" * 32])


def test_a_schema_is_kept_once_under_its_digest(connection: sqlite3.Connection) -> None:
    for text in (b'{"a":1}', b'{"a":2}'):
        keep_schema(connection, b"d" * 32, text)
    assert find_schema(connection, b"d" * 32) == '{"a":1}'
    assert find_schema(connection, b"e" * 32) is None


def test_a_backup_opens_as_the_vault_did_and_stays_its_owners_alone(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    seal = Seal(connection, "open sesame", NETWORK)
    keep_key(connection, seal, "wuhan", "0xA", SEED)
    key = new_api_key(connection, "platform", PEOPLE)
    keep_documents(connection, [document()])
    backup(connection, tmp_path / "copy.db")
    erase_document(connection, "wuhan", "degree", "7")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    copy = open_database(tmp_path / "copy.db", vault.SCHEMA, vault.VERSION)
    assert take_keys(copy, Seal(copy, "open sesame", NETWORK), "wuhan", "0xA") == [SEED]
    assert find_tenant(copy, key) == find_tenant(connection, key)
    assert find_document(copy, "wuhan", "degree", "7", b"r" * 32) == document()
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    assert copy.execute(tables).fetchall() == connection.execute(tables).fetchall()
    copy.close()
