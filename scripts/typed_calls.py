"""Calls of contracts as they are typed: CONTRACT.NAME and NAME=VALUE."""

import json
from collections.abc import Sequence
from typing import Any

from scripts.errors import CommandFailed


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
