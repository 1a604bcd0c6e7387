"""What one node can do to its answers: each of these is an answer that must not be believed."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from chain.light_client import CertifiedHeader
from chain.rpc import Answer, BlockAnswer, Hello, Outcomes, Refused, Rejection, StateAnswer
from gateway.chains import Chain
from tests.chain.small_network import FIRST, SECOND


def uncertified(chain: Chain, certified: CertifiedHeader, **changed: Any) -> CertifiedHeader:
    """Another header under the certificate of the true one."""
    return replace(certified, header=replace(certified.header, **changed))


def wrong_certificates(chain: Chain, certified: CertifiedHeader) -> Iterator[CertifiedHeader]:
    """Everything that one node can do to a certified header on its own."""
    certificate = certified.certificate
    yield uncertified(chain, certified, state_root=bytes(32))
    yield uncertified(chain, certified, height=certified.header.height + 1)
    yield uncertified(chain, certified, chain_id="zhongyi")
    yield uncertified(chain, certified, network_id=bytes(32))
    yield replace(certified, certificate=replace(certificate, view=certificate.view + 1))
    yield replace(certified, certificate=replace(certificate, signers=certificate.signers[:-1]))
    yield replace(certified, certificate=replace(certificate, signatures=certificate.signatures[:-1]))
    yield replace(certified, certificate=replace(certificate, signatures=certificate.signatures[::-1]))
    yield replace(certified, certificate=replace(certificate, signers=certificate.signers[::-1]))
    yield FIRST.certify(chain.rules, certified.header, signers=(0, 1))
    yield SECOND.certify(chain.rules, certified.header)


def lies_about_a_block(chain: Chain, answer: BlockAnswer) -> Iterator[Answer]:
    assert answer.certified is not None
    for certified in wrong_certificates(chain, answer.certified):
        yield replace(answer, certified=certified)
    yield replace(answer, certified=None)
    yield replace(answer, certified=None, genesis=chain.genesis)
    yield replace(answer, transactions=())
    yield replace(answer, transactions=(*answer.transactions, b"more"))
    yield replace(answer, receipts=tuple(replace(receipt, code="refused") for receipt in answer.receipts))
    yield replace(answer, receipts=())
    yield Refused(request=answer.request, code="block-unknown", values=(1, 0))
    yield Hello(version=1, network_id=bytes(32), speaker=None)


def lies_about_state(chain: Chain, answer: StateAnswer) -> Iterator[Answer]:
    assert answer.certified is not None
    for certified in wrong_certificates(chain, answer.certified):
        yield replace(answer, certified=certified)
    (value,) = answer.values
    yield replace(answer, values=(replace(value, value=b"\0" + value.value[1:]),))
    yield replace(answer, values=(replace(value, value=None),))
    yield replace(answer, values=())
    yield replace(answer, values=(value, value))
    yield replace(answer, certified=None)
    yield Refused(request=answer.request, code="height-out-of-reach", values=(1, 0))
    yield Hello(version=1, network_id=bytes(32), speaker=None)


def lies_about_outcomes(chain: Chain, answer: Outcomes) -> Iterator[Answer]:
    assert answer.certified is not None
    for certified in wrong_certificates(chain, answer.certified):
        yield replace(answer, certified=certified)
    (included,) = answer.included
    receipt = included.receipt
    yield replace(answer, included=(replace(included, receipt=replace(receipt, code="refused")),))
    yield replace(answer, included=(replace(included, receipt=replace(receipt, events=())),))
    yield replace(answer, included=(replace(included, receipt=replace(receipt, transaction_id=bytes(32))),))
    yield replace(answer, included=(replace(included, place=1),))
    yield replace(answer, included=(replace(included, index=1),))
    yield replace(answer, receipt_leaves=())
    yield replace(answer, receipt_leaves=(bytes(32),))
    yield replace(answer, rejected=(Rejection(index=9, code="refused", values=()),), certified=None, included=())
    yield Refused(request=answer.request, code="chain-unknown", values=(chain.rules.chain_id,))
    yield Hello(version=1, network_id=bytes(32), speaker=None)
