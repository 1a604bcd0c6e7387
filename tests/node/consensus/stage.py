"""One replica on a stage: blocks have letters, the other replicas have keys, effects become lines of text."""

from dataclasses import dataclass, field

from chain.block import Block, BlockHeader, CommittedBlock
from chain.digests import sha256
from chain.domains import Domain
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from node.consensus.effects import (
    Accept,
    Behind,
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    BuildBlock,
    Cast,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    Resend,
    Tick,
    ValidateBlock,
)
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
from node.consensus.replica import Head, Replica
from tests.chain.small_network import FIRST, START_MS, Signers, header_of
from tests.node.small_chain import RULES

NAMES = {
    PrePrepare: "pre-prepare",
    Prepare: "prepare",
    Commit: "commit",
    ViewChange: "view-change",
    NewView: "new-view",
}
KINDS = {"prepares": Prepare, "commits": Commit}


def genesis_head(rules: ChainRules, membership: Membership) -> Head:
    """A head of height 0, which nobody certifies."""
    header = header_of(rules, 0, membership)
    return Head(header=header, digest=rules.block_digest(header), certificate=None)


@dataclass(slots=True)
class Stage:
    """The replica at `replica_id`; commands in, what it does out."""

    replica_id: int
    signers: Signers = FIRST
    rules: ChainRules = RULES
    offset: int = 0
    replica: Replica = field(init=False)
    logged: list[Authenticated] = field(default_factory=list)
    prepared: PreparedCertificate | None = None
    casting: list[Authenticated] = field(default_factory=list)
    letters: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replica = self._new_replica(genesis_head(self.rules, self.signers.membership))

    def block(self, letter: str, *, height: int | None = None, parent: bytes | None = None) -> Block:
        """The block `letter`, on this replica's head unless said otherwise."""
        head = self.replica.head
        at = head.header.height + 1 if height is None else height
        header = BlockHeader(
            version=1,
            network_id=self.rules.network_id,
            chain_id=self.rules.chain_id,
            height=at,
            parent=head.digest if parent is None else parent,
            transaction_root=sha256(b"transactions of " + letter.encode()),
            receipt_root=sha256(b"receipts"),
            state_root=sha256(b"state"),
            time=START_MS + 1_000 * at,
            view=0,
            proposer=self.signers.membership.primary(0, self.offset),
            membership=head.header.next_membership,
            next_membership=head.header.next_membership,
        )
        block = Block(header=header, transactions=())
        self.letters[self.rules.block_digest(header)] = letter
        return block

    def digest(self, letter: str) -> bytes:
        """The digest of a block that has been on the stage, else of one on the head."""
        for digest, known in self.letters.items():
            if known == letter:
                return digest
        return self.rules.block_digest(self.block(letter).header)

    def certificate(self, header: BlockHeader) -> QuorumCertificate:
        """A quorum's certificate."""
        return self.signers.certify(self.rules, header).certificate

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
        return self.step(MessageReceived(self.signed(signer, message)))

    def propose(self, signer: int, letter: str, *, view: int = 0, height: int | None = None) -> tuple[Effect, ...]:
        """A pre-prepare of another replica."""
        block = self.block(letter, height=height)
        early = block.header.height > self.replica.height
        certificate = self.proof_of_parent(block.header) if early else self.replica.head.certificate
        return self.hear(signer, PrePrepare(view=view, block=block, parent_certificate=certificate))

    def proof_of_parent(self, header: BlockHeader) -> QuorumCertificate:
        """A quorum's commits to the parent that a header names."""
        parent = self.rules.vote_bytes(Domain.COMMIT, view=0, height=header.height - 1, block=header.parent)
        signers = tuple(range(self.signers.membership.quorum))
        signatures = tuple(self.signers.sign(signer, parent) for signer in signers)
        return QuorumCertificate(view=0, signers=signers, signatures=signatures)

    def vote(
        self, signer: int, kind: type[Prepare | Commit], letter: str, *, view: int = 0, height: int | None = None
    ) -> tuple[Effect, ...]:
        """A vote of another replica."""
        at = self.replica.height if height is None else height
        return self.hear(signer, kind(view=view, height=at, block=self.digest(letter)))

    def durable(self) -> tuple[Effect, ...]:
        """The own messages are on disk: they are heard like any other."""
        casting, self.casting = self.casting, []
        return tuple(effect for own in casting for effect in self.step(MessageReceived(own)))

    def sync(self, letter: str) -> tuple[Effect, ...]:
        """The block comes certified from a peer."""
        block = self.block(letter)
        committed = CommittedBlock(block=block, certificate=self.certificate(block.header))
        self.logged, self.prepared = [], None
        return self.step(BlockSynced(committed, self.rules.block_digest(block.header)))

    def restart(self) -> tuple[Effect, ...]:
        """A new replica on the same head, with what was logged."""
        self.replica = self._new_replica(self.replica.head)
        self.casting = []
        effects = self.replica.restore(tuple(self.logged), self.prepared)
        self._keep(effects)
        return effects

    def _new_replica(self, head: Head) -> Replica:
        return Replica(
            rules=self.rules,
            membership=self.signers.membership,
            replica_id=self.replica_id,
            primary_offset=self.offset,
            head=head,
        )

    def _keep(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            if isinstance(effect, CommitBlock):
                self.logged, self.prepared = [], None
            elif isinstance(effect, Accept):
                self.logged.append(effect.proposal)
            elif isinstance(effect, Cast):
                own = self.signed(self.replica_id, effect.message)
                self.logged.append(own)
                self.casting.append(own)
                self.prepared = effect.prepared or self.prepared


def perform(stage: Stage, command: str) -> tuple[Effect, ...]:
    """One command of a scenario."""
    words = command.split()
    options = {"view": 0, "height": None}
    while len(words) > 4 and words[-2] in options:
        options[words[-2]] = int(words[-1])
        words = words[:-2]
    match words:
        case ["request"]:
            return stage.step(RequestReceived())
        case ["tick", count]:
            return tuple(effect for _ in range(int(count)) for effect in stage.step(Tick()))
        case ["built", letter]:
            return stage.step(BlockBuilt(stage.block(letter)))
        case ["nothing", "to", "build"]:
            return stage.step(NothingToBuild())
        case ["nothing", "waits"]:
            return stage.step(NothingWaits())
        case ["valid", letter]:
            return stage.step(BlockValidated(stage.digest(letter), valid=True))
        case ["invalid", letter]:
            return stage.step(BlockValidated(stage.digest(letter), valid=False))
        case [signer, "pre-prepares", letter]:
            return stage.propose(int(signer), letter, **options)
        case [signer, "prepares" | "commits" as kind, letter]:
            return stage.vote(int(signer), KINDS[kind], letter, **options)
        case [signer, "wants", "view", view]:
            return stage.hear(int(signer), ViewChange(view=int(view), committed=None, prepared=None))
        case [signer, "opens", "view", view]:
            change = ViewChange(view=int(view), committed=None, prepared=None)
            signed = stage.signed(0, change)
            changes = (SignedViewChange(signer=0, signature=signed.signature, message=change),)
            return stage.hear(int(signer), NewView(view=int(view), view_changes=changes, proposal=None))
        case ["durable"]:
            return stage.durable()
        case ["synced", letter]:
            return stage.sync(letter)
        case ["restart"]:
            return stage.restart()
    raise ValueError(f"no such command: {command}")


def told(stage: Stage, effect: Effect) -> str:
    """An effect in words."""
    match effect:
        case Cast(message, prepared):
            height, view = place(message)
            letter = stage.letters[stage.signed(stage.replica_id, message).digest]
            proof = "" if prepared is None else f", prepared by {', '.join(map(str, prepared.signers))}"
            return f"cast {NAMES[type(message)]} {letter} at height {height}, view {view}{proof}"
        case Accept(proposal):
            return f"accept {stage.letters[proposal.digest]} of {proposal.signer}"
        case Resend():
            return "resend"
        case BuildBlock(parent, view):
            return f"build on height {parent.height} for view {view}"
        case ValidateBlock(block):
            return f"validate {stage.letters[stage.rules.block_digest(block.header)]}"
        case CommitBlock(block, committed):
            signers = ", ".join(map(str, committed.certificate.signers))
            return f"commit {stage.letters[block]}, certified by {signers}"
        case Behind(peer, height):
            return f"replica {peer} has committed height {height}"
        case Drop(reason):
            return f"drop: {reason}"
    raise AssertionError(effect)


def stands(stage: Stage) -> str:
    """Where the replica stands."""
    replica = stage.replica
    role = "primary" if replica.is_primary else "backup"
    waits = "pending" if replica.pending else "at rest"
    return f"({role}, height {replica.height}, view {replica.view}, {replica.phase}, {waits})"
