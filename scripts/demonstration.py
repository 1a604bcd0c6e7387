"""What the demo does on a network that is up, step by step; every step says whether it held."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.genesis import parse_genesis
from chain.profiles import load_profiles
from chain.signatures import scheme
from credentials.verifier import Verdict, verify_bundle
from scripts.client import Client, Refused
from scripts.crosschain_story import tell_crosschain
from scripts.life_story import tell_life
from scripts.screen import counting, out, table
from scripts.sectors import load_sectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What was minted on one chain, and how long it took."""

    chain: str
    sector: str
    ids: tuple[str, ...]
    refused: int
    seconds: float


def run_demonstration(folder: Path, network: dict[str, Any]) -> bool:
    """Mint the ten sample files, verify, revoke one, check one offline, tell a whole life; whether everything held."""
    keys = network["api_keys"]
    with Client(network["url"], keys["platform"]) as client:
        minted = _mint_all(client, network)
        _show_minted(client, minted)
        held = [
            _step("every row of every file is minted 全部签发", all(one.ids and not one.refused for one in minted)),
            _step("every certificate verifies by its proof 全部验证通过", _verify_all(client, minted)),
            _revoke_one(client, minted[0]),
            _refuse_transfer(client, folder, minted[0]),
            _check_offline(client, folder, minted[-1]),
            _step(
                "one certificate lived its whole life, proven at every step 证书一生皆可验证",
                tell_life(folder, network),
            ),
            _step("a diploma's revocation on one chain shows on the two others 吊销跨链可见", tell_crosschain(network)),
        ]
    return all(held)


def _mint_all(client: Client, network: dict[str, Any]) -> list[Minted]:
    sectors = load_sectors()
    total = sum(len(sectors[entry["id"]].rows()) for entry in network["chains"])
    done: dict[str, int] = {}
    with counting("Minting on ten chains 正在签发", total) as count, ThreadPoolExecutor(10) as pool:

        def mint(entry: dict[str, Any]) -> Minted:
            def told(job: dict[str, Any]) -> None:
                done[entry["id"]] = job["minted"]
                count(sum(done.values()))

            return _mint_one(client, entry, told)

        return list(pool.map(mint, network["chains"]))


def _mint_one(client: Client, entry: dict[str, Any], told: Any) -> Minted:
    sector, started = load_sectors()[entry["id"]], time.monotonic()
    job = client.mint_batch(
        sector.csv,
        told=told,
        chain=entry["id"],
        class_=entry["class"],
        holder=entry["accounts"]["alice"]["address"],
    )
    seconds = time.monotonic() - started
    ids = tuple(row["id"] for row in client.job_rows(job["id"]) if row["id"] is not None)
    return Minted(
        chain=entry["id"],
        sector=f"{sector.name_en} {sector.name_zh}",
        ids=ids,
        refused=job["refused"],
        seconds=seconds,
    )


def _show_minted(client: Client, minted: list[Minted]) -> None:
    chains = {entry["id"]: entry for entry in client.get("/v1/chains")["chains"]}
    table(
        "Certificates by chain 各链证书",
        "chain",
        "名称",
        "signature",
        "digest",
        "sector",
        "minted",
        "height",
        "one of them",
        rows=[
            (
                one.chain,
                chains[one.chain]["native_name"],
                chains[one.chain]["signature_scheme"],
                chains[one.chain]["digest"],
                one.sector,
                len(one.ids),
                chains[one.chain]["height"],
                one.ids[0] if one.ids else "-",
            )
            for one in minted
        ],
    )
    out.print(f"\n{sum(len(one.ids) for one in minted)} certificates on {len(minted)} chains.\n")


def _verify_all(client: Client, minted: list[Minted]) -> bool:
    ids = [certificate for one in minted for certificate in one.ids]
    with counting("Verifying 正在验证", len(ids)) as count, ThreadPoolExecutor(8) as pool:
        verdicts = []
        for verdict in pool.map(lambda certificate: client.post("/v1/verify", {"id": certificate}), ids):
            verdicts.append(verdict["valid"] and verdict["proven"])
            count(len(verdicts))
    return bool(verdicts) and all(verdicts)


def _revoke_one(client: Client, minted: Minted) -> bool:
    certificate = minted.ids[0]
    client.post(f"/v1/certificates/{certificate}:revoke", {"reason": "issued-in-error"})
    verdict = client.post("/v1/verify", {"id": certificate})
    held = verdict["proven"] and not verdict["valid"] and verdict["status"] == "revoked"
    return _step(f"{certificate} is revoked and no longer valid 已吊销", held)


def _refuse_transfer(client: Client, folder: Path, minted: Minted) -> bool:
    """Key-upload mode: the holder herself signs a transfer of her certificate, and the chain refuses it."""
    key = json.loads((folder / "demo-keys.json").read_text("utf-8"))[minted.chain]["alice"]
    path = f"/v1/chains/{minted.chain}/transactions"
    encoded = client.post(f"{path}:encode", {"sender": key["address"], "contract": "ddc721", "method": "transferFrom"})
    pair = scheme(load_profiles()[minted.chain].signature_scheme).key_pair(bytes.fromhex(key["seed"]))
    signature = pair.sign(bytes.fromhex(encoded["digest"]))
    try:
        client.post(path, {"body": encoded["body"], "signature": signature.hex()})
        problem = "none"
    except Refused as refused:
        problem = refused.problem
    return _step("a transfer signed by the holder herself is refused 不可转让", problem == "non-transferable")


def _check_offline(client: Client, folder: Path, minted: Minted) -> bool:
    """The bundle and the genesis document are all that this needs; the smallest change is noticed."""
    certificate = minted.ids[0]
    bundle = client.get_bytes(f"/v1/certificates/{certificate}/proof", reveal="all")
    (folder / "bundle.json").write_bytes(bundle)
    verdict = _offline(folder, bundle)
    changed = bytearray(bundle)
    changed[len(changed) // 2] ^= 1
    held = verdict.valid and bool(verdict.revealed) and not _offline(folder, bytes(changed)).proven
    out.print(f"\nChecked offline 离线验证: {certificate}, {len(bundle)} bytes, height {verdict.height}")
    table("", "field", "value", rows=list(verdict.revealed.items())[:6])
    return _step("the bundle holds with the genesis document alone, and not with one bit changed 离线验证通过", held)


def _offline(folder: Path, bundle: bytes) -> Verdict:
    genesis = parse_genesis((folder / "genesis.json").read_bytes())
    return verify_bundle(bundle, genesis, load_profiles(), now=time.time_ns() // 1_000_000)


def _step(sentence: str, held: bool) -> bool:  # noqa: FBT001
    out.print(f"{'[green]✓[/green]' if held else '[red]✗[/red]'} {sentence}")
    return held
