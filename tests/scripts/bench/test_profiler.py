"""Samples and what they count for."""

import pytest

from scripts.bench.profiler import PARTS, entitle, part_of, split

ROOT = "/somewhere/certnet"
LOOP = (
    f"run (/usr/lib/python3.11/asyncio/runners.py:118);run (node/process.py:133);pump ({ROOT}/node/rpc_server.py:220)"
)


@pytest.mark.parametrize(
    ("frames", "part"),
    [
        (f"admit ({ROOT}/node/host.py:1);verify ({ROOT}/chain/ed25519.py:60)", "signature"),
        (f"execute ({ROOT}/node/execution.py:9);issue ({ROOT}/contracts/certificate.py:130)", "contract"),
        (f"issue ({ROOT}/contracts/certificate.py:130);get ({ROOT}/chain/state.py:80)", "state"),
        (f"commit ({ROOT}/node/ledger.py:130);find ({ROOT}/chain/committed.py:130)", "state"),
        (f"root ({ROOT}/chain/merkle.py:40);sha256 ({ROOT}/chain/digests.py:22)", "state"),
        (f"flush ({ROOT}/node/storage/disk.py:70)", "storage"),
        (f"commit ({ROOT}/node/ledger.py:200)", "storage"),
        (f"decode ({ROOT}/chain/codec.py:50)", "wire"),
        (f"send ({ROOT}/node/network/link.py:70);write (/usr/lib/python3.11/asyncio/sslproto.py:500)", "wire"),
        (f"receive ({ROOT}/node/rpc_server.py:90)", "wire"),
        (f"on_commit ({ROOT}/node/consensus/normal_case.py:70)", "consensus"),
        (f"add ({ROOT}/node/mempool.py:170);transaction_id ({ROOT}/chain/rules.py:40)", "consensus"),
        ("_bootstrap (/usr/lib/python3.11/threading.py:995)", "other"),
    ],
)
def test_a_sample_counts_for_the_innermost_frame_that_says_what_it_is_for(frames: str, part: str) -> None:
    assert part_of(f"{LOOP};{frames}".split(";") if part != "other" else frames.split(";")) == part


def test_the_shares_are_of_all_samples_and_sum_to_one() -> None:
    stacks = [
        f"{LOOP};verify ({ROOT}/chain/ed25519.py:60) 6",
        f"{LOOP};verify with a space ({ROOT}/chain/ed25519.py:61) 1",
        f"commit ({ROOT}/node/ledger.py:200) 3",
        "",
        "no count at the end of this line",
    ]
    shares = split(stacks)
    assert shares["signature"] == 0.7
    assert shares["storage"] == 0.3
    assert tuple(shares) == PARTS
    assert sum(shares.values()) == pytest.approx(1)
    assert split([]) == {}


def test_who_waits_for_the_disk_is_not_counted_as_busy() -> None:
    stacks = [
        f"{LOOP};_sync_waiting ({ROOT}/node/storage/journal.py:90);_sync ({ROOT}/node/storage/journal.py:139) 90",
        f"{LOOP};_write ({ROOT}/node/storage/journal.py:110) 1",
        f"{LOOP};verify ({ROOT}/chain/ed25519.py:60) 3",
    ]
    assert (split(stacks)["storage"], split(stacks)["signature"]) == (0.25, 0.75)


def test_a_flame_graph_says_what_was_measured_and_not_by_which_command() -> None:
    svg = '<svg><text id="title" x="5">/home/me/py-spy record --pid 7</text><text id="details">all</text></svg>'
    assert entitle(svg, "a backup") == '<svg><text id="title" x="5">a backup</text><text id="details">all</text></svg>'
