"""`verify`: a certificate by id over REST, or a bundle with no network at all."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from chain.genesis import GenesisMalformed, fingerprint, parse_genesis
from chain.profiles import load_profiles
from credentials.verifier import CANNOT_TELL, Verdict, verify_bundle
from scripts.client import client_of
from scripts.commands.options import DEFAULT_DATA, Data, Json
from scripts.screen import out, table

VALID, NOT_VALID, CANNOT_SAY = 0, 1, 2


def verify(
    what: Annotated[str, typer.Argument(metavar="ID|BUNDLE.json", help="A certificate's id; a file with --offline.")],
    offline: Annotated[bool, typer.Option("--offline", help="Check a bundle file with no network at all.")] = False,
    genesis: Annotated[Path | None, typer.Option(metavar="GENESIS.json", help="The genesis document.")] = None,
    max_age: Annotated[int | None, typer.Option(min=0, help="Seconds: how old the proven header may be.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Exit 0: valid; 1: not valid; 2: cannot tell."""
    if offline:
        view, code = _offline(Path(what), genesis or data / "genesis.json", max_age)
    else:
        with client_of(data, "platform") as client:
            view = client.post("/v1/verify", {"id": what} | ({} if max_age is None else {"max_age": max_age}))
        code = VALID if view["valid"] else NOT_VALID
    _show(view, code, as_json=as_json)
    raise typer.Exit(code)


def _offline(bundle: Path, genesis: Path, max_age: int | None) -> tuple[dict[str, Any], int]:
    try:
        document = parse_genesis(genesis.read_bytes())
        data = bundle.read_bytes()
    except (OSError, GenesisMalformed) as problem:
        return {"valid": False, "status": None, "reasons": [str(problem)]}, CANNOT_SAY
    age_ms_max = None if max_age is None else max_age * 1_000
    now = time.time_ns() // 1_000_000
    verdict = verify_bundle(data, document, load_profiles(), now=now, age_ms_max=age_ms_max)
    return verdict.members() | {"fingerprint": fingerprint(document.network_id)}, _code(verdict)


def _code(verdict: Verdict) -> int:
    if verdict.valid:
        return VALID
    told = [reason.split(":")[0] for reason in verdict.reasons]
    return CANNOT_SAY if any(reason in CANNOT_TELL for reason in told) else NOT_VALID


def _show(view: dict[str, Any], code: int, *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(view))
        return
    words = {
        VALID: "[green]valid 有效[/green]",
        NOT_VALID: "[red]not valid 无效[/red]",
        CANNOT_SAY: "cannot tell 无法判断",
    }
    out.print(words[code])
    named = [(name, view[name]) for name in ("status", "height", "time", "fingerprint") if view.get(name) is not None]
    named += [("reason", reason) for reason in view["reasons"]]
    named += sorted(view.get("revealed", {}).items())
    table("", "", "", rows=named)
