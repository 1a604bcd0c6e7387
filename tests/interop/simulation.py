"""Two or three chains, people who do what they like, relayers that crash anywhere: one seed, one history.

`python -m tests.interop.simulation --seeds 5000` plays many. After every block at most one certificate of each number is
live, and no fen is lost. In the end, when everything is up again, every move has ended, no certificate is locked, each
that nobody revoked or burnt is live on exactly one chain, and relayers that begin anew find nothing to do.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final

from chain.codec import Record, decode
from contracts.certificate import Recorded, certificate_of, status_at
from contracts.classes import Requirement
from contracts.crosschain import ESCROW
from contracts.interface import ContractReverted
from contracts.keys import arrival_key, contract_purse
from contracts.life import ChangeStatus
from contracts.mirrors import mirror_of, mirror_status_at
from contracts.packets import TimeOutPacket, lane_of
from contracts.purses import Purse, fen_supply, purse_of
from contracts.requiring import still_stands
from contracts.transfers import State, transfer_of
from tests.contracts.small_chain import token
from tests.interop.relaying import Crashed, WorldChains, WorldRelayer
from tests.interop.world import DIPLOMA, LICENCE, TEN, World

STEPS: Final = (25, 70)
CERTIFICATES: Final = 3
LICENCES: Final = range(50, 60)
WEEK_MS: Final = 7 * 86_400_000


class Violated(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Play:
    """One history."""

    seed: int
    dice: Random = field(init=False)
    world: World = field(init=False)
    relayers: list[WorldRelayer] = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)
    down: set[str] = field(default_factory=set)
    _licences: int = 0

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        chains = self.dice.sample(TEN, self.dice.choice((2, 2, 3)))
        self.world = World.founded(*chains)
        for chain in chains:
            self.world.define(chain)
            first = self.dice.choice([other for other in chains if other != chain])
            required = Requirement(chain_id=first, class_id=DIPLOMA, max_age_ms=10**9, follow=self.dice.random() < 0.7)
            self.world.define(chain, LICENCE, requires=[required])
            for other in chains:
                if other != chain:
                    self.world.let_move(chain, other)
        for number in range(CERTIFICATES):
            self.world.mint(self.dice.choice(chains), number)
        self.relayers = [WorldRelayer(self.world, self._chains_of(sender)) for sender in ("relayer", "second")]

    @property
    def chains(self) -> list[str]:
        """The chains' ids."""
        return list(self.world.chains)

    def run(self) -> Counter[str]:
        """Play to the end; what happened how often. `Violated` says what must not be."""
        for _ in range(self.dice.randint(*STEPS)):
            act = self.dice.choices(ACTS, WEIGHTS)[0]
            try:
                act(self)
                self.seen[act.__name__] += 1
            except ContractReverted as refused:
                self.seen[refused.code] += 1
            self.check()
        self.settle()
        return self.seen

    def check(self) -> None:
        """What holds after every block."""
        for number in range(CERTIFICATES):
            live = self.live(number)
            self.require(len(live) <= 1, f"certificate {number} is live on {live}")
        for chain in self.chains:
            records = self.world[chain].records
            purses = sum(
                decode(value, Purse).fen for key, value in self.world[chain].content().items() if key[:1] == b"K"
            )
            self.require(purses == fen_supply(records), f"fen are lost on {chain}")

    def settle(self) -> None:
        """Everything is up again, and time goes by: every move ends, and nothing is left to do."""
        self.down.clear()
        for relayer in self.relayers:
            relayer.chains.step = _nothing
        for _ in range(3):
            self._all_work()
            self.world.rest(WEEK_MS)
        for chain in self.chains:
            self._cancel_what_waits(chain)
        self._all_work()
        self.check()
        for chain in self.chains:
            self._check_end(chain)
        for number in range(CERTIFICATES):
            records = [self.world.find(chain, number) for chain in self.chains]
            ended = any(one is not None and one.recorded in (Recorded.REVOKED, Recorded.BURNT) for one in records)
            self.require(len(self.live(number)) == (not ended), f"certificate {number} is nowhere, or revoked and live")
        told = len(self.world.told)
        for relayer in self.relayers:
            relayer.forget()
            relayer.work_until_idle()
        self.require(len(self.world.told) == told, "relayers that begin anew make blocks")

    def live(self, number: int) -> list[str]:
        """The chains on which a certificate can be used."""
        found = {chain: self.world.find(chain, number) for chain in self.chains}
        return [chain for chain, one in found.items() if one is not None and one.recorded < 2 and not one.locked]

    def require(self, holds: bool, what: str) -> None:
        """`Violated` with the seed unless it holds."""
        if not holds:
            raise Violated(f"seed {self.seed}: {what}")

    def call(self, chain: str, sender: str, contract: str, method: str, arguments: Record) -> None:
        """A person's call, if the chain is up."""
        if chain not in self.down:
            self.world.call(chain, sender, contract, method, arguments)

    def _all_work(self) -> None:
        for relayer in self.relayers:
            relayer.forget()
        for relayer in self.dice.sample(self.relayers, 2):
            relayer.work_until_idle()

    def _cancel_what_waits(self, chain: str) -> None:
        for transfer in self.transfers(chain):
            if transfer.state == State.UNCONFIRMED:
                self.world.cancel(chain, transfer, sender="platform")

    def transfers(self, chain: str) -> list:
        """Every move that was ever opened on a chain."""
        content = self.world[chain].content()
        return [transfer_of(value) for key, value in sorted(content.items()) if key[:1] == b"c"]

    def _check_end(self, chain: str) -> None:
        world, records, content = self.world, self.world[chain].records, self.world[chain].content()
        for one in self.transfers(chain):
            self.seen[f"move {State(one.state).name.lower()} {one.code}".strip()] += 1
        open_moves = [one for one in self.transfers(chain) if one.state < State.DONE]
        self.require(not open_moves, f"moves never end on {chain}: {open_moves}")
        self.require(not [key for key in content if key[:1] in b"po"], f"packets or transits stay open on {chain}")
        self.require(purse_of(records, contract_purse(ESCROW)).fen == 0, f"fees wait for ever on {chain}")
        paid = sum(one.fee for one in self.transfers(chain) if one.state == State.DONE)
        pot = purse_of(records, contract_purse("crosschain")).fen
        self.require(pot == paid, f"moves on {chain} have cost {pot} fen instead of {paid}")
        for other in self.chains:
            if other != chain:
                sent, received = lane_of(records, other).sent, lane_of(world[other].records, chain).received
                self.require(sent == received, f"{chain} sent {sent} packets to {other}, which received {received}")
        for key, value in content.items():
            if key[:1] == b"T":
                self.require(not certificate_of(value).locked, f"a certificate stays locked on {chain}")
            if key[:1] == b"m":
                self._check_mirror(value)
        self._check_licences(chain)

    def _check_mirror(self, value: bytes) -> None:
        mirror = mirror_of(value)
        held = mirror.certificate
        there = self.world[mirror.chain_id].state.get(b"T" + held.class_id.encode().ljust(32, b"\0") + held.token)
        assert there is not None
        self.require(held == certificate_of(there), "a mirror differs from what it mirrors")
        status = mirror_status_at(mirror, mirror.time + 1)
        self.require(status == status_at(certificate_of(there), mirror.time + 1), "a mirror says another status")

    def _check_licences(self, chain: str) -> None:
        for number in LICENCES:
            licence = self.world.find(chain, number, LICENCE)
            if licence is None:
                continue
            (relied,) = self.world.reliance(chain, number).relied
            there = self.world[relied.chain_id].records.get(b"T" + DIPLOMA.encode().ljust(32, b"\0") + relied.token)
            stands = still_stands(certificate_of(there))
            self.require(
                licence.suspended == (relied.follow and not stands),
                f"licence {number} on {chain} is not as it should be",
            )

    def _chains_of(self, sender: str) -> WorldChains:
        def step() -> None:
            if self.dice.random() < 0.05:
                raise Crashed

        return WorldChains(self.world, sender, step, self.down)

    # ---- what people and chance do ----

    def open_a_move(self) -> None:
        """The holder opens a move, often with little time."""
        source, target = self.dice.sample(self.chains, 2)
        if source not in self.down:
            ms = self.dice.choice((1_000, 5_000, 30_000, 600_000))
            self.world.open_move(source, target, self.dice.randrange(CERTIFICATES), ms)

    def confirm_a_move(self) -> None:
        """The holder confirms a move, or tries to confirm it again."""
        chain = self.dice.choice(self.chains)
        moves = self.transfers(chain)
        if moves and chain not in self.down:
            self.world.call(
                chain, "alice", "crosschain", "confirm", self.world.confirmation(chain, self.dice.choice(moves))
            )

    def cancel_a_move(self) -> None:
        """The holder, or anybody, cancels a move."""
        chain = self.dice.choice(self.chains)
        moves = self.transfers(chain)
        if moves and chain not in self.down:
            self.world.cancel(chain, self.dice.choice(moves), self.dice.choice(("alice", "platform", "bob")))

    def time_a_move_out(self) -> None:
        """Somebody says that a packet was not received in time, be it so or not."""
        source = self.dice.choice(self.chains)
        sent = [one for one in self.transfers(source) if one.sequence is not None]
        if sent and source not in self.down:
            transfer = self.dice.choice(sent)
            target, sequence = transfer.to_chain, transfer.sequence
            shown = self.world.shown(target, arrival_key(source, sequence), source)
            arguments = TimeOutPacket(chain_id=target, sequence=sequence, shown=shown)
            self.world.call(source, "platform", "crosschain", "timeOut", arguments)

    def change_a_certificate(self) -> None:
        """The issuer revokes, the operator freezes or unfreezes."""
        chain, number = self.dice.choice(self.chains), self.dice.randrange(CERTIFICATES)
        method, sender = self.dice.choice(
            (("freeze", "operator"), ("unfreeze", "operator"), ("freeze", "operator"), ("revoke", "platform"))
        )
        arguments = ChangeStatus(class_id=DIPLOMA, token=token(number), holder=None, reason="by-request")
        self.call(chain, sender, "ddc721", method, arguments)

    def mirror_a_certificate(self) -> None:
        """Somebody has a certificate mirrored."""
        source, at = self.dice.sample(self.chains, 2)
        number = self.dice.randrange(CERTIFICATES)
        if self.world.find(source, number) is not None and at not in self.down:
            self.world.attest(source, at, number)

    def issue_a_licence(self) -> None:
        """The platform issues a licence on a certificate of another chain."""
        at, number = self.dice.choice(self.chains), self.dice.randrange(CERTIFICATES)
        (required,) = self.world.requirements(at)
        if self.world.find(required.chain_id, number) is None or at in self.down or self._licences == len(LICENCES):
            return
        shown = self.world.shown_certificate(required.chain_id, at, number)
        arguments = self.world.licence_arguments(at, shown, number=LICENCES[self._licences])
        self.world.call(at, "platform", "ddc721", "mintRequired", arguments)
        self._licences += 1

    def change_replicas(self) -> None:
        """A chain has another set of replicas from its next block on."""
        chain = self.dice.choice(self.chains)
        if chain not in self.down:
            self.world.change_replicas(chain, self.dice.randrange(1, 10**6))

    def go_down_or_up(self) -> None:
        """A chain makes no blocks for a while, for too few of its nodes are there; or it does again."""
        self.down ^= {self.dice.choice(self.chains)}

    def time_goes_by(self) -> None:
        """A little or a lot."""
        self.world.rest(self.dice.choice((500, 5_000, 60_000)))

    def a_relayer_works(self) -> None:
        """A relayer hears and works; it may crash at any step, before or after what it did had its effect."""
        relayer = self.dice.choice(self.relayers)
        try:
            relayer.listen()
            for _ in range(self.dice.randint(1, 6)):
                relayer.work(self.dice.randint(1, 3))
        except Crashed:
            self.seen["a_relayer_crashed"] += 1
            relayer.forget()

    def a_relayer_replays(self) -> None:
        """A relayer sends everything again that it ever sent."""
        relayer = self.dice.choice(self.relayers)
        for chain, contract, method, arguments in relayer.chains.sent:
            before = self.world[chain].content()
            try:
                self.world.call(chain, relayer.chains.sender, contract, method, arguments)
            except ContractReverted:
                continue
            self.require(method == "touch", f"{contract}.{method} takes effect twice: {len(before)}")


