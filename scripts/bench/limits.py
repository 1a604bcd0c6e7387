"""What the machine and its libraries allow, measured in the same run, so that ratios compare like with like.

Signatures are checked by the reference library of each scheme, called plainly: it is the bar, whatever the node
itself uses. The HTTP limit is a FastAPI endpoint that does nothing, in a process of its own.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Final

from chain.profiles import load_profiles
from chain.signatures import SchemeName
from scripts.bench.bare import measure_http

ROUNDS: Final = 5
ROUND_S: Final = 0.15
SYNC_ROUNDS: Final = 100
SYNC_BYTES: Final = 200
SEED: Final = bytes(range(1, 33))
MESSAGE: Final = bytes(range(32))
"""What an account signs is a digest of 32 bytes (protocol 4)."""
Check = Callable[[], object]
"""One check of one good signature; raises or answers False if it is not found good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds per check of each scheme and per fdatasync of 200 bytes; requests per second of the bare endpoint."""

    verify_s: Mapping[SchemeName, float]
    http_per_s: float
    fdatasync_s: float
    cores: int

    def signature_per_s(self, replicas: int, name: SchemeName = SchemeName.ED25519) -> float:
        """The crypto limit c / (n * t): single transactions per second when every replica checks every signature."""
        return self.cores / (replicas * self.verify_s[name])

    def all_chains_per_s(self, replicas: int) -> float:
        """The same with the mean t of the ten chains, each with as many transactions as the others."""
        schemes = [profile.signature_scheme for profile in load_profiles().values()]
        return self.cores / (replicas * mean(self.verify_s[name] for name in schemes))


def measure_limits(folder: Path) -> Limits:
    """Measure all of them, idle; the file that is synced lies in `folder`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Limits(
        verify_s={name: seconds_per_call(make()) for name, make in REFERENCES.items()},
        http_per_s=measure_http(),
        fdatasync_s=_fdatasync_s(folder),
        cores=cores,
    )


def seconds_per_call(check: Check, rounds: int = ROUNDS, round_s: float = ROUND_S) -> float:
    """The median of some rounds of calls without pause."""
    started = time.perf_counter()
    for _ in range(20):
        assert check() is not False
    count = max(1, int(round_s / ((time.perf_counter() - started) / 20)))
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(count):
            check()
        times.append((time.perf_counter() - started) / count)
    return median(times)


def _by_pynacl() -> Check:
    """Ed25519 by libsodium."""
    from nacl.bindings import crypto_sign_open  # noqa: PLC0415 - of these libraries commands load what they use
    from nacl.signing import SigningKey  # noqa: PLC0415

    key = SigningKey(SEED)
    signed, public_key = bytes(key.sign(MESSAGE)), bytes(key.verify_key)
    return lambda: crypto_sign_open(signed, public_key)


def _by_coincurve() -> Check:
    """ECDSA over secp256k1 by libsecp256k1."""
    from coincurve import PrivateKey  # noqa: PLC0415

    private = PrivateKey(SEED)
    signature, verify = private.sign(MESSAGE, hasher=None), private.public_key.verify
    return lambda: verify(signature, MESSAGE, hasher=None)


def _by_cryptography() -> Check:
    """ECDSA over P-256 by OpenSSL."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    private = ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SECP256R1())
    signature, verify = private.sign(MESSAGE, algorithm), private.public_key().verify
    return lambda: verify(signature, MESSAGE, algorithm)


def _by_tongsuo() -> Check:
    """SM2 with SM3 by Tongsuo, which is given the message and hashes it behind Z; by gmssl where there is no wheel."""
    try:
        from tongsuopy.crypto import hashes  # noqa: PLC0415
        from tongsuopy.crypto.asymciphers import ec  # noqa: PLC0415
    except ImportError:
        return by_gmssl()
    algorithm = ec.ECDSA(hashes.SM3())
    private = ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SM2())
    signature, verify = private.sign(MESSAGE, algorithm), private.public_key().verify
    return lambda: verify(signature, MESSAGE, algorithm)


def by_gmssl() -> Check:
    """SM2 in pure Python."""
    from gmssl.sm2 import CryptSM2  # noqa: PLC0415

    blank = CryptSM2(private_key="", public_key="")
    public_key = blank._kg(int.from_bytes(SEED, "big"), blank.ecc_table["g"])  # noqa: SLF001 - it has no other
    machine = CryptSM2(private_key=SEED.hex(), public_key=public_key)
    signature = machine.sign_with_sm3(MESSAGE, SEED.hex())
    return lambda: machine.verify_with_sm3(signature, MESSAGE)


REFERENCES: Final[Mapping[SchemeName, Callable[[], Check]]] = {
    SchemeName.ED25519: _by_pynacl,
    SchemeName.SECP256K1: _by_coincurve,
    SchemeName.P256: _by_cryptography,
    SchemeName.SM2: _by_tongsuo,
}


def _fdatasync_s(folder: Path) -> float:
    sync = getattr(os, "fdatasync", os.fsync)
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNC_ROUNDS):
            started = time.perf_counter()
            os.write(file.fileno(), bytes(SYNC_BYTES))
            sync(file.fileno())
            times.append(time.perf_counter() - started)
    return median(times)
