"""Everything in which one chain differs from another: a profile is data, and there is no code per chain."""

import tomllib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chain.addresses import AddressCodecName, address_codec
from chain.block import BLOCK_TRANSACTIONS_MAX
from chain.codec import encode
from chain.digests import DigestName, sha256
from chain.errors import Malformed
from chain.signatures import SchemeName
from chain.transaction import TRANSACTION_BYTES_MAX

Text = Annotated[str, Meta(min_length=1, max_length=400)]
Positive = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class ProfileMalformed(Malformed):
    """A text that is no chain profile."""


class ChainProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One chain. Sizes in bytes, times in the unit that the name ends with, fees in fen (1/100 yuan)."""

    chain_id: Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]
    name_en: Text
    name_zh: Text
    framework: Text
    origin: Literal["documented", "modelled"]
    """Whether the real network documents this chain, or it stands in for one that could not be found."""
    note_en: Text
    note_zh: Text
    native_chain_id: Text
    signature_scheme: SchemeName
    digest_name: DigestName
    address_codec: AddressCodecName
    token_id_style: Literal["integer", "uuid"]
    gas_unit: Text
    gas_per_fen: Positive
    fees: dict[str, dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]]]
    """Contract -> method -> fee in fen per unit, in the first state."""
    block_transactions_max: Annotated[int, Meta(ge=1, le=BLOCK_TRANSACTIONS_MAX)]
    block_bytes_max: Annotated[int, Meta(ge=300_000, le=8_000_000)]
    """At least what one transaction may have."""
    transaction_bytes_max: Annotated[int, Meta(ge=1_000, le=TRANSACTION_BYTES_MAX)]
    pool_transactions_max: Annotated[int, Meta(ge=1, le=1_000_000)]
    touch_interval_s: Annotated[int, Meta(ge=1, le=3_600)]
    tick_ms: Annotated[int, Meta(ge=10, le=1_000)]
    progress_ticks: Annotated[int, Meta(ge=2, le=10_000)]
    clock_skew_ms: Annotated[int, Meta(ge=100, le=600_000)]

    @property
    def registered(self) -> bool:
        """Whether addresses are chosen names."""
        return address_codec(self.address_codec).registered

    def digest(self) -> bytes:
        """SHA-256 over every field in order; the genesis document holds it."""
        values = msgspec.structs.asdict(self) | {"fees": _sorted(self.fees)}
        return sha256(encode(tuple(values[name] for name in self.__struct_fields__)))


def _sorted(fees: dict[str, dict[str, int]]) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    return tuple((contract, tuple(sorted(own.items()))) for contract, own in sorted(fees.items()))


def parse_profile(text: str) -> ChainProfile:
    """The profile that a TOML text describes; `ProfileMalformed` names the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(text), type=ChainProfile)
    except (ValueError, RecursionError, msgspec.ValidationError) as problem:
        raise ProfileMalformed(f"not a chain profile: {problem}; see docs/protocol.md, section 20") from None