Act = Callable[[Play], None]
ACTS: Final[tuple[Act, ...]] = (
    Play.open_a_move, Play.confirm_a_move, Play.cancel_a_move, Play.change_a_certificate, Play.mirror_a_certificate,
    Play.issue_a_licence, Play.change_replicas, Play.go_down_or_up, Play.time_goes_by, Play.a_relayer_works,
    Play.a_relayer_replays, Play.time_a_move_out,
)  # fmt: skip
WEIGHTS: Final = (14, 16, 3, 6, 5, 5, 2, 3, 6, 22, 2, 5)


def _nothing() -> None:
    return None


def play(seed: int) -> Counter[str]:
    """One seed's history; what happened how often."""
    return Play(seed).run()


def play_all(seeds: Iterable[int]) -> Counter[str]:
    """Many, one after the other."""
    return sum(map(play, seeds), Counter())


def main() -> int:
    """Play many seeds on all cores; the first that violates an invariant is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    parts = [
        range(start, min(start + 50, given.first + given.seeds))
        for start in range(given.first, given.first + given.seeds, 50)
    ]
    seen: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        for number, counted in enumerate(pool.map(play_all, parts), start=1):
            seen += counted
            print(f"\r{min(number * 50, given.seeds):,} of {given.seeds:,} seeds", end="", flush=True)
    print()
    for what, count in seen.most_common():
        print(f"{count:>9,}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
