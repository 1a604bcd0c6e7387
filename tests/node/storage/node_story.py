"""Four whole nodes in one thread on real files, joined by hand: what they say is noted between their calls to the disk."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from chain.codec import decode, encode
from node import process
from node.network.frames import ConsensusFrame, PeerFrame, relays
from node.process import Node
from node.settings import Settings
from tests.chain.small_network import key_pair
from tests.node.network.small_pki import NAMES
from tests.node.small_chain import GENESIS, NOW

Said = Callable[[str, object], None]
TURNS = 6
"""Of the loop for what a node has appended to be synced and told."""


class Wires:
    """Stands for a node's links: what it sends is noted, and waits until it is carried over."""

    def __init__(self, own: int, story: "Story") -> None:
        self.own, self.story = own, story

    @property
    def connected(self) -> frozenset[int]:
        """The peers whose process lives and is not cut off."""
        if self.own in self.story.cut_off:
            return frozenset()
        return frozenset(self.story.nodes) - {self.own} - self.story.cut_off

    def reads(self, peer: int) -> bool:
        """Everybody takes what it is sent."""
        return peer in self.connected

    def start(self) -> None:
        """Nobody is dialled."""

    def send(self, peer: int, record: PeerFrame) -> None:
        """Note what binds the node, and put it on its way."""
        if isinstance(record, ConsensusFrame) and record.envelope.signer == self.own:
            self.story.said(f"{NAMES[self.own]} vote", (record.chain_id, encode(record.envelope)))
        if peer in self.connected:
            self.story.frames.append((self.own, peer, encode(record)))

    def broadcast(self, record: PeerFrame) -> None:
        """To all."""
        for peer in range(len(NAMES)):
            if peer != self.own:
                self.send(peer, record)


class StoryNode(Node):
    """A node whose links are the story's."""

    def __init__(self, settings: Settings, story: "Story") -> None:
        self.story = story
        super().__init__(settings)

    def _make_peers(self) -> Wires:  # type: ignore[override]
        return Wires(NAMES.index(self._settings.name), self.story)

    def _committed(self, chain_id, executed, certificate) -> None:
        about = (chain_id, executed.block.header.height, executed.digest)
        self.story.said(f"{self._settings.name} acknowledgement", about)
        super()._committed(chain_id, executed, certificate)

    def _sign_state_changed(self, chain_id: str, signs: bool) -> None:
        if signs:
            self.story.said(f"{self._settings.name} signs again", chain_id)
        super()._sign_state_changed(chain_id, signs)

    def _note(self, chain_id: str, sentence: str) -> None:
        self.story.notes.append(sentence)


def settings_of(place: int, data: Path) -> Settings:
    """What a node on this disk is told."""
    return Settings(
        folder=data.parent,
        data=data,
        genesis=GENESIS,
        name=NAMES[place],
        joins=False,
        host="127.0.0.1",
        port=1,
        peers={},
        consensus_key=key_pair(NAMES[place]),
    )


class Story:
    """The nodes, the frames between them, and the hand that moves them. To be made inside a running loop."""

    def __init__(self, root: Path, said: Said = lambda what, about: None) -> None:
        self.root, self.said = root, said
        self.nodes: dict[int, StoryNode] = {}
        self.frames: list[tuple[int, int, bytes]] = []
        self.cut_off: frozenset[int] = frozenset()
        self.lost: Callable[[PeerFrame], bool] = lambda record: False
        """Which frames do not arrive."""
        self.notes: list[str] = []

    def open(self, place: int) -> StoryNode:
        """A process begins on its disk."""
        node = StoryNode(settings_of(place, self.root / NAMES[place]), self)
        self.nodes[place] = node
        for host in node._hosts.values():
            host.resume()
        self._link_to_all(place)
        return node

    def kill(self, place: int) -> None:
        """A process ends: what was not yet synced is lost, nobody is told."""
        node = self.nodes.pop(place)
        node._journal._waiting.clear()
        leave(node)
        self.frames = [frame for frame in self.frames if place not in frame[:2]]
        for other in self.nodes.values():
            for host in other._hosts.values():
                host.peer_lost(place)

    def submit(self, chain_id: str, raw: bytes, at: int) -> None:
        """A caller gives a transaction to a node, which passes it on."""
        node = self.nodes[at]
        host = node._hosts[chain_id]
        host.admit(raw, local=True)
        for relay in relays(chain_id, [raw]):
            node._peers.broadcast(relay)
        host.requests_admitted()

    def isolate(self, place: int) -> None:
        """One node loses its links, on both sides."""
        self.cut_off |= {place}
        for other, node in self.nodes.items():
            for host in node._hosts.values():
                for peer in range(len(NAMES)) if other == place else (place,):
                    if peer != other:
                        host.peer_lost(peer)

    def heal(self) -> None:
        """Everybody is linked again."""
        healed, self.cut_off = self.cut_off, frozenset()
        for place in healed:
            self._link_to_all(place)

    async def carry(self, rounds: int = 12) -> None:
        """Frames arrive, logs are synced, until nothing is on its way or the rounds are over."""
        for _ in range(rounds):
            for _ in range(TURNS):
                await asyncio.sleep(0)
            frames, self.frames = self.frames, []
            for sender, receiver, data in frames:
                record = decode(data, PeerFrame)
                if receiver in self.nodes and not {sender, receiver} & self.cut_off and not self.lost(record):
                    self.nodes[receiver]._from_peer(sender, record)
            if not frames:
                return

    async def tick(self, ticks: int) -> None:
        """Time passes for everybody."""
        for _ in range(ticks):
            for node in self.nodes.values():
                for host in node._hosts.values():
                    host.tick()
            await self.carry()

    async def flush(self, place: int) -> None:
        """The store takes what the log holds, and the log is cut; others go on meanwhile."""
        node = self.nodes[place]
        node._last_flush = float("-inf")
        node._flush_if_due(node._loop.time())
        while node._store.busy:  # noqa: ASYNC110 - a thread ends it
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """All processes end."""
        for place in list(self.nodes):
            self.kill(place)

    def _link_to_all(self, place: int) -> None:
        for other in self.nodes:
            if other != place:
                self._link(place, other)
                self._link(other, place)

    def _link(self, one: int, peer: int) -> None:
        self.nodes[one]._peers.send(peer, self.nodes[one]._heads())
        for host in self.nodes[one]._hosts.values():
            host.peer_connected(peer)


def leave(node: Node) -> None:
    """Close what a process that ends gives back."""
    node._journal.close()
    node._store.close()
    os.close(node._lock)


def stop_the_clock(patch) -> None:
    """All nodes see the same time, at which the samples are valid."""
    patch.setattr(process, "_now_ms", lambda: NOW)
