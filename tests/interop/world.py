"""Chains of one network, each with replicas of its own, whose every block holds one call: what tests between chains play on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from msgspec.structs import replace

from chain.addresses import AddressCodecName
from chain.block import BlockHeader
from chain.codec import Record, encode
from chain.committed import State
from chain.did import statement_digest
from chain.genesis import Genesis, GenesisAccount, GenesisDid, parse_genesis
from chain.ids import ZERO_DIGEST
from chain.light_client import CertifiedHeader, Handover, Sighting
from chain.rules import ChainRules
from chain.state import layer, prove
from chain.transaction import Event
from contracts.certificate import Certificate, find_certificate
from contracts.classes import Requirement, SetRequirements, require_class
from contracts.clients import ChainClient, find_client
from contracts.genesis import initial_state
from contracts.issuing import Mint
from contracts.keys import arrival_key, certificate_key, packet_key
from contracts.mirrors import Attest, Mirror, Refresh, find_mirror
from contracts.packets import (
    AcknowledgePacket,
    Arrival,
    Lane,
    Packet,
    ReceivePacket,
    TimeOutPacket,
    find_arrival,
    find_packet,
    lane_of,
)
from contracts.relaying import Shown
from contracts.requiring import FollowRequirement, MintRequired, Reliance, ShownCertificate, find_reliance
from contracts.transfers import (
    Confirm,
    CrossChainTransfer,
    OfTarget,
    OfTransfer,
    Transfer,
    confirmation_of,
    find_transfer,
)
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.small_genesis import (
    GAS,
    HOME,
    LEADERS,
    NAMES,
    ROLES,
    account_key_pair,
    address_of,
    did_base,
    did_key_pair,
    did_of,
    document_of,
    replicas_of,
    section_of,
)
from tests.chain.small_network import START_MS, Signers, network_rules_of, rules_of
from tests.contracts.small_chain import BLOCK_MS, SmallChain, class_of, item, token

TEN: Final = (
    "wenchang", "taian", "wuhan", "zhongyi", "zunyi", "anshun", "yanan", "qingdao", "nanjing", "chengdu",
)  # fmt: skip
SIZES: Final = (4, 5, 7)
"""How many replicas the chains have, in turn."""
DIPLOMA: Final = "diploma"
LICENCE: Final = "licence"
PEOPLE: Final = {**ROLES, "relayer": "relayer", "second": "relayer", "bob": "consumer"}
FEN: Final = {"operator": 1_000_000, "platform": 100_000, "alice": 100_000, "bob": 100_000}
BOUND_MS: Final = 60_000
DEADLINE_MS: Final = 60_000
_REGISTERED: Final[Mapping[str, Mapping[str, str]]] = {
    AddressCodecName.EOS_NAME: {
        **NAMES[AddressCodecName.EOS_NAME],
        "relayer": "bsnrelayer11",
        "second": "bsnrelayer22",
    },
    AddressCodecName.X500_NAME: {
        **NAMES[AddressCodecName.X500_NAME],
        "relayer": "O=Relayer, L=Zunyi, C=CN",
        "second": "O=Second Relayer, L=Zunyi, C=CN",
    },
}


def set_of(chain_id: str, size: int, change: int = 0) -> Signers:
    """A set of replicas that only this chain has; after a `change` the last of them is another."""
    names = [f"{chain_id}-{place}" for place in range(size)]
    return Signers((*names[:-1], f"{names[-1]}-{change}") if change else tuple(names))


def address_in(rules: ChainRules, person: str) -> bytes:
    """A person's raw address on a chain."""
    if rules.addresses.registered:
        return rules.addresses.parse(_REGISTERED[rules.addresses.name][person])
    return address_of(rules, person)


@cache
def genesis_of_world(chain_ids: tuple[str, ...]) -> Genesis:
    """A document of these chains, each with a set of 4, 5 or 7 replicas of its own, and everybody on each of them."""
    chains = tuple(
        replace(
            section_of(chain_id, offset=place % 4),
            accounts=_accounts(chain_id),
            replicas=replicas_of(set_of(chain_id, SIZES[place % 3])),
        )
        for place, chain_id in enumerate(chain_ids)
    )
    bases = map(did_base, PEOPLE)
    dids = tuple(
        GenesisDid(home=HOME, authentication=base.authentication.hex(), recovery=base.recovery.hex()) for base in bases
    )
    return parse_genesis(replace(document_of(chain_ids), chains=chains, dids=dids).canonical())


