"""What holds of the chain's records after every call, whatever the model says."""

from collections import Counter
from collections.abc import Mapping

from chain.codec import decode
from contracts.certificate import Certificate, Edition, Holding, Recorded
from contracts.purses import Purse


def violations(stored: Mapping[bytes, bytes]) -> list[str]:
    """What does not hold, in words."""
    return [*_money(stored), *_certificates(stored), *_holdings(stored)]


def _money(stored: Mapping[bytes, bytes]) -> list[str]:
    purses = [decode(value, Purse) for key, value in stored.items() if key[:1] == b"K"]
    supply, in_purses = int.from_bytes(stored[b"L"], "big"), sum(purse.fen for purse in purses)
    return [] if supply == in_purses else [f"the supply is {supply} fen, the purses have {in_purses}"]


def _certificates(stored: Mapping[bytes, bytes]) -> list[str]:
    live: Counter[bytes] = Counter()
    wrong = []
    for key, value in stored.items():
        if key[:1] == b"T":
            held = decode(value, Certificate)
            if b"A" + held.holder not in stored:
                wrong.append(f"{held.token.hex()} is held by nobody known")
            if held.recorded < Recorded.REVOKED:
                live[key[1:33] + held.holder] += 1
    balances = {key[1:]: int.from_bytes(value, "big") for key, value in stored.items() if key[:1] == b"B"}
    return wrong + [
        f"a balance says {balances.get(place, 0)}, and {live[place]} are live"
        for place in balances.keys() | live.keys()
        if balances.get(place, 0) != live[place]
    ]


def _holdings(stored: Mapping[bytes, bytes]) -> list[str]:
    """Whatever was issued of an edition has one holder now: a record that is moved has gone on in another one."""
    standing: Counter[bytes] = Counter()
    for key, value in stored.items():
        if key[:1] == b"Z" and decode(value, Holding).recorded != Recorded.MOVED:
            standing[key[1:49]] += 1
    editions = {key[1:]: decode(value, Edition).holdings for key, value in stored.items() if key[:1] == b"Y"}
    return [
        f"of {place.hex()} {count} were issued, and {standing[place]} have a holder"
        for place, count in editions.items()
        if standing[place] != count
    ]
