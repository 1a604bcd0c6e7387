"""Every record of the protocol, found in the code."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import chain
import contracts
import credentials
import node
from chain.codec import Record
from chain.genesis import ChainSection, GenesisAccount, GenesisDid, GenesisDocument, GenesisReplica
from chain.profile import ChainProfile
from credentials.bundle import (
    Bundle,
    CertificatePart,
    HandoverPart,
    HeaderPart,
    ReplicaPart,
    SiblingsPart,
    StatePart,
)
from tests.docs.protocol_page import Table, fields_of

OBJECTS = (
    GenesisDocument, ChainSection, GenesisReplica, GenesisDid, GenesisAccount, ChainProfile,
    Bundle, HeaderPart, CertificatePart, HandoverPart, ReplicaPart, StatePart, SiblingsPart,
)  # fmt: skip
"""What the protocol writes as JSON or TOML."""


def expected_tables() -> dict[str, Table]:
    """The table that the page must have for every record and object."""
    for package in (chain, contracts, credentials, node):
        _import_all(package)
    tables = {}
    for record in (*_below(Record), *OBJECTS):
        assert record.__name__ not in tables, f"two records are named {record.__name__}"
        tables[record.__name__] = Table(record.__struct_config__.tag, fields_of(record))
    return tables


def shown_types() -> dict[str, tuple[tuple[str, str], ...]]:
    """Record -> its fields with their types."""
    return {name: table.fields for name, table in expected_tables().items()}


def _below(record: type[Record]) -> Iterator[type[Record]]:
    """Every record of the packages; those that tests define are none of the protocol's."""
    for child in record.__subclasses__():
        if not child.__module__.startswith("tests."):
            yield child
        yield from _below(child)


def _import_all(package: ModuleType) -> None:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