def _accounts(chain_id: str) -> tuple[GenesisAccount, ...]:
    rules = rules_of(chain_id)
    return tuple(
        GenesisAccount(
            address=rules.addresses.format(address_in(rules, person)),
            public_key=account_key_pair(chain_id, person).public_key.hex(),
            role=role,  # type: ignore[arg-type]
            did=did_of(person).hex(),
            leader=did_of({**LEADERS, "bob": "platform"}.get(person, "operator")).hex(),
            fen=FEN.get(person, 0),
            gas=GAS if person in FEN else 0,
        )
        for person, role in PEOPLE.items()
    )


class PlacedChain(SmallChain):
    """A small chain whose people are those of the world."""

    def address(self, person: str) -> bytes:
        """A person's address here."""
        return address_in(self.rules, person)


@dataclass(slots=True)
class WorldChain:
    """One chain, the set that certifies its next block, and every change of that set."""

    chain: PlacedChain
    signers: Signers
    handovers: list[Handover] = field(default_factory=list)
    last: CertifiedHeader | None = None
    """Its head, certified; None before the first block."""

    @property
    def rules(self) -> ChainRules:
        """The chain's rules."""
        return self.chain.rules

    def header(self, **changed: Any) -> BlockHeader:
        """The header of the head, or one that differs from it."""
        rules, named = self.rules, self.rules.membership_digest(self.signers.membership)
        fields: dict[str, Any] = {
            "version": 1,
            "network_id": rules.network_id,
            "chain_id": rules.chain_id,
            "height": self.chain.height - 1,
            "parent": ZERO_DIGEST,
            "transaction_root": ZERO_DIGEST,
            "receipt_root": ZERO_DIGEST,
            "state_root": self.chain.state.root,
            "time": self.chain.parent_time,
            "view": 0,
            "proposer": 0,
            "membership": named,
            "next_membership": named,
        }
        return BlockHeader(**fields | changed)

    def certify(self, header: BlockHeader, signers: Signers | None = None) -> CertifiedHeader:
        """The header with the commits of a quorum of its set, or of others."""
        return (signers or self.signers).certify(self.rules, header)

    def sighting(self, client: ChainClient | None = None) -> Sighting:
        """The head, with the changes of membership that a client has not seen; all of them without a client."""
        return self.sighting_since(-1 if client is None else client.height)

    def sighting_since(self, since: int) -> Sighting:
        """The head, with the changes of membership above a height."""
        assert self.last is not None, "a chain is seen from its first block on"
        missed = tuple(
            one for one in self.handovers if since < one.certified.header.height < self.last.header.height
        )  # fmt: skip
        following = next((one.next_membership for one in self.handovers if one.certified == self.last), None)
        return Sighting(handovers=missed, certified=self.last, next_membership=following)

    def shown(self, key: bytes, client: ChainClient | None = None) -> Shown:
        """The head, and the way from it to what stands under a key."""
        return Shown(sighting=self.sighting(client), proof=prove(self.chain.state, key))

    def shown_since(self, key: bytes, since: int) -> Shown:
        """The same, with the changes of membership above a height."""
        return Shown(sighting=self.sighting_since(since), proof=prove(self.chain.state, key))


