"""Verifying: a certificate by its id, or a bundle that somebody holds."""

from dataclasses import dataclass

from credentials.verifier import Verdict, verify_bundle
from gateway.services.calls import read_state, touch
from gateway.services.certificates import bundle_of, locate, read
from gateway.services.gateway import Gateway, now_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The verdict and when it was reached (ms)."""

    verdict: Verdict
    judged_at: int


async def verify_held(gateway: Gateway, bundle: bytes, age_ms_max: int | None) -> Verified:
    """Whether the bundle proves a certificate of this network in force now. Asks no node."""
    now = now_ms()
    verdict = verify_bundle(bundle, gateway.chains.genesis, gateway.profiles, now=now, age_ms_max=age_ms_max)
    return Verified(verdict=verdict, judged_at=now)


async def verify_id(gateway: Gateway, certificate_id: str, age_ms_max: int | None) -> Verified:
    """The same for a certificate as it stands on its chain; a resting chain is touched if its head is too old."""
    chain, _, _ = locate(gateway, certificate_id)
    if age_ms_max is not None and now_ms() - (await read_state(chain, [])).header.time > age_ms_max:
        await touch(gateway, chain)
    proven = await read(gateway, certificate_id)
    return await verify_held(gateway, bundle_of(proven, ()).canonical(), age_ms_max)
