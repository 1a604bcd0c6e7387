"""One replica on a stage: blocks have letters, the other replicas have keys, and what a host would keep is kept."""

from dataclasses import dataclass, field

from chain.block import Block, BlockHeader, CommittedBlock
from chain.digests import sha256
from chain.domains import Domain
from chain.light_client import CertifiedHeader
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from node.consensus.effects import (
    Accept,
    BlockSynced,
    BlockValidated,
    Cast,
    CommitBlock,
    Effect,
    Input,
    MessageReceived,
)
from node.consensus.head import Head
from node.consensus.messages import (
    Authenticated,
    Commit,
    Envelope,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    SignedViewChange,
    ViewChange,
    place,
    signed_bytes,
)
from node.consensus.replica import Replica
from tests.chain.small_network import FIRST, START_MS, Signers, header_of
from tests.node.small_chain import RULES


def genesis_head(rules: ChainRules, membership: Membership) -> Head:
    """A head of height 0, which nobody certifies."""
    header = header_of(rules, 0, membership)
    digest = rules.block_digest(header)
    return Head(header=header, digest=digest, certificate=None, membership=membership, certified_by=membership)


@dataclass(slots=True)
class Stage:
    """The replica at `replica_id`; commands in, what it does out."""

    replica_id: int
    signers: Signers = FIRST
    rules: ChainRules = RULES
    offset: int = 0
    abstains: bool = False
    replica: Replica = field(init=False)
    logged: list[tuple[Authenticated, PreparedCertificate | None]] = field(default_factory=list)
    """The records that bind, with the proof that stands beside an own commit."""
    casting: list[Authenticated] = field(default_factory=list)
    blocks: dict[bytes, tuple[str, Block]] = field(default_factory=dict)
    """The blocks that have been on the stage, with their letters, by digest."""
    wanted: dict[tuple[int, int], Authenticated] = field(default_factory=dict)
    """The view change of a (replica, view), as it was said last."""

    def __post_init__(self) -> None:
        self.replica = self._new_replica(genesis_head(self.rules, self.signers.membership))

    # ---- blocks ----

    def block(
        self,
        letter: str,
        *,
        height: int | None = None,
        parent: bytes | None = None,
        view: int = 0,
        next_membership: Membership | None = None,
    ) -> Block:
        """The block `letter`; a new one is on this replica's head, made in `view`, unless said otherwise."""
        for known, block in self.blocks.values():
            if known == letter and height in (None, block.header.height):
                return block
        head = self.replica.head
        at = head.header.height + 1 if height is None else height
        membership = head.header.next_membership
        header = BlockHeader(
            version=1,
            network_id=self.rules.network_id,
            chain_id=self.rules.chain_id,
            height=at,
            parent=self._digest_at(at - 1) if parent is None else parent,
            transaction_root=sha256(b"transactions of " + letter.encode()),
            receipt_root=sha256(b"receipts"),
            state_root=sha256(b"state"),
            time=START_MS + 1_000 * at,
            view=view,
            proposer=self.primary(view),
            membership=membership,
            next_membership=membership if next_membership is None else self.rules.membership_digest(next_membership),
        )
        block = Block(header=header, transactions=())
        self.blocks[self.rules.block_digest(header)] = letter, block
        return block

    def _digest_at(self, height: int) -> bytes:
        """The block of a height to come that has been on the stage, else the head."""
        later = (digest for digest, (_, block) in self.blocks.items() if block.header.height == height)
        head = self.replica.head
        return next(later, head.digest) if height > head.header.height else head.digest

    def letter(self, digest: bytes) -> str:
        """The letter of a block."""
        return self.blocks[digest][0]

    def digest(self, letter: str) -> bytes:
        """The digest of a block that has been on the stage, else of a new one on the head."""
        return self.rules.block_digest(self.block(letter).header)

    def primary(self, view: int) -> int:
        """The primary of a view."""
        return self.signers.membership.primary(view, self.offset)

    def certificate(self, header: BlockHeader, *, view: int | None = None) -> QuorumCertificate:
        """A quorum's certificate."""
        return self.signers.certify(self.rules, header, view=view).certificate

    def proof_of_parent(self, header: BlockHeader, view: int = 0) -> QuorumCertificate:
        """A quorum's commits to the parent that a header names."""
        parent = self.rules.vote_bytes(Domain.COMMIT, view=view, height=header.height - 1, block=header.parent)
        signers = tuple(range(self.signers.membership.quorum))
        signatures = tuple(self.signers.sign(signer, parent) for signer in signers)
        return QuorumCertificate(view=view, signers=signers, signatures=signatures)

    def prepared(self, letter: str, *, view: int = 0, signers: tuple[int, ...] | None = None) -> PreparedCertificate:
        """The proof that a block is prepared in a view, by the first backups that are enough."""
        block = self.block(letter)
        primary, membership = self.primary(view), self.signers.membership
        backups = [place for place in range(membership.size) if place != primary]
        places = tuple(backups[: membership.quorum - 1]) if signers is None else signers
        statement = {"view": view, "height": block.header.height, "block": self.digest(letter)}
        return PreparedCertificate(
            **statement,
            pre_prepare=self.signers.sign(primary, self.rules.vote_bytes(Domain.PRE_PREPARE, **statement)),
            signers=places,
            prepares=tuple(
                self.signers.sign(place, self.rules.vote_bytes(Domain.PREPARE, **statement)) for place in places
            ),
        )

    def certified(self, letter: str, *, view: int | None = None) -> CertifiedHeader:
        """The header of a block with a certificate, maybe of a later view."""
        return self.signers.certify(self.rules, self.block(letter).header, view=view)

    # ---- what happens ----

    def signed(self, signer: int, message: Message) -> Authenticated:
        """A message with its signer's signature."""
        statement, digest = signed_bytes(self.rules, message)
        envelope = Envelope(signer=signer, signature=self.signers.sign(signer, statement), message=message)
        return Authenticated(envelope, digest)

    def step(self, incoming: Input) -> tuple[Effect, ...]:
        """One input; what the host would keep is kept."""
        effects = self.replica.step(incoming)
        self._keep(effects)
        return effects

    def hear(self, signer: int, message: Message) -> tuple[Effect, ...]:
        """A message of another replica."""
        said = self.signed(signer, message)
        if isinstance(message, ViewChange):
            self.wanted[signer, message.view] = said
        return self.step(MessageReceived(said))

    def propose(self, signer: int, letter: str, *, view: int = 0, height: int | None = None) -> tuple[Effect, ...]:
        """A pre-prepare of another replica."""
        block = self.block(letter, height=height, view=view)
        early = block.header.height > self.replica.height
        certificate = self.proof_of_parent(block.header, view) if early else self.replica.head.certificate
        return self.hear(signer, PrePrepare(view=view, block=block, parent_certificate=certificate))

    def vote(
        self, signer: int, kind: type[Prepare | Commit], letter: str, *, view: int = 0, height: int | None = None
    ) -> tuple[Effect, ...]:
        """A vote of another replica."""
        at = self.replica.height if height is None else height
        header = self.block(letter, height=height, view=view).header
        return self.hear(signer, kind(view=view, height=at, block=self.rules.block_digest(header)))

    def valid(self, letter: str, next_membership: Membership | None = None) -> tuple[Effect, ...]:
        """The block is as its header claims."""
        return self.step(BlockValidated(self.digest(letter), next_membership or self.replica.membership))

    def invalid(self, letter: str) -> tuple[Effect, ...]:
        """The block is not as its header claims."""
        return self.step(BlockValidated(self.digest(letter), None))

    def view_change(
        self, view: int, *, after: str | None = None, certified_in: int | None = None, shows: PreparedCertificate | None
    ) -> ViewChange:
        """The wish for a view of someone whose head is the block `after`, or this replica's head."""
        head = self.replica.head
        committed = None
        if after is not None:
            committed = self.certified(after, view=certified_in)
        elif head.certificate is not None:
            committed = CertifiedHeader(header=head.header, certificate=head.certificate)
        return ViewChange(view=view, committed=committed, prepared=shows)

    def want(
        self, signer: int, view: int, *, after: str | None = None, shows: PreparedCertificate | None = None
    ) -> tuple[Effect, ...]:
        """Another replica wants a view."""
        return self.hear(signer, self.view_change(view, after=after, shows=shows))

    def new_view(self, view: int, *signers: int) -> NewView:
        """A new view on what these replicas said last of it; one that said nothing wants it with this head."""
        for signer in signers:
            said = self.signed(signer, self.view_change(view, shows=None))
            self.wanted.setdefault((signer, view), said)
        return NewView(view=view, view_changes=tuple(shown(self.wanted[signer, view]) for signer in signers))

    def open(self, signer: int, view: int, *signers: int) -> tuple[Effect, ...]:
        """Another replica opens a view for these replicas."""
        return self.hear(signer, self.new_view(view, *signers))

    def durable(self) -> tuple[Effect, ...]:
        """The own messages are on disk: they are heard like any other."""
        casting, self.casting = self.casting, []
        return tuple(effect for own in casting for effect in self.step(MessageReceived(own)))

    def sync(
        self, letter: str, *, view: int | None = None, next_membership: Membership | None = None
    ) -> tuple[Effect, ...]:
        """The block comes certified from a peer."""
        block = self.block(letter, view=view or 0, next_membership=next_membership)
        committed = CommittedBlock(block=block, certificate=self.certificate(block.header, view=view))
        membership = next_membership or self.replica.membership
        effects = self.step(BlockSynced(committed, self.digest(letter), membership))
        self._forget_what_binds_no_more()
        return effects

    def restart(self) -> tuple[Effect, ...]:
        """A new replica on the same head, with what was logged."""
        self.replica = self._new_replica(self.replica.head)
        self.casting = []
        proofs = [proof for _, proof in self.logged if proof is not None]
        logged = tuple(taken for taken, _ in self.logged)
        effects = self.replica.restore(logged, max(proofs, key=lambda proof: proof.view, default=None))
        self._keep(effects)
        return effects

    # ---- what a host keeps ----

    def _new_replica(self, head: Head) -> Replica:
        return Replica(
            rules=self.rules,
            key=self.signers.membership.key(self.replica_id),
            primary_offset=self.offset,
            head=head,
            abstains=self.abstains,
        )

    def _keep(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, CommitBlock):
                self._forget_what_binds_no_more()
            elif isinstance(effect, Accept):
                self.logged.append((effect.received, None))
            elif isinstance(effect, Cast):
                self._cast(effect)

    def _cast(self, cast: Cast) -> None:
        own = self.signed(self.replica_id, cast.message)
        if isinstance(cast.message, ViewChange):
            self.wanted[self.replica_id, cast.message.view] = own
            prepared = cast.message.prepared
            block = None if prepared is None else prepared.block
            self.logged = [(taken, proof) for taken, proof in self.logged if _proves(taken, proof, block)]
        self.logged.append((own, cast.prepared))
        self.casting.append(own)

    def _forget_what_binds_no_more(self) -> None:
        head = self.replica.head
        entered = 0 if head.certificate is None else head.certificate.view
        self.logged = [entry for entry in self.logged if _binds(entry[0].message, head.header.height, entered)]


def shown(said: Authenticated) -> SignedViewChange:
    """A view change as a new view shows it."""
    assert isinstance(said.message, ViewChange)
    return SignedViewChange(signer=said.signer, signature=said.signature, message=said.message)


def _binds(message: Message, head: int, entered: int) -> bool:
    height, view = place(message)
    return view > entered if isinstance(message, ViewChange | NewView) else height > head


def _proves(taken: Authenticated, proof: PreparedCertificate | None, block: bytes | None) -> bool:
    """A host keeps what proves the prepared block, and the blocks that were voted for."""
    if isinstance(taken.message, PrePrepare):
        return True
    return proof is not None and proof.block == block