@dataclass(slots=True)
class World:
    """The chains, and the one clock that they have."""

    chains: dict[str, WorldChain]
    time: int = START_MS
    told: list[tuple[str, Event]] = field(default_factory=list)
    """Every event with its chain, in order."""

    @classmethod
    def founded(cls, *chain_ids: str) -> "World":
        """Chains at height 0."""
        genesis = genesis_of_world(chain_ids)
        return cls({chain_id: _founded(genesis, chain_id, chain_ids) for chain_id in chain_ids})

    def __getitem__(self, chain_id: str) -> PlacedChain:
        return self.chains[chain_id].chain

    def rest(self, ms: int) -> None:
        """Time goes by."""
        self.time += ms

    def call(
        self, chain_id: str, sender: str, contract: str, method: str, arguments: Record | bytes
    ) -> tuple[Event, ...]:
        """The events of a call that succeeds, in a block of its own; its chain's head is certified."""
        placed = self.chains[chain_id]
        chain = placed.chain
        self.time += BLOCK_MS
        chain.time = self.time
        events = chain.call(sender, contract, method, arguments)
        placed.last = placed.certify(placed.header())
        self.told += [(chain_id, event) for event in events]
        return events

    def touch(self, chain_id: str) -> None:
        """A block with a fresh time."""
        self.rest(10_000)
        self.call(chain_id, "relayer", "system", "touch", b"\x90")

    def change_replicas(self, chain_id: str, change: int) -> None:
        """The head names another set as the next one, which certifies all that follows."""
        placed = self.chains[chain_id]
        self.touch(chain_id)
        new = set_of(chain_id, placed.signers.membership.size, change)
        header = placed.header(next_membership=placed.rules.membership_digest(new.membership))
        placed.last = placed.certify(header)
        placed.handovers.append(Handover(certified=placed.last, next_membership=new.membership))
        placed.signers = new

    def client(self, at: str, of: str) -> ChainClient:
        """What a chain believes of another."""
        client = find_client(self[at].records, of)
        assert client is not None
        return client

    def shown(self, source: str, key: bytes, to: str) -> Shown:
        """What stands under a key of one chain, to be shown to another."""
        return self.chains[source].shown(key, self.client(to, source))

    def define(self, chain_id: str, class_id: str = DIPLOMA, *, requires: Iterable[Requirement] = ()) -> None:
        """The platform's class on a chain, and what it asks for."""
        self.call(chain_id, "platform", "classes", "defineClass", class_of(class_id))
        wanted = tuple(requires)
        if wanted:
            arguments = SetRequirements(class_id=class_id, requires=wanted)
            self.call(chain_id, "platform", "classes", "setRequirements", arguments)

    def requirements(self, at: str) -> tuple[Requirement, ...]:
        """What the licence asks for on a chain."""
        return require_class(self[at].records, LICENCE).requires

    def let_move(self, source: str, target: str, class_id: str = DIPLOMA) -> None:
        """Let certificates of a class move."""
        arguments = OfTarget(class_id=class_id, chain_id=target)
        self.call(source, "platform", "crosschain", "addTargetChainId", arguments)

    def mint(
        self, chain_id: str, number: int = 1, class_id: str = DIPLOMA, holder: str = "alice", **changed: Any
    ) -> None:
        """One certificate."""
        chain = self[chain_id]
        arguments = Mint(class_id=class_id, item=item(chain.address(holder), number, **changed))
        self.call(chain_id, "platform", "ddc721", "mint", arguments)

    def certificate(self, chain_id: str, number: int = 1, class_id: str = DIPLOMA) -> Certificate:
        """A certificate that is there."""
        found = self.find(chain_id, number, class_id)
        assert found is not None
        return found

    def find(self, chain_id: str, number: int = 1, class_id: str = DIPLOMA) -> Certificate | None:
        """A certificate, or None."""
        return find_certificate(self[chain_id].records, class_id, token(number))

    def shown_certificate(self, source: str, to: str, number: int = 1, class_id: str = DIPLOMA) -> ShownCertificate:
        """A certificate of a chain, as it stands, to be shown to another."""
        certificate = self.certificate(source, number, class_id)
        shown = self.shown(source, certificate_key(class_id, token(number)), to) if source != to else None
        return ShownCertificate(certificate=certificate, shown=shown)

    def attest_arguments(self, source: str, at: str, number: int = 1, bound_ms: int = BOUND_MS) -> Attest:
        """What it takes to mirror a certificate."""
        held = self.shown_certificate(source, at, number)
        assert held.shown is not None
        return Attest(chain_id=source, certificate=held.certificate, bound_ms=bound_ms, shown=held.shown)

    def attest(self, source: str, at: str, number: int = 1) -> Mirror:
        """Mirror a certificate; what the chain knows of it then."""
        self.call(at, "platform", "mirrors", "attest", self.attest_arguments(source, at, number))
        return self.mirror(source, at, number)

    def refresh(self, source: str, at: str, number: int = 1, sender: str = "relayer") -> Mirror:
        """Show anew what stands there; what the chain knows of it then."""
        held = self.shown_certificate(source, at, number)
        assert held.shown is not None
        arguments = Refresh(chain_id=source, certificate=held.certificate, shown=held.shown)
        self.call(at, sender, "mirrors", "refresh", arguments)
        return self.mirror(source, at, number)

    def mirror(self, source: str, at: str, number: int = 1) -> Mirror:
        """A mirror that is there."""
        mirror = find_mirror(self[at].records, source, DIPLOMA, token(number))
        assert mirror is not None
        return mirror

    def licence_arguments(
        self, at: str, *held: ShownCertificate, number: int = 7, holder: str = "alice"
    ) -> MintRequired:
        """What it takes to issue a licence on what is shown."""
        licence = item(self[at].address(holder), number)
        return MintRequired(class_id=LICENCE, item=licence, held=held)

    def license(self, source: str, at: str, number: int = 7) -> Certificate:
        """Issue a licence on the diploma of another chain."""
        arguments = self.licence_arguments(at, self.shown_certificate(source, at), number=number)
        self.call(at, "platform", "ddc721", "mintRequired", arguments)
        return self.certificate(at, number, LICENCE)

    def reliance(self, at: str, number: int = 7) -> Reliance:
        """What a licence was issued on."""
        reliance = find_reliance(self[at].records, LICENCE, token(number))
        assert reliance is not None
        return reliance

    def follow(self, source: str, at: str, number: int = 7, sender: str = "relayer") -> Certificate:
        """Show what has become of the diploma that a licence was issued on."""
        arguments = FollowRequirement(
            class_id=LICENCE, token=token(number), index=0, held=self.shown_certificate(source, at)
        )
        self.call(at, sender, "crosschain", "followRequirement", arguments)
        return self.certificate(at, number, LICENCE)

    def open_move(self, source: str, target: str, number: int = 1, ms: int = DEADLINE_MS, **changed: Any) -> Transfer:
        """The holder opens a move of its certificate to its account elsewhere."""
        fields: dict[str, Any] = {
            "class_id": DIPLOMA,
            "token": token(number),
            "holder": None,
            "to_chain": target,
            "to": self[target].address("alice"),
            "deadline": self.time + BLOCK_MS + ms,
        }
        events = self.call(source, "alice", "crosschain", "crossChainTransfer", CrossChainTransfer(**fields | changed))
        (opened,) = [event for event in events if event.name == "CrossChainTransfer"]
        cross_id = opened.values[0]
        assert isinstance(cross_id, bytes)
        return self.transfer(source, cross_id)

    def transfer(self, source: str, cross_id: bytes) -> Transfer:
        """A move that is there."""
        transfer = find_transfer(self[source].records, cross_id)
        assert transfer is not None
        return transfer

    def confirmation(self, source: str, transfer: Transfer, signer: str = "alice", **changed: Any) -> Confirm:
        """What it takes to confirm a move, signed by the DID's key."""
        rules = self[source].rules
        certificate = find_certificate(self[source].records, transfer.class_id, transfer.token)
        assert certificate is not None
        statement = replace(confirmation_of(rules, transfer, certificate, 0), **changed)
        signature = did_key_pair(signer).sign(statement_digest(rules.network_id, rules.chain_id, statement))
        return Confirm(cross_id=transfer.cross_id, did_sequence=0, signature=signature)

    def confirm(self, source: str, transfer: Transfer) -> Packet:
        """The holder confirms; the packet that goes out."""
        self.call(source, "alice", "crosschain", "confirm", self.confirmation(source, transfer))
        sent = self.transfer(source, transfer.cross_id).sequence
        assert sent is not None
        return self.packet(source, transfer.to_chain, sent)

    def cancel(self, source: str, transfer: Transfer, sender: str = "alice") -> None:
        """Take a move back."""
        self.call(source, sender, "crosschain", "cancel", OfTransfer(cross_id=transfer.cross_id))

    def packet(self, source: str, target: str, sequence: int) -> Packet:
        """An open packet."""
        packet = find_packet(self[source].records, target, sequence)
        assert packet is not None
        return packet

    def lane(self, at: str, other: str) -> Lane:
        """How many packets went from a chain to another and came back."""
        return lane_of(self[at].records, other)

    def receive_arguments(self, packet: Packet) -> ReceivePacket:
        """What it takes to receive a packet."""
        shown = self.shown(packet.source, packet_key(packet.target, packet.sequence), packet.target)
        return ReceivePacket(packet=packet, shown=shown)

    def receive(self, packet: Packet, sender: str = "relayer") -> Arrival:
        """A relayer brings a packet; what became of it."""
        self.call(packet.target, sender, "crosschain", "receive", self.receive_arguments(packet))
        return self.arrival(packet)

    def arrival(self, packet: Packet) -> Arrival:
        """What became of a packet that was received."""
        arrival = find_arrival(self[packet.target].records, packet.source, packet.sequence)
        assert arrival is not None
        return arrival

    def acknowledge_arguments(self, packet: Packet) -> AcknowledgePacket:
        """What it takes to acknowledge a packet."""
        return AcknowledgePacket(
            chain_id=packet.target,
            sequence=packet.sequence,
            arrival=self.arrival(packet),
            shown=self.shown(packet.target, arrival_key(packet.source, packet.sequence), packet.source),
        )

    def acknowledge(self, packet: Packet, sender: str = "relayer") -> None:
        """A relayer brings back what became of a packet."""
        self.call(packet.source, sender, "crosschain", "acknowledge", self.acknowledge_arguments(packet))

    def time_out_arguments(self, packet: Packet) -> TimeOutPacket:
        """What it takes to show that a packet was not received."""
        shown = self.shown(packet.target, arrival_key(packet.source, packet.sequence), packet.source)
        return TimeOutPacket(chain_id=packet.target, sequence=packet.sequence, shown=shown)

    def time_out(self, packet: Packet, sender: str = "relayer") -> None:
        """A relayer shows that a packet was not received."""
        self.call(packet.source, sender, "crosschain", "timeOut", self.time_out_arguments(packet))

    def move(self, source: str, target: str, number: int = 1) -> Transfer:
        """A whole move: opened, confirmed, received, acknowledged."""
        transfer = self.open_move(source, target, number)
        packet = self.confirm(source, transfer)
        self.receive(packet)
        self.acknowledge(packet)
        return self.transfer(source, transfer.cross_id)


