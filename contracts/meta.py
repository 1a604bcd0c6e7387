"""Meta transactions: the holder signs, somebody else relays and pays (protocol 17.7).

What is signed covers network, chain, contract, method, every argument, a counter and a deadline. The counter is the one of the
holder in the contract: each signed call is taken once and in order. A relay that fails leaves it as it was.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta as Limit

from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Address, Digest, Natural
from chain.merkle import leaf_hash, root
from chain.rules import ChainRules
from chain.transaction import Name
from contracts.access import find_account, require_active
from contracts.certificate import count_of
from contracts.interface import Check, ContractContext, ContractReverted, Readable
from contracts.keys import meta_key

DEADLINE_MS_MAX: Final = 86_400_000
MetaSignature = Annotated[bytes, Limit(max_length=64)]


class MetaCall(Record, frozen=True):
    """What a holder signs. `arguments` is the Merkle root over the encoded parts of the call (protocol 3.1)."""

    contract: Name
    method: Name
    signer: Address
    arguments: Digest
    counter: Natural
    deadline: Natural


class Signed(Record, frozen=True):
    """Beside the call: the holder's counter after it, the last block time (ms) at which it is good, and the signature."""

    counter: Natural
    deadline: Natural
    signature: MetaSignature


Parts = Callable[[Any], tuple[bytes, ...]]
"""The encoded parts of a call's arguments, in order."""
SignerOf = Callable[[ContractContext, Any], bytes]
"""Whose signature a call needs."""


def meta_bytes(rules: ChainRules, call: MetaCall) -> bytes:
    """The digest that the holder signs."""
    return rules.digest(prefix(Domain.META, rules.network_id, rules.chain_id) + encode(call))


def arguments_root(rules: ChainRules, parts: tuple[bytes, ...]) -> bytes:
    """One root for a call's arguments, however many certificates it is for."""
    return root(rules.digest, [leaf_hash(rules.digest, part) for part in parts])


def counter_of(records: Readable, contract: str, address: bytes) -> int:
    """How many meta transactions of the account the contract has taken."""
    return count_of(records, meta_key(contract, address))


def signed_by(signer_of: SignerOf, parts: Parts) -> tuple[Check, ...]:
    """The checks of a call that carries its holder's signature: `arguments.signed` beside what `parts` encodes."""

    def active(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any meta record
        require_active(context.records, signer_of(context, arguments), unknown="holder-unknown", frozen="holder-frozen")

    def in_time(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401
        deadline = arguments.signed.deadline
        if context.time > deadline:
            raise ContractReverted("deadline-passed", deadline, context.time)
        if deadline > context.time + DEADLINE_MS_MAX:
            raise ContractReverted("deadline-too-far", deadline, DEADLINE_MS_MAX)

    def counted(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401
        expected = counter_of(context.records, context.contract, signer_of(context, arguments)) + 1
        if arguments.signed.counter != expected:
            raise ContractReverted("counter-wrong", expected, arguments.signed.counter)

    def signed(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401
        rules, signer = context.rules, signer_of(context, arguments)
        account = find_account(context.records, signer)
        assert account is not None
        call = MetaCall(
            contract=context.contract,
            method=context.method,
            signer=signer,
            arguments=arguments_root(rules, parts(arguments)),
            counter=arguments.signed.counter,
            deadline=arguments.signed.deadline,
        )
        if not rules.scheme.verify(account.public_key, meta_bytes(rules, call), arguments.signed.signature):
            raise ContractReverted("meta-not-signed", signer)

    return (
        Check("The holder has an active account", ("holder-unknown", "holder-frozen"), active),
        Check("The deadline is not past, nor over 24 hours ahead", ("deadline-passed", "deadline-too-far"), in_time),
        Check("The counter is the holder's next in this contract", ("counter-wrong",), counted),
        Check("The holder signed the whole call, counter and deadline", ("meta-not-signed",), signed),
    )


def count(context: ContractContext, signer: bytes) -> None:
    """Take the signer's counter one further."""
    after = counter_of(context.records, context.contract, signer) + 1
    context.records.put(meta_key(context.contract, signer), after.to_bytes(8, "big"))
