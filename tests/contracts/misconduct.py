"""What a replica says that no correct one says, with its real signatures."""

from chain.domains import Domain
from chain.evidence import ConflictingStatements, ForgottenCommit, SignedDigest, conflict
from chain.rules import ChainRules
from chain.view_change import ViewChange, view_change_bytes
from tests.chain.small_network import FIRST, header_of, key_pair


def two_commits(rules: ChainRules, height: int = 9, *, name: str = "xian", view: int = 2) -> ConflictingStatements:
    """Two commits of one replica at one place."""
    pair = key_pair(name)
    one, other = (
        SignedDigest(
            block=block,
            signature=pair.sign(rules.vote_bytes(Domain.COMMIT, view=view, height=height, block=block)),
        )
        for block in (b"a" * 32, b"b" * 32)
    )
    return conflict(pair.public_key, Domain.COMMIT, view=view, height=height, one=one, other=other)


def forgotten(rules: ChainRules, height: int = 9, *, name: str = "xian") -> ForgottenCommit:
    """A commit in view 2 and a view change to view 5 that shows nothing."""
    pair, block = key_pair(name), b"a" * 32
    committed = FIRST.certify(rules, header_of(rules, height - 1, FIRST.membership))
    wanted = ViewChange(view=5, committed=committed, prepared=None)
    return ForgottenCommit(
        signer=pair.public_key,
        view=2,
        block=block,
        commit=pair.sign(rules.vote_bytes(Domain.COMMIT, view=2, height=height, block=block)),
        view_change=wanted,
        signature=pair.sign(view_change_bytes(rules, wanted)[0]),
    )
