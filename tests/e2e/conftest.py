"""One network for all tests that only use it; a test that kills has a network of its own."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import TestNetwork, running_network


@pytest.fixture(scope="session")
def shared_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    with running_network(tmp_path_factory.mktemp("shared") / "network") as network:
        yield network
