"""Changes of membership from an operator's seat: read who the replicas are, propose, submit, wait until it is in force.

Over REST alone. On a chain that rests nothing happens by itself: whoever waits touches it.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from chain.codec import encode
from chain.genesis import GenesisReplica
from chain.membership import REPLICAS_MIN
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair
from chain.transaction import Transaction
from contracts.system import Touch
from scripts.changes import Change
from scripts.client import Client, Refused
from scripts.errors import CommandFailed

MARGINS: Final = (3, 8, 25, 80)
"""How many heights ahead a change takes effect: the least at first, more if the chain was faster than we."""
LOOK_AGAIN: Final = frozenset({"effective-height-out-of-range", "change-pending", "not-final"})
"""After these the chain may have the change by now, or may take another one: it is looked at again."""
IN_FORCE_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.2
TOUCH_VALID_MS: Final = 120_000
Found = TypeVar("Found")
View = dict[str, Any]
Edit = Callable[[Sequence[GenesisReplica]], tuple[GenesisReplica, ...]]


def joined(newcomer: GenesisReplica) -> Edit:
    """Add a replica at the end."""

    def edit(old: Sequence[GenesisReplica]) -> tuple[GenesisReplica, ...]:
        if newcomer in old:
            return tuple(old)
        if newcomer.name in {replica.name for replica in old}:
            raise CommandFailed(f"{newcomer.name} is a replica with another key; use `replicas rekey {newcomer.name}`")
        return (*old, newcomer)

    return edit


def left(name: str) -> Edit:
    """Take a replica out."""

    def edit(old: Sequence[GenesisReplica]) -> tuple[GenesisReplica, ...]:
        new = tuple(replica for replica in old if replica.name != name)
        if new != old and len(new) < REPLICAS_MIN:
            raise CommandFailed(
                f"a chain has at least {REPLICAS_MIN} replicas; let another one join before {name} leaves"
            )
        return new

    return edit


def rekeyed(renewed: GenesisReplica) -> Edit:
    """Give a replica its new key, in its place."""

    def edit(old: Sequence[GenesisReplica]) -> tuple[GenesisReplica, ...]:
        if renewed.name not in {replica.name for replica in old}:
            raise CommandFailed(f"{renewed.name} is no replica; use `replicas add {renewed.name}`")
        return tuple(renewed if replica.name == renewed.name else replica for replica in old)

    return edit


def views(client: Client, chains: Iterable[str]) -> list[View]:
    """How consensus stands on each chain, as one node sees it."""
    return on_all(chains, lambda chain: client.get(f"/v1/chains/{chain}/consensus"))


def entries(listed: Iterable[View]) -> tuple[GenesisReplica, ...]:
    """The replicas in a view, as a genesis document writes them."""
    return tuple(
        GenesisReplica(name=one["name"], consensus_key=one["consensus_key"], tls_key_digest=one["tls_key_digest"])
        for one in listed
    )


def on_all(chains: Iterable[str], work: Callable[[str], Found]) -> list[Found]:
    """The same for every chain, at once."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(work, chains))


class Operator:
    """Changes chains through a gateway, and touches them while it waits; `people` are demo accounts by chain."""

    def __init__(self, client: Client, network_id: str, people: dict[str, View]) -> None:
        self.client = client
        self._network_id = network_id
        self._people = people

    @classmethod
    def of(cls, folder: Path, client: Client, network_id: str) -> "Operator":
        """With the demo accounts of a network in `folder`."""
        people = json.loads((folder / "demo-keys.json").read_text("utf-8"))
        return cls(client, network_id, {chain: entry["platform"] for chain, entry in people.items()})

    def propose(self, chain: str, edit: Edit, margin: int) -> Change | None:
        """The change, unsigned; None if the chain has it already. A change under way is waited for."""
        view = self._view(chain)
        if view["change"] is not None:
            self.wait_in_force(chain, view["change"]["effective_height"])
            view = self._view(chain)
        old = entries(view["replicas"])
        new = edit(old)
        if new == old:
            return None
        return Change(
            network_id=self._network_id,
            chain=chain,
            old=old,
            new=new,
            effective_height=view["height"] + margin,
        )

    def carry_out(self, chain: str, edit: Edit, keys: Sequence[KeyPair]) -> None:
        """Propose, sign with every key at hand, submit, and wait until it is in force."""
        for margin in MARGINS:
            change = self.propose(chain, edit, margin)
            if change is None:
                return
            for key in keys:
                change = change.signed(key) or change
            try:
                self.submit(change)
            except Refused as refused:
                if refused.problem not in LOOK_AGAIN:
                    raise
            else:
                self.wait_in_force(chain, change.effective_height)
                return
        raise CommandFailed(
            f"{chain} did not take the change; look at `replicas` and try again, or use --propose with more --ahead"
        )

    def submit(self, change: Change) -> None:
        """Send it; returns when it is in a block."""
        if why := change.lacks():
            raise CommandFailed(why)
        signed = change.transaction(now=time.time_ns() // 1_000_000, nonce=secrets.token_bytes(16))
        self.client.post(f"/v1/chains/{change.chain}/transactions", signed)

    def wait_in_force(self, chain: str, effective_height: int) -> None:
        """Return when the next block is certified by the new set."""
        deadline = time.monotonic() + IN_FORCE_TIMEOUT_S
        while (height := self._view(chain)["height"]) + 1 < effective_height:
            if time.monotonic() > deadline:
                raise CommandFailed(
                    f"{chain} stands at height {height}, the change takes effect at {effective_height}; "
                    "look at `replicas`, and wait for more blocks"
                )
            self._touch(chain)
            time.sleep(POLL_S)

    def _touch(self, chain: str) -> None:
        """Give a chain that rests a block; one that does not refuses."""
        rules = ChainRules.of(bytes.fromhex(self._network_id), load_profiles()[chain])
        person = self._people[chain]
        body = encode(
            Transaction(
                chain_id=chain,
                sender=rules.addresses.parse(person["address"]),
                nonce=secrets.token_bytes(16),
                valid_until=time.time_ns() // 1_000_000 + TOUCH_VALID_MS,
                contract="system",
                method="touch",
                arguments=encode(Touch()),
            )
        )
        key = rules.scheme.key_pair(bytes.fromhex(person["seed"]))
        signed = {"body": body.hex(), "signature": key.sign(rules.transaction_id(body)).hex()}
        try:
            self.client.post(f"/v1/chains/{chain}/transactions", signed)
        except Refused as refused:
            if refused.problem not in ("touched-recently", "not-final"):
                raise

    def _view(self, chain: str) -> View:
        view: View = self.client.get(f"/v1/chains/{chain}/consensus")
        return view
