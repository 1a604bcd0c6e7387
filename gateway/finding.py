"""One search over all chains: classes, DIDs with their accounts, and certificates, by whatever names one of them.

What is found is a hint where to look: whoever needs to be sure reads it by its id, with its proof.
"""

import re
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from chain.errors import AddressMalformed
from chain.universal_id import IdMalformed, class_uid, parse_name
from gateway.arguments import format_did, parse_did
from gateway.directory import accounts_of, dids_of, list_dids
from gateway.search import Rules, find_tokens, list_classes, named_accounts, search

_DID: Final = re.compile(r"(did:bsn:)?[0-9a-f]{40}")
Json = dict[str, Any]


def find_anything(connection: sqlite3.Connection, rules: Rules, text: str, chain: str | None, limit: int) -> Json:
    """Classes, DIDs and certificates that `text` names, or part of a class's name; without text, all classes and DIDs."""
    dids = _named_dids(connection, rules, text, chain)
    classes = [one for one in _classes(connection, rules, chain) if _fits(one, text, dids)]
    issuers = [parse_did(one["issuer_did"]) for one in classes if one["issuer_did"] is not None]
    shown = list(dict.fromkeys((*dids, *issuers))) if text else list_dids(connection, chain, limit)
    return {
        "classes": classes[:limit],
        "dids": [_did_view(connection, rules, did, chain) for did in shown[:limit]],
        "certificates": _certificates(connection, rules, text, chain, dids, limit) if text else [],
        "more": len(classes) > limit or len(shown) > limit,
    }


def _named_dids(connection: sqlite3.Connection, rules: Rules, text: str, chain: str | None) -> list[bytes]:
    """The DID that the text is, and those whose accounts have an address like it."""
    own = [parse_did(text)] if _DID.fullmatch(text) else []
    known = [did for did in own if accounts_of(connection, did)]
    return list(dict.fromkeys((*known, *dids_of(connection, named_accounts(rules, chain, text)))))


def _classes(connection: sqlite3.Connection, rules: Rules, chain: str | None) -> list[Json]:
    return [
        {
            **one,
            "uid": class_uid(one["chain"], one["standard"], one["class"]),
            "issuer_did": _did(connection, rules, one),
        }
        for one in list_classes(connection, chain)
    ]


def _did(connection: sqlite3.Connection, rules: Rules, one: Json) -> str | None:
    try:
        account = (one["chain"], rules[one["chain"]].addresses.parse(one["issuer"]))
    except AddressMalformed:  # of another format of the index
        return None
    return next(map(format_did, dids_of(connection, [account])), None)


def _fits(one: Json, text: str, dids: Iterable[bytes]) -> bool:
    """Whether the text is part of the class's id or names, its chain, or of its issuer."""
    wanted = text.casefold()
    words = (one["class"], one["name_en"].casefold(), one["name_zh"], one["uid"])
    return any(wanted in word for word in words) or wanted == one["chain"] or one["issuer_did"] in map(format_did, dids)


def _did_view(connection: sqlite3.Connection, rules: Rules, did: bytes, chain: str | None) -> Json:
    """A DID, its accounts on the chain or on all, and the classes that they have defined."""
    accounts = [
        {"chain": where, "address": rules[where].addresses.format(address)}
        for where, address in accounts_of(connection, did)
        if chain in (None, where)
    ]
    own = {(one["chain"], one["address"]) for one in accounts}
    classes = [one for one in list_classes(connection, chain) if (one["chain"], one["issuer"]) in own]
    return {
        "did": format_did(did),
        "accounts": accounts,
        "issues": [{"chain": one["chain"], "class": one["class"]} for one in classes],
    }


def _certificates(
    connection: sqlite3.Connection, rules: Rules, text: str, chain: str | None, dids: Iterable[bytes], limit: int
) -> list[Json]:
    """Those of an id or a token, and those that the DIDs hold or have issued."""
    on_chain = {} if chain is None else {"chain": chain}
    try:
        name = parse_name(text)
    except IdMalformed:
        found = find_tokens(connection, rules, chain, text, limit)
    else:
        own = name.chain_id if chain in (None, name.chain_id) else ""
        found = [one for one in find_tokens(connection, rules, own, name.token, limit) if one["class"] == name.class_id]
    for did in dids:
        for role in ("holder_did", "issuer_did"):
            found += search(connection, rules, {**on_chain, role: did.hex()}, 0, limit)[0]
    return list({one["id"]: one for one in found}.values())[:limit]
