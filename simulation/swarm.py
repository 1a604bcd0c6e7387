"""What a seed draws: how large the network is, how bad the world, who lies, and how.

Every run has some faults on and others off: a bug often needs one kind of fault in plenty and another not at all.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

REPLICAS: Final = (4, 5, 6, 7, 10, 13)
WEIGHTS: Final = (80, 5, 4, 7, 2, 2)
CHAINS: Final = (
    "nanjing", "chengdu", "wenchang", "qingdao", "zunyi", "zhongyi", "taian", "wuhan", "anshun", "yanan",
)  # fmt: skip
REAL_SIGNATURES_EVERY: Final = 20
AS_BYTES_EVERY: Final = 20

NETWORK_FAULTS: Final = ("one-way", "minority", "bridge", "isolate", "flapping", "clog", "withhold")
PROCESS_FAULTS: Final = ("crash", "crash-at-effect", "crash-all", "pause")
DISK_FAULTS: Final = ("slow-disk", "disk-full", "flip", "wipe")
CLOCK_FAULTS: Final = ("clock-jump", "night")
FAULTS: Final = (*NETWORK_FAULTS, *PROCESS_FAULTS, *DISK_FAULTS, *CLOCK_FAULTS)
"""What may befall an honest machine."""
FORGETTING: Final = ("flip", "wipe")
"""Faults after which a machine has lost what it promised."""
BEHAVIOURS: Final = (
    "silent", "equivocating-proposals", "equivocating-votes", "lying-in-view-change", "replaying", "wrong-state-root",
    "slow", "future-view-spam", "censoring", "lying-source", "twin",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run. Times in microseconds unless the name says otherwise."""

    seed: int
    replicas: int = 4
    chain_id: str = "nanjing"
    ideal_signatures: bool = True
    as_bytes: bool = False
    """Whether frames are encoded and decoded on their way."""
    tick_ms: int = 100
    progress_ticks: int = 10
    block_transactions_max: int = 3
    requests: int = 50
    blocks_min: int = 20
    burst_max: int = 2
    between_requests_us: int = 200_000
    safety_us: int = 12_000_000
    """How long faults go on."""
    loss: float = 0.0
    duplication: float = 0.0
    reordering: bool = False
    delay_us: int = 3_000
    """The mean way of a frame."""
    sync_us: int = 1_000
    flush_us: int = 3_000_000
    """How often the store is flushed."""
    history: int = 10_000
    """How many blocks are kept whole at least; those of ten minutes are whatever it says."""
    skew_ms: int = 0
    drift_ppm: int = 0
    faults: tuple[str, ...] = ()
    between_faults_us: int = 1_000_000
    byzantine: tuple[tuple[int, str], ...] = ()
    """(place, behaviour)."""

    @property
    def faulty_max(self) -> int:
        """How many replicas may be Byzantine."""
        return (self.replicas - 1) // 3


def draw(seed: int, *, replicas: int | None = None, twins: bool = False) -> Settings:
    """The settings of a seed; `replicas` overrules what it draws, and with `twins` whoever lies is a twin."""
    random = Random(f"settings of {seed}")
    size = random.choices(REPLICAS, WEIGHTS)[0]
    if replicas is not None:
        size = replicas
    return Settings(
        seed=seed,
        replicas=size,
        chain_id=random.choice(CHAINS),
        ideal_signatures=random.randrange(REAL_SIGNATURES_EVERY) != 0,
        as_bytes=random.randrange(AS_BYTES_EVERY) == 0,
        progress_ticks=random.choice((10, 10, 20)),
        block_transactions_max=random.choice((2, 3, 4, 6)),
        burst_max=random.choice((1, 2, 4)),
        between_requests_us=random.choice((100_000, 300_000, 600_000)),
        safety_us=random.choice((4_000_000, 7_000_000, 12_000_000)),
        loss=random.choice((0.0, 0.0, 0.02, 0.1, 0.3)),
        duplication=random.choice((0.0, 0.0, 0.1, 0.5)),
        reordering=random.random() < 0.4,
        delay_us=random.choice((500, 3_000, 20_000, 60_000)),
        sync_us=random.choice((100, 1_000, 5_000)),
        flush_us=random.choice((300_000, 1_000_000, 3_000_000)),
        history=random.choice((10_000, 5)),
        skew_ms=random.choice((0, 100, 2_000)),
        drift_ppm=random.choice((0, 0, 500)),
        faults=_some(random, FAULTS),
        between_faults_us=random.choice((250_000, 600_000, 1_500_000)),
        byzantine=_twins(random, size) if twins else _traitors(random, size),
    )


def _some(random: Random, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """About half of the kinds, at least two: none at all would prove little."""
    chosen = [kind for kind in kinds if random.random() < 0.5]
    return tuple(chosen) if len(chosen) >= 2 else tuple(random.sample(kinds, 2))


def _traitors(random: Random, size: int) -> tuple[tuple[int, str], ...]:
    """In two runs of three somebody lies: 1 to f replicas, each in its own way."""
    if random.random() < 1 / 3:
        return ()
    places = random.sample(range(size), random.randint(1, (size - 1) // 3))
    return tuple((place, random.choice(BEHAVIOURS)) for place in sorted(places))


def _twins(random: Random, size: int) -> tuple[tuple[int, str], ...]:
    """As many twins as there may be liars."""
    return tuple((place, "twin") for place in sorted(random.sample(range(size), (size - 1) // 3)))
