"""What waits to be checked: in order within a chain, in turns between chains, counted to the last byte."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node.ingress import SLICE_TRANSACTIONS, Arrival, Ingress


def host(chain_id: str) -> Any:
    """A host as far as the queue looks at one."""
    return SimpleNamespace(rules=SimpleNamespace(chain_id=chain_id))


HOSTS = {name: host(name) for name in ("nanjing", "wuhan", "yanan")}
ARRIVALS = st.lists(st.tuples(st.sampled_from(sorted(HOSTS)), st.integers(1, 200), st.sampled_from([None, 1, 2])))


def drained(ingress: Ingress) -> list[tuple[str, list[bytes]]]:
    """(chain, transactions) of every slice until nothing waits."""
    slices = []
    while parts := ingress.take():
        assert len({part.arrival.host.rules.chain_id for part in parts}) == 1
        for part in parts:
            end = part.start + len(part.transactions)
            assert part.transactions == part.arrival.transactions[part.start : end]
        slices.append((parts[0].arrival.host.rules.chain_id, [raw for part in parts for raw in part.transactions]))
    return slices


@given(ARRIVALS)
def test_everything_is_taken_once_and_in_the_order_of_its_chain(arrivals: list[tuple[str, int, int | None]]) -> None:
    ingress, expected = Ingress(), dict[str, list[bytes]]()
    for number, (chain_id, count, peer) in enumerate(arrivals):
        transactions = tuple(b"%d-%d" % (number, i) for i in range(count))
        ingress.add(Arrival(HOSTS[chain_id], transactions, peer=peer))
        expected.setdefault(chain_id, []).extend(transactions)
    assert len(ingress) == sum(map(len, expected.values()))
    found = dict[str, list[bytes]]()
    for chain_id, transactions in drained(ingress):
        assert 0 < len(transactions) <= SLICE_TRANSACTIONS
        found.setdefault(chain_id, []).extend(transactions)
    assert found == expected
    assert (len(ingress), ingress.size) == (0, 0)


def test_a_chain_with_a_long_queue_does_not_keep_another_waiting() -> None:
    ingress = Ingress()
    ingress.add(Arrival(HOSTS["nanjing"], tuple(b"%d" % i for i in range(10 * SLICE_TRANSACTIONS))))
    ingress.take()
    ingress.add(Arrival(HOSTS["wuhan"], (b"one",)))
    assert [chain_id for chain_id, _ in drained(ingress)][:3] == ["nanjing", "wuhan", "nanjing"]


def test_small_frames_share_a_slice() -> None:
    ingress = Ingress()
    for i in range(SLICE_TRANSACTIONS + 1):
        ingress.add(Arrival(HOSTS["wuhan"], (b"%d" % i,)))
    assert [len(parts) for parts in (ingress.take(), ingress.take(), ingress.take())] == [SLICE_TRANSACTIONS, 1, 0]


def test_a_peer_has_its_own_limit_and_callers_have_none_but_the_common_one() -> None:
    ingress = Ingress()
    ingress.add(Arrival(HOSTS["wuhan"], (b"x",) * 19_999, peer=1))
    assert ingress.has_room((b"x",), 1)
    assert not ingress.has_room((b"x", b"x"), 1)
    assert ingress.has_room((b"x", b"x"), 2)
    assert ingress.has_room((b"x",) * 30_001)
    assert not ingress.has_room((b"x",) * 30_002)
    assert not ingress.has_room((bytes(64_000_000),))
