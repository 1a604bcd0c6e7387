"""Contract name -> its methods: the only way from a transaction to a contract (protocol 13.3)."""

from typing import Final

from chain.codec import CodecMalformed, Record, decoder
from chain.transaction import Transaction
from contracts import (
    authority,
    charge,
    classes,
    clients,
    crosschain,
    ddc721,
    ddc1155,
    deposit,
    did,
    mirrors,
    storage,
    stored,
    system,
)
from contracts.interface import ContractContext, ContractReverted, Method, View
from contracts.purses import collect

METHODS: Final[dict[tuple[str, str], Method]] = {
    (contract.CONTRACT, name): method
    for contract in (
        authority, charge, classes, clients, crosschain, did, ddc721, ddc1155, deposit, mirrors, storage, system,
    )
    for name, method in contract.METHODS.items()
}  # fmt: skip
VIEWS: Final[dict[tuple[str, str], View]] = {
    (contract.CONTRACT, name): view
    for contract in (authority, charge, crosschain, did, ddc721, ddc1155, deposit, mirrors, storage, stored)
    for name, view in contract.VIEWS.items()
}
_DECODERS: Final = {
    place: decoder(method.arguments) for place, method in METHODS.items() if method.arguments is not None
}


def call(context: ContractContext, transaction: Transaction) -> None:
    """Run the call of `transaction`; `ContractReverted` if it is unknown, malformed or refused."""
    method, arguments = _allowed(context, transaction)
    method.effect(context, arguments)


def check(context: ContractContext, transaction: Transaction) -> None:
    """Whether the call would succeed: all of `call` but the effect, which never refuses; else `ContractReverted`."""
    _allowed(context, transaction)


def _allowed(context: ContractContext, transaction: Transaction) -> tuple[Method, Record | None]:
    """The method and its arguments, every check passed and the price paid."""
    place = (transaction.contract, transaction.method)
    method = METHODS.get(place)
    if method is None:
        raise ContractReverted("method-unknown", transaction.contract, transaction.method)
    arguments = None if method.arguments is None else _read(place, transaction.arguments)
    context.catalogue = METHODS
    for each in method.checks:
        each.test(context, arguments)
    if method.price is not None:
        collect(context, method.price, arguments)
    return method, arguments


def _read(place: tuple[str, str], arguments: bytes) -> Record:
    try:
        return _DECODERS[place](arguments)
    except CodecMalformed:
        # Not the decoder's words: a receipt is hashed, and they may differ between library versions.
        raise ContractReverted("arguments-malformed") from None
