"""Where the tests of commands play, and what they look up there."""

import json
from pathlib import Path
from typing import Any, Final

from scripts.typed_calls import chain_entry
from tests.scripts.command_line import network, succeed

CHAIN: Final = "nanjing"
CLASS: Final = "everything"
EDITIONS: Final = "editions"


def people(data: Path) -> dict[str, dict[str, str]]:
    """The demo accounts: address and DID by name."""
    accounts: dict[str, dict[str, str]] = chain_entry(network(data), CHAIN)["accounts"]
    return accounts


def answer(data: Path, *arguments: str | Path) -> dict[str, Any]:
    """What a command prints as JSON."""
    view: dict[str, Any] = json.loads(succeed(*arguments, "--data", data, "--json"))
    return view


def mint(data: Path, class_id: str = CLASS) -> dict[str, Any]:
    """A new certificate of alice."""
    return answer(data, "mint", CHAIN, "--class", class_id)
