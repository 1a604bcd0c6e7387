"""The little language of `tests/scenarios`: a command to one replica, and in words what it does and where it stands."""

from node.consensus.effects import (
    Accept,
    Adopt,
    Behind,
    BlockBuilt,
    BuildBlock,
    Cast,
    Censored,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MayNotSign,
    MaySign,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    Resend,
    Show,
    Tick,
    ValidateBlock,
)
from node.consensus.messages import Commit, Message, NewView, Prepare, PrePrepare, ViewChange, place, signed_bytes
from node.consensus.new_view import select
from tests.node.consensus.stage import Stage

NAMES = {PrePrepare: "pre-prepare", Prepare: "prepare", Commit: "commit"}
KINDS = {"prepares": Prepare, "commits": Commit}
INPUTS: dict[str, Input] = {
    "request": RequestReceived(),
    "nothing to build": NothingToBuild(),
    "nothing waits": NothingWaits(),
    "a request is left out": Censored(),
    "may not sign": MayNotSign(),
    "may sign": MaySign(),
}


def perform(stage: Stage, command: str) -> tuple[Effect, ...]:
    """One command of a scenario."""
    if command in INPUTS:
        return stage.step(INPUTS[command])
    words = command.split()
    match words:
        case ["tick", count, *unreachable]:
            tick = Tick(reachable=not unreachable)
            return tuple(effect for _ in range(int(count)) for effect in stage.step(tick))
        case ["built", letter]:
            return stage.step(BlockBuilt(stage.block(letter, view=stage.replica.view)))
        case ["valid", letter]:
            return stage.valid(letter)
        case ["invalid", letter]:
            return stage.invalid(letter)
        case ["durable"]:
            return stage.durable()
        case ["synced", letter, *rest]:
            return stage.sync(letter, **_numbers(rest))
        case ["restart"]:
            return stage.restart()
        case [signer, *said]:
            return say(stage, int(signer), said)
    raise ValueError(f"no such command: {command}")


def say(stage: Stage, signer: int, said: list[str]) -> tuple[Effect, ...]:
    """Another replica says something."""
    match said:
        case ["pre-prepares", letter, *rest]:
            return stage.propose(signer, letter, **_numbers(rest))
        case ["prepares" | "commits" as kind, letter, *rest]:
            return stage.vote(signer, KINDS[kind], letter, **_numbers(rest))
        case ["wants", "view", view, *rest]:
            options = _pairs(rest)
            letter, prepared_in = options.get("showing"), int(options.get("from", "0"))
            prepared = None if letter is None else stage.prepared(letter, view=prepared_in)
            return stage.want(signer, int(view), after=options.get("after"), shows=prepared)
        case ["opens", "view", view, "for", *signers]:
            return stage.open(signer, int(view), *map(int, signers))
    raise ValueError(f"nobody says so: {' '.join(said)}")


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _numbers(words: list[str]) -> dict[str, int]:
    return {name: int(number) for name, number in _pairs(words).items()}


def told(stage: Stage, effect: Effect) -> str:
    """An effect in words."""
    match effect:
        case Cast(message, prepared):
            proof = "" if prepared is None else f", prepared by {', '.join(map(str, prepared.signers))}"
            return f"cast {in_words(stage, message)}{proof}"
        case Accept(received) if isinstance(received.message, PrePrepare):
            return f"accept {stage.letter(received.digest)} of {received.signer}"
        case Accept(received):
            return f"accept from replica {received.signer}: {in_words(stage, received.message)}"
        case Resend():
            return "resend"
        case Show(peer, envelope):
            return f"show replica {peer} what {envelope.signer} signed: {in_words(stage, envelope.message)}"
        case BuildBlock(parent, view):
            return f"build on height {parent.height} for view {view}"
        case ValidateBlock(block):
            return f"validate {stage.letter(stage.rules.block_digest(block.header))}"
        case CommitBlock(block, committed):
            signers = ", ".join(map(str, committed.certificate.signers))
            view = committed.certificate.view
            return f"commit {stage.letter(block)}, certified by {signers}{f' in view {view}' if view else ''}"
        case Adopt(committed):
            block = stage.letter(stage.rules.block_digest(committed.header))
            return f"adopt {block}, certified as was shown in view {committed.certificate.view}"
        case Behind(peer, height):
            return f"replica {peer} has committed height {height}"
        case Drop(reason):
            return f"drop: {reason}"
    raise AssertionError(effect)


def in_words(stage: Stage, message: Message) -> str:
    """A message in words."""
    height, view = place(message)
    match message:
        case ViewChange(prepared=prepared):
            shown = "" if prepared is None else f", {stage.letter(prepared.block)} prepared in view {prepared.view}"
            return f"view-change to view {view} at height {height}{shown}"
        case NewView(view_changes=changes):
            bound = select(change.message for change in changes).prepared
            signers = ", ".join(str(change.signer) for change in changes)
            to = "free" if bound is None else f"bound to {stage.letter(bound.block)}"
            return f"new-view {view} at height {height} for {signers}; {to}"
    letter = stage.letter(signed_bytes(stage.rules, message)[1])
    return f"{NAMES[type(message)]} {letter} at height {height}, view {view}"


def stands(stage: Stage) -> str:
    """Where the replica stands."""
    replica = stage.replica
    role = "primary" if replica.is_primary else "backup"
    waits = "pending" if replica.pending else "at rest"
    silent = ", abstains" if replica.abstains else ""
    return f"({role}, height {replica.height}, view {replica.view}, {replica.phase}, {waits}{silent})"
