"""The calls that tests make about certificates of ddc721, and the state that they are made in."""

from typing import Any, Final

from msgspec.structs import replace

from chain.codec import Record, encode
from chain.did import Objection, Rebinding, Statement, statement_digest
from chain.signatures import KeyPair
from chain.transaction import Event
from contracts.access import Account, find_account
from contracts.certificate import Certificate, find_certificate
from contracts.classes import CertificateClass, ClassRules, require_class
from contracts.interface import Role
from contracts.keys import account_key, certificate_key, class_key, contract_purse, purse_key
from contracts.life import ChangeStatus, OfHeld, SetAttribute, SetUser
from contracts.purses import Purse, purse_of
from contracts.rebinding import ObjectRebind, OfRebind, RequestRebind
from tests.chain.small_genesis import account_key_pair, did_key_pair, did_of
from tests.contracts.small_chain import CLASS, SmallChain, token

DAY_MS: Final = 86_400_000
Changes = dict[bytes, bytes | None]


def settle(
    chain: SmallChain,
    person: str = "bob",
    role: Role = Role.CONSUMER,
    *,
    did: str | None = None,
    leader: str = "platform",
) -> bytes:
    """Give a person an account, of the DID of another if one is named; the address."""
    account = Account(
        address=chain.address(person),
        public_key=account_key_pair(chain.rules.chain_id, person).public_key,
        role=int(role),
        did=did_of(did or person),
        leader=did_of(leader),
        platform_active=True,
        operator_active=True,
    )
    chain.write(account_key(account.address), account)
    return account.address


def change_account(chain: SmallChain, person: str, **changed: Any) -> None:
    """Change fields of an account, whether or not a call could."""
    account = find_account(chain.records, chain.address(person))
    assert account is not None
    chain.write(account_key(account.address), replace(account, **changed))


def fund(chain: SmallChain, person: str, fen: int = 1_000, gas: int = 10**9) -> None:
    """Fill a person's purse."""
    chain.write(purse_key(chain.address(person)), Purse(fen=fen, gas=gas))


def certificate_of(chain: SmallChain, number: int = 1) -> Certificate:
    """A certificate that is there."""
    certificate = find_certificate(chain.records, CLASS, token(number))
    assert certificate is not None
    return certificate


def mark(chain: SmallChain, number: int = 1, **changed: Any) -> Certificate:
    """Change fields of a certificate, whether or not a call could."""
    certificate = replace(certificate_of(chain, number), **changed)
    chain.write(certificate_key(CLASS, token(number)), certificate)
    return certificate


def class_in(chain: SmallChain) -> CertificateClass:
    """The class as it is recorded."""
    return require_class(chain.records, CLASS)


def redefine(chain: SmallChain, **changed: Any) -> None:
    """Change fields of the class or of its rules, which no call can."""
    found = class_in(chain)
    rules = {name: changed.pop(name) for name in ClassRules.__struct_fields__ if name in changed}
    chain.write(class_key(CLASS), replace(found, rules=replace(found.rules, **rules), **changed))


def since(before: dict[bytes, bytes], chain: SmallChain) -> Changes:
    """Every key whose value is not what it was; None where it is gone."""
    after = chain.content()
    return {key: after.get(key) for key in before | after if before.get(key) != after.get(key)}


def amount(count: int) -> bytes:
    """A count as it is recorded."""
    return count.to_bytes(8, "big")


def told(name: str, *values: Any) -> Event:
    """An event of ddc721."""
    return Event(contract="ddc721", name=name, values=values)


def fee(chain: SmallChain, method: str) -> int:
    """What a method of ddc721 costs per certificate on this chain, in fen."""
    return chain.rules.profile.fees["ddc721"].get(method, 0)