def world_to_move(source: str = "wenchang", target: str = "zunyi", *more: str) -> World:
    """Chains on which the platform has its class, a diploma of alice's on the first, and leave to move it to the second."""
    world = World.founded(source, target, *more)
    for chain_id in (source, target, *more):
        world.define(chain_id)
    world.let_move(source, target)
    world.mint(source)
    return world


def world_to_require(source: str = "wenchang", target: str = "zunyi", *, follow: bool = True) -> World:
    """A diploma of alice's on the first chain, and on the second a licence that asks for it."""
    world = World.founded(source, target)
    world.define(source)
    world.define(
        target, LICENCE, requires=[Requirement(chain_id=source, class_id=DIPLOMA, max_age_ms=60_000, follow=follow)]
    )
    world.mint(source)
    return world


def live_in(world: World, number: int = 1) -> list[str]:
    """The chains on which a certificate is live, locked or not; one that is locked until a move ends counts where it is."""
    found = {chain_id: world.find(chain_id, number) for chain_id in world.chains}
    return [chain_id for chain_id, one in found.items() if one is not None and one.recorded < 2]


def _founded(genesis: Genesis, chain_id: str, chain_ids: tuple[str, ...]) -> WorldChain:
    rules = network_rules_of(chain_id, genesis.network_id, chain_ids)
    nodes = MemoryNodes()
    state = State(rules.digest, nodes)
    state.commit(layer(state, initial_state(genesis, rules)), 0)
    size = genesis.membership_of(chain_id).size
    return WorldChain(PlacedChain(rules, nodes, state), set_of(chain_id, size))


def canonical(record: Record) -> bytes:
    """A record's bytes, for whoever spoils them."""
    return encode(record)
