"""The first world: what the genesis document says, in the model's words."""

from collections.abc import Iterator

from chain.genesis import GenesisDocument
from tests.chain.small_genesis import ROLES, account_key_pair, did_key_pair, genesis_of
from tests.contracts.model.gates import FIRST_LIST, PRICES
from tests.contracts.model.people import People
from tests.contracts.model.state import Account, Document, Purse, Tariff, World
from tests.contracts.small_chain import CHAINS, SmallChain


def founded(chain: SmallChain, people: People) -> World:
    """The world before the first call; everybody in it is known to `people`."""
    document = genesis_of(*CHAINS).document
    profile = chain.rules.profile
    world = World(
        facts=people.facts,
        chain=profile.chain_id,
        chains=frozenset(CHAINS),
        names_chosen=chain.rules.addresses.registered,
        gas_per_fen=profile.gas_per_fen,
        now=chain.time,
        functions={place: set(methods) for place, methods in FIRST_LIST.items()},
        tariffs={
            contract: Tariff(
                registered=True, fees={name: fen for name, fen in profile.fees.get(contract, {}).items() if fen}
            )
            for contract in PRICES
        },
    )
    for person in ROLES:
        people.know_account(account_key_pair(profile.chain_id, person), chain.address(person))
        for what in ("authentication", "recovery"):
            people.know_did_key(did_key_pair(person, what))
    for account, purse in _accounts(chain, document):
        world.accounts[account.address] = account
        if purse.fen or purse.gas:
            world.purses[account.address] = purse
        if account.role == "platform":
            world.platforms.add(account.did)
    for did in document.dids:
        base = did.base
        world.documents[base.did] = Document(base.home, base.authentication, base.recovery, document.created_at)
    return world


def _accounts(chain: SmallChain, document: GenesisDocument) -> Iterator[tuple[Account, Purse]]:
    section = next(section for section in document.chains if section.chain_id == chain.rules.chain_id)
    for entry in section.accounts:
        address = chain.rules.addresses.parse(entry.address)
        account = Account(
            address, bytes.fromhex(entry.public_key), entry.role, bytes.fromhex(entry.did), bytes.fromhex(entry.leader)
        )
        yield account, Purse(entry.fen, entry.gas)
