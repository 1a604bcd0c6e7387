"""A chain to play on."""

import pytest

from tests.contracts.small_chain import SmallChain


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    """A chain with one class, which the platform has defined: one with derived addresses, one with names."""
    founded = SmallChain.founded(request.param)
    founded.define()
    return founded
