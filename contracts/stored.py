"""Reads of whole records: what stands in the state under a key, or that nothing does (protocol 14)."""

from collections.abc import Callable
from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import astuple

from chain.codec import Record, decoder
from chain.did import HomeChain
from chain.ids import Address, ClassId, Did, Digest, Natural, TokenId
from chain.transaction import Name
from contracts import keys
from contracts.access import Account, ContractStanding, Functions, Switches
from contracts.auditing import Auditing, Auditor
from contracts.authority import OfAccount, OfList
from contracts.certificate import Certificate, Edition, Holding, Issued
from contracts.charge import OfContract
from contracts.classes import CertificateClass, Grant
from contracts.clients import ChainClient, Restart
from contracts.ddc721_views import OfClass, OfHolder, OfToken
from contracts.deposit import OfRequest, SaveRequest
from contracts.did import DidDocument, OfDid
from contracts.evidence import Conviction
from contracts.interface import Answer, OfNothing, Readable, View
from contracts.membership import Memberships
from contracts.mirrors import Mirror, OfMirror
from contracts.packets import Arrival, Lane, Packet
from contracts.purses import Purse, Tariff
from contracts.rebinding import OpenRebind
from contracts.relaying import Relays
from contracts.requiring import Reliance
from contracts.storage import OfFile, OfSlice, StoredFile
from contracts.transfers import OfChain, OfTarget, OfTransfer, Transfer

CONTRACT: Final = "state"
"""No contract has the name: it stands for what all of them write."""
ConsensusKey = Annotated[bytes, Meta(min_length=32, max_length=32)]


class OfHolding(Record, frozen=True):
    """A read about what an account holds."""

    class_id: ClassId
    token: TokenId
    holder: Address


class OfConviction(Record, frozen=True):
    """A read about what a replica was convicted of, and at which height."""

    signer: ConsensusKey
    height: Natural
    kind: Annotated[int, Meta(ge=0, le=255)]


class OfReplica(Record, frozen=True):
    """A read about a replica, by its consensus key."""

    signer: ConsensusKey


class OfPlatforms(Record, frozen=True):
    """A read about one platform and another."""

    issuer: Did
    to: Did


class OfMetaCalls(Record, frozen=True):
    """A read about an account and a contract."""

    contract: Annotated[Name, Meta(max_length=16)]
    address: Address


class OfVote(Record, frozen=True):
    """A read about an auditor's vote."""

    digest: Digest
    address: Address


class OfRestart(Record, frozen=True):
    """A read about why another chain was trusted anew: the chain, and which time it was."""

    chain_id: HomeChain
    trust: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class OfPacket(Record, frozen=True):
    """A read about a packet: the other chain, and its place in the order."""

    chain_id: HomeChain
    sequence: Natural


class OfSection(Record, frozen=True):
    """A read about another chain of the network."""

    chain_id: Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]


def _pot_key(contract: str) -> bytes:
    return keys.purse_key(keys.contract_purse(contract))


_PLAIN: Final[dict[type, Callable[[bytes], Answer]]] = {
    int: lambda data: int.from_bytes(data, "big"),
    bool: bool,
    str: bytes.decode,
    bytes: bytes,
}
_READS: Final[dict[str, tuple[type[Record], Callable[..., bytes], type]]] = {
    "account": (OfAccount, keys.account_key, Account),
    "balance": (OfHolder, keys.balance_key, int),
    "class": (OfClass, keys.class_key, CertificateClass),
    "did": (OfDid, keys.did_key, DidDocument),
    "conviction": (OfConviction, keys.evidence_key, Conviction),
    "convictions": (OfReplica, keys.convictions_key, int),
    "grant": (OfHolder, keys.grant_key, Grant),
    "switches": (OfNothing, keys.switches_key, Switches),
    "platform": (OfDid, keys.platform_key, bool),
    "purse": (OfAccount, keys.purse_key, Purse),
    "pot": (OfContract, _pot_key, Purse),
    "fenSupply": (OfNothing, keys.fen_supply_key, int),
    "memberships": (OfNothing, keys.memberships_key, Memberships),
    "section": (OfSection, keys.network_key, str),
    "approval": (OfPlatforms, keys.approval_key, bool),
    "functions": (OfList, keys.functions_key, Functions),
    "tariff": (OfContract, keys.tariff_key, Tariff),
    "rebind": (OfHolding, keys.rebind_key, OpenRebind),
    "issued": (OfClass, keys.supply_key, Issued),
    "certificate": (OfToken, keys.certificate_key, Certificate),
    "auditor": (OfAccount, keys.auditor_key, Auditor),
    "saveRequest": (OfRequest, keys.save_request_key, SaveRequest),
    "auditing": (OfNothing, keys.auditing_key, Auditing),
    "vote": (OfVote, keys.vote_key, int),
    "file": (OfFile, keys.file_key, StoredFile),
    "slice": (OfSlice, keys.slice_key, bytes),
    "standing": (OfContract, keys.standing_key, ContractStanding),
    "metaCalls": (OfMetaCalls, keys.meta_key, int),
    "edition": (OfToken, keys.edition_key, Edition),
    "holding": (OfHolding, keys.holding_key, Holding),
    "client": (OfChain, keys.client_key, ChainClient),
    "restart": (OfRestart, keys.restart_key, Restart),
    "lane": (OfChain, keys.lane_key, Lane),
    "packet": (OfPacket, keys.packet_key, Packet),
    "arrival": (OfPacket, keys.arrival_key, Arrival),
    "transfer": (OfTransfer, keys.transfer_key, Transfer),
    "transit": (OfToken, keys.transit_key, bytes),
    "target": (OfTarget, keys.target_key, bool),
    "relays": (OfAccount, keys.relays_key, Relays),
    "mirror": (OfMirror, keys.mirror_key, Mirror),
    "reliance": (OfToken, keys.reliance_key, Reliance),
}
"""What a read is about, the key, and what the bytes under it are; in the order of the keys."""


def _view(about: type[Record], key: Callable[..., bytes], kind: type) -> View:
    form: Callable[[bytes], Answer] = _PLAIN.get(kind) or decoder(kind)

    def read(records: Readable, arguments: Record) -> Answer:
        data = records.get(key(*astuple(arguments)))
        return None if data is None else form(data)

    return View(arguments=about, read=read)


VIEWS: Final = {name: _view(*row) for name, row in _READS.items()}
