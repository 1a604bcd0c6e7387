"""What a node makes of the memberships on its chains: whom it knows, and whether it is a replica itself."""

from collections.abc import Callable, Sequence
from itertools import chain

from chain.membership import Membership
from contracts.membership import MembershipFrom
from node.consensus.head import OUTSIDE, place_of
from node.network.directory import Directory


class Members:
    """Keeps the directory; `note(chain id, sentence)` is told when the node itself comes in or goes out."""

    def __init__(self, directory: Directory, key: bytes, note: Callable[[str, str], None]) -> None:
        self._directory = directory
        self._key = key
        self._note = note
        self._seen: dict[str, tuple[tuple[MembershipFrom, ...], int]] = {}
        self._inside: dict[str, bool] = {}

    def look(self, chain_id: str, entries: tuple[MembershipFrom, ...], height: int) -> bool:
        """The sets of a chain whose head is at `height`; whether they are others than the last time."""
        begun = sum(entry.from_height <= height + 1 for entry in entries)
        if self._seen.get(chain_id) == (entries, begun):
            return False
        self._seen[chain_id] = entries, begun
        sets = [entry.membership for entry in entries]
        self._directory.learn(chain_id, past=sets[: begun - 1], live=sets[begun - 1 :])
        self._tell(chain_id, entries[begun - 1], entries[begun:])
        return True

    def known(self, first: Membership) -> Sequence[Membership]:
        """Every set that was seen, and the genesis document's."""
        entries = chain.from_iterable(entries for entries, _ in self._seen.values())
        return [first, *(entry.membership for entry in entries)]

    def _tell(self, chain_id: str, present: MembershipFrom, following: Sequence[MembershipFrom]) -> None:
        inside = place_of(present.membership, self._key) != OUTSIDE
        before = self._inside.get(chain_id)
        self._inside[chain_id] = inside
        for entry in following:
            if (place_of(entry.membership, self._key) != OUTSIDE) != inside:
                what = "leaves" if inside else "joins"
                self._note(chain_id, f"this node {what} the replicas at height {entry.from_height}")
        if inside and before is False:
            size, height = present.membership.size, present.from_height
            self._note(chain_id, f"this node is one of {size} replicas from height {height} on")
        elif not inside and before is not False:
            self._note(chain_id, "the key of this node is none of the present replicas': it follows and casts nothing")
