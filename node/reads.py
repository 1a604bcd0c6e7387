"""What a chain holds, as the answers to a caller's reads: each with what proves it (protocol 12.5)."""

from collections.abc import Mapping

from chain.codec import encode
from chain.light_client import CertifiedHeader
from chain.merkle import leaf_hash
from chain.rpc import (
    HANDOVERS_MAX,
    Answer,
    BlockAnswer,
    HandoversAnswer,
    ProvenValue,
    ReadBlock,
    ReadHandovers,
    ReadState,
    Refused,
    StateAnswer,
)
from chain.state import prove
from node.host import Host
from node.ledger import StoredBlock


def read_state(hosts: Mapping[str, Host], read: ReadState) -> Answer:
    """Values with proofs under one certified header, or why there are none."""
    host = hosts.get(read.chain_id)
    if host is None:
        return Refused(request=read.request, code="chain-unknown", values=(read.chain_id,))
    height = host.ledger.height if read.height is None else read.height
    view = host.ledger.state_at(height)
    if view is None:
        return Refused(request=read.request, code="height-out-of-reach", values=(height, host.ledger.height))
    return StateAnswer(
        request=read.request,
        certified=host.ledger.certified(height),
        genesis=host.ledger.genesis if height == 0 else None,
        values=tuple(ProvenValue(value=view.get(key), proof=prove(view, key)) for key in read.keys),
    )


def read_block(hosts: Mapping[str, Host], read: ReadBlock) -> Answer:
    """A block with its receipts, or why there is none; at height 0 the genesis header alone."""
    host = hosts.get(read.chain_id)
    if host is None:
        return Refused(request=read.request, code="chain-unknown", values=(read.chain_id,))
    if read.height == 0:
        return BlockAnswer(
            request=read.request, certified=None, genesis=host.ledger.genesis, transactions=(), receipts=()
        )
    stored = host.ledger.block(read.height)
    return no_block(host, read.request, read.height) if stored is None else block_answer(read.request, stored)


def read_handovers(hosts: Mapping[str, Host], read: ReadHandovers) -> Answer:
    """The changes of membership above a height, the first ones of very many."""
    host = hosts.get(read.chain_id)
    if host is None:
        return Refused(request=read.request, code="chain-unknown", values=(read.chain_id,))
    handovers = host.ledger.handovers(read.after, host.ledger.height + 1)
    return HandoversAnswer(request=read.request, handovers=handovers[:HANDOVERS_MAX])


def no_block(host: Host, request: int, height: int) -> Refused:
    """Why there is no block of that height here: it is pruned, or has not been made."""
    ledger = host.ledger
    if height < ledger.oldest_block:
        return Refused(request=request, code="height-pruned", values=(height, ledger.oldest_block))
    return Refused(request=request, code="block-unknown", values=(height, ledger.height))


def block_answer(request: int, stored: StoredBlock) -> BlockAnswer:
    """A stored block as an answer."""
    return BlockAnswer(
        request=request,
        certified=certified_header(stored),
        genesis=None,
        transactions=stored.committed.block.transactions,
        receipts=stored.receipts,
    )


def certified_header(stored: StoredBlock) -> CertifiedHeader:
    """A stored block's header and certificate."""
    return CertifiedHeader(header=stored.committed.header, certificate=stored.committed.certificate)


def receipt_leaves(host: Host, stored: StoredBlock) -> tuple[bytes, ...]:
    """The leaf hashes under a stored block's receipt root."""
    return tuple(leaf_hash(host.rules.digest, encode(receipt)) for receipt in stored.receipts)
