"""The content of a certificate and its root: a Merkle tree over salted fields (protocol 17.2).

Each leaf is the canonical encoding of (name, type, value or nil, salt of 16 random bytes), in schema order. So a
holder can reveal one field and prove it alone, and the root on chain says nothing about any field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain.codec import encode
from chain.merkle import leaf_hash, root
from credentials.schema import ClassSchema

SALT_BYTES: Final = 16
Value = str | int | bool | None
DigestFunction = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A field with its value and salt."""

    name: str
    type: str
    value: Value
    salt: bytes


@dataclass(frozen=True, slots=True)
class Hidden:
    """A field of which only the leaf hash is shown."""

    leaf: bytes


Entry = Revealed | Hidden


def field_leaf(digest: DigestFunction, name: str, type_name: str, value: Value, salt: bytes) -> bytes:
    """The leaf hash of one field."""
    return leaf_hash(digest, encode((name, type_name, value, salt)))


def content_root(
    digest: DigestFunction, schema: ClassSchema, content: Mapping[str, Value], salts: Sequence[bytes]
) -> bytes:
    """The root over all fields of `schema`; an absent optional field counts as nil."""
    leaves = [
        digest(b"\x00" + encode((field.name, field.type, content.get(field.name), salt)))
        for field, salt in zip(schema.fields, salts, strict=True)
    ]
    return root(digest, leaves)


def entries(
    digest: DigestFunction,
    schema: ClassSchema,
    content: Mapping[str, Value],
    salts: Sequence[bytes],
    reveal: frozenset[str] | None,
) -> tuple[Entry, ...]:
    """One entry per field in schema order: revealed if named in `reveal` (None: all), else hidden."""
    return tuple(
        Revealed(field.name, field.type, content.get(field.name), salt)
        if reveal is None or field.name in reveal
        else Hidden(field_leaf(digest, field.name, field.type, content.get(field.name), salt))
        for field, salt in zip(schema.fields, salts, strict=True)
    )


def root_from_entries(digest: DigestFunction, shown: Sequence[Entry]) -> bytes:
    """The content root that the entries lead to."""
    return root(
        digest,
        [
            entry.leaf
            if isinstance(entry, Hidden)
            else field_leaf(digest, entry.name, entry.type, entry.value, entry.salt)
            for entry in shown
        ],
    )
