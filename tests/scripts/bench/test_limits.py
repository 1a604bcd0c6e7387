"""The crypto limit and its reference libraries."""

from collections.abc import Callable

import pytest

from chain.profiles import load_profiles
from chain.signatures import SchemeName
from scripts.bench.limits import MESSAGE, REFERENCES, Limits, by_gmssl, seconds_per_call

LIMITS = Limits(
    verify_s={
        SchemeName.ED25519: 50e-6,
        SchemeName.SECP256K1: 25e-6,
        SchemeName.P256: 40e-6,
        SchemeName.SM2: 200e-6,
    },
    http_per_s=10_000,
    fdatasync_s=1e-4,
    cores=2,
)


def test_the_limit_is_cores_over_replicas_times_seconds_per_check() -> None:
    assert LIMITS.signature_per_s(4) == pytest.approx(2 / (4 * 50e-6))
    assert LIMITS.signature_per_s(13, SchemeName.SM2) == pytest.approx(2 / (13 * 200e-6))


def test_the_limit_of_all_chains_takes_the_mean_of_their_checks() -> None:
    checks = [LIMITS.verify_s[profile.signature_scheme] for profile in load_profiles().values()]
    assert len(checks) == 10
    assert LIMITS.all_chains_per_s(4) == pytest.approx(2 / (4 * sum(checks) / 10))


@pytest.mark.parametrize("name", list(SchemeName))
def test_every_scheme_has_a_reference_that_checks_a_good_signature(name: SchemeName) -> None:
    check = REFERENCES[name]()
    assert check() is not False
    assert seconds_per_call(check, rounds=1, round_s=0.001) > 0


def test_accounts_sign_a_digest() -> None:
    assert len(MESSAGE) == 32


def test_a_check_that_fails_is_no_measurement() -> None:
    def refuse() -> bool:
        return False

    bad: Callable[[], object] = refuse
    with pytest.raises(AssertionError):
        seconds_per_call(bad)


def test_the_slow_library_for_sm2_serves_where_the_fast_one_has_no_wheel() -> None:
    assert by_gmssl()() is True
