"""Calls as they are typed: CONTRACT.NAME, NAME=VALUE, people by name, contents in files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chain.universal_id import IdMalformed, parse_name
from scripts.errors import CommandFailed

PEOPLE: Final = ("account", "user", "to", "holder")
"""Members that are addresses, and may be typed as a demo account's name."""


def path_of(chain: str, place: str) -> str:
    """The API's path of CONTRACT.NAME on a chain."""
    contract, dot, name = place.partition(".")
    if not (contract and dot and name) or "/" in place:
        raise CommandFailed(f"{place[:60]} names no method; write CONTRACT.NAME, such as ddc721.freeze")
    return f"/v1/chains/{chain}/contracts/{contract}/{name}"


def arguments_of(given: Sequence[str]) -> dict[str, Any]:
    """Arguments by name: `name=text`, or `name:=JSON`."""
    return dict(map(_argument, given))


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandFailed(f"{text[:60]!r} is no argument; write NAME=VALUE, or NAME:=JSON for numbers and lists")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except ValueError:
        raise CommandFailed(f"what follows {name[:60]}= is no JSON: {value[:60]!r}") from None


def chain_entry(network: dict[str, Any], chain: str) -> dict[str, Any]:
    """The chain's entry in `network.json`."""
    for entry in network["chains"]:
        if entry["id"] == chain:
            return dict(entry)
    known = ", ".join(entry["id"] for entry in network["chains"])
    raise CommandFailed(f"there is no chain {chain!r}; the chains are {known}")


def address_of(entry: dict[str, Any], typed: str) -> str:
    """An address, given as such or by a demo account's name."""
    account = entry["accounts"].get(typed)
    return typed if account is None else str(account["address"])


def body_about(network: dict[str, Any], certificate: str, members: dict[str, Any]) -> dict[str, Any]:
    """The members as the API takes them: people by their addresses on the certificate's chain, files by what they hold."""
    try:
        entry = chain_entry(network, parse_name(certificate).chain_id)
    except IdMalformed as malformed:
        raise CommandFailed(str(malformed)) from None
    people = {name: address_of(entry, members[name]) for name in PEOPLE if members.get(name) is not None}
    contents = {name: content_in(value) for name, value in members.items() if isinstance(value, Path)}
    return members | people | contents


def content_in(file: Path) -> dict[str, Any]:
    """The JSON object that a file holds."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except OSError as problem:
        raise CommandFailed(f"{file} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise CommandFailed(f"{file} is no JSON: {problem}") from None
    if not isinstance(content, dict):
        raise CommandFailed(f"{file} holds no JSON object; write one member for each field of the class")
    return content
