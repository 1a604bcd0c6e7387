"""What every replica has signed lately, so that two statements that no correct replica makes meet (protocol 5.5).

Only what is authentic is heard. Kept are the statements of the last EVIDENCE_HEIGHTS heights and of the few heights
ahead, of each replica and height those of VIEWS_MAX views: with four replicas about 2.5 MB a chain.
"""

from collections.abc import Iterable
from typing import Final

from chain.domains import Domain
from chain.evidence import EVIDENCE_HEIGHTS, Evidence, ForgottenCommit, SignedDigest, conflict
from node.consensus.log import FUTURE_HEIGHTS_MAX
from node.consensus.messages import (
    Authenticated,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
    place,
)

VIEWS_MAX: Final = 8
DIGEST_BYTES: Final = 32
Statements = dict[tuple[int, int, int], bytes]
"""By (signer, rank of the kind, view): digest ‖ signature."""


class Witness:
    """The statements heard, by height."""

    def __init__(self) -> None:
        self._heard: dict[int, Statements] = {}
        self._changes: dict[int, list[Authenticated]] = {}
        """The view changes among them, whole: what they show is the evidence."""

    def hear(self, received: Authenticated, key: bytes, height: int) -> Evidence | None:
        """One message of the replica whose consensus key is `key`, heard at head `height`; what it proves."""
        at, view = place(received.message)
        if not height - EVIDENCE_HEIGHTS < at <= height + 1 + FUTURE_HEIGHTS_MAX:
            return None
        kind, domain = _KINDS[type(received.message)]
        statements = self._heard.setdefault(at, {})
        said = received.digest + received.signature
        earlier = statements.get((received.signer, kind, view))
        if earlier is None:
            if len(statements) >= VIEWS_MAX <= _views(statements, received.signer, kind):
                return None
            statements[received.signer, kind, view] = said
            return self._forgotten(received, key, at)
        if earlier[:DIGEST_BYTES] == received.digest:
            return None
        return conflict(key, domain, view=view, height=at, one=_signed(earlier), other=_signed(said))

    def forget_below(self, height: int) -> None:
        """Blocks up to `height` are committed: what is older than evidence may be is forgotten."""
        for heard in (self._heard, self._changes):
            oldest = next(iter(heard), height)
            while oldest <= height - EVIDENCE_HEIGHTS:
                del heard[oldest]
                oldest = next(iter(heard), height)

    def _forgotten(self, received: Authenticated, key: bytes, at: int) -> Evidence | None:
        """A commit beside a view change that does not show it, whichever came first."""
        message = received.message
        if isinstance(message, Commit):
            changes = [change for change in self._changes.get(at, ()) if change.signer == received.signer]
            return _first(
                _forgets(key, message.view, received.digest, received.signature, change) for change in changes
            )
        if not isinstance(message, ViewChange):
            return None
        self._changes.setdefault(at, []).append(received)
        commits = [
            (view, said)
            for (signer, kind, view), said in self._heard[at].items()
            if signer == received.signer and kind == _KINDS[Commit][0]
        ]
        return _first(_forgets(key, view, said[:DIGEST_BYTES], said[DIGEST_BYTES:], received) for view, said in commits)


def _forgets(key: bytes, view: int, block: bytes, commit: bytes, change: Authenticated) -> ForgottenCommit | None:
    message = change.message
    assert isinstance(message, ViewChange)
    shown = message.prepared is not None and message.prepared.view >= view
    if message.view <= view or shown:
        return None
    return ForgottenCommit(
        signer=key, view=view, block=block, commit=commit, view_change=message, signature=change.signature
    )


def _first(found: Iterable[ForgottenCommit | None]) -> ForgottenCommit | None:
    return next((evidence for evidence in found if evidence is not None), None)


def _signed(said: bytes) -> SignedDigest:
    return SignedDigest(block=said[:DIGEST_BYTES], signature=said[DIGEST_BYTES:])


def _views(statements: Statements, signer: int, kind: int) -> int:
    return sum(known[:2] == (signer, kind) for known in statements)


_KINDS: Final[dict[type, tuple[int, Domain]]] = {
    PrePrepare: (0, Domain.PRE_PREPARE),
    Prepare: (1, Domain.PREPARE),
    Commit: (2, Domain.COMMIT),
    ViewChange: (3, Domain.VIEW_CHANGE),
    NewView: (4, Domain.NEW_VIEW),
}