def bill(
    chain: SmallChain, sender: str, method: str, *, steps: int, units: int = 1
) -> tuple[Event, dict[bytes, bytes]]:
    """What ddc721 will tell of the payment, and the purses after it."""
    fen = fee(chain, method) * units
    gas = steps * chain.rules.profile.gas_per_fen // 1_000
    payer, taker = chain.address(sender), contract_purse("ddc721")
    has, taken = purse_of(chain.records, payer), purse_of(chain.records, taker)
    purses = {purse_key(payer): encode(Purse(fen=has.fen - fen, gas=has.gas - gas))}
    if fen:
        purses[purse_key(taker)] = encode(Purse(fen=taken.fen + fen, gas=0))
    return told("Pay", payer, method, fen, gas, units), purses


def stored(certificate: Certificate) -> dict[bytes, bytes]:
    """Its key and value."""
    return {certificate_key(certificate.class_id, certificate.token): encode(certificate)}


def held(number: int = 1, holder: bytes | None = None) -> OfHeld:
    """Accept, decline, lock or unlock a certificate."""
    return OfHeld(class_id=CLASS, token=token(number), holder=holder)


def because(reason: str = "by-request", number: int = 1, holder: bytes | None = None) -> ChangeStatus:
    """Revoke, burn, freeze or unfreeze a certificate."""
    return ChangeStatus(class_id=CLASS, token=token(number), holder=holder, reason=reason)


def user(who: bytes | None, until: int = 0) -> SetUser:
    """Let somebody use a certificate."""
    return SetUser(class_id=CLASS, token=token(1), holder=None, user=who, until=until)


def attribute(name: str, value: str) -> SetAttribute:
    """Set an attribute of a certificate."""
    return SetAttribute(class_id=CLASS, token=token(1), holder=None, name=name, value=value)


def call(chain: SmallChain, sender: str, method: str, arguments: Record) -> tuple[Event, ...]:
    """A call of ddc721."""
    return chain.call(sender, "ddc721", method, arguments)


def rebinding_statement(
    chain: SmallChain,
    to: str = "carol",
    *,
    holder: str = "alice",
    did: str = "alice",
    number: int = 1,
    sequence: int = 0,
) -> Rebinding:
    """What a DID's key signs so that what a person holds goes to another account."""
    return Rebinding(
        did=did_of(did),
        sequence=sequence,
        contract="ddc721",
        class_id=CLASS,
        token=token(number),
        holder=chain.address(holder),
        to=chain.address(to),
    )


def rebinding(chain: SmallChain, to: str = "carol", *, key: KeyPair | None = None, **stated: Any) -> RequestRebind:
    """Ask that what a person holds goes to another account, signed by the DID's key: the first one, unless another is given."""
    statement = rebinding_statement(chain, to, **stated)
    digest = statement_digest(chain.rules.network_id, chain.rules.chain_id, statement)
    return RequestRebind(
        class_id=CLASS,
        token=statement.token,
        holder=None,
        to=statement.to,
        did_sequence=statement.sequence,
        signature=(key or did_key_pair(stated.get("did", "alice"))).sign(digest),
    )


def objection_statement(chain: SmallChain, requested_at: int) -> Objection:
    """What the recovery key of alice's DID signs against a rebind to carol."""
    return Objection(
        did=did_of("alice"),
        contract="ddc721",
        class_id=CLASS,
        token=token(1),
        holder=chain.address("alice"),
        to=chain.address("carol"),
        requested_at=requested_at,
    )


def objection(chain: SmallChain, requested_at: int) -> ObjectRebind:
    """Object to a rebind of what alice holds to carol."""
    signature = signed(chain, objection_statement(chain, requested_at), "alice", "recovery")
    return ObjectRebind(class_id=CLASS, token=token(1), holder=None, signature=signature)


def signed(chain: SmallChain, statement: Statement, did: str, key: str = "authentication") -> bytes:
    """The signature of a key of a person's DID for this chain."""
    return did_key_pair(did, key).sign(statement_digest(chain.rules.network_id, chain.rules.chain_id, statement))


def of_rebind(number: int = 1, holder: bytes | None = None) -> OfRebind:
    """Approve or complete a rebind."""
    return OfRebind(class_id=CLASS, token=token(number), holder=holder)
