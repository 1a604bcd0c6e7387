"""`sign`: look at what is to be signed, then sign it and send it if asked."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from chain.codec import CodecMalformed, decode
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import Transaction
from gateway.arguments import show_transaction
from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import err, out


def sign(
    body: Annotated[str, typer.Argument(metavar="BODY", help="Hex, as transactions:encode answered under 'body'.")],
    key: Annotated[Path, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="As `keys new` wrote it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Send it and wait until it is final.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Sign a transaction with a local key, after showing what its bytes say."""
    transaction, raw = _decoded(body)
    profile = load_profiles().get(transaction.chain_id)
    if profile is None:
        raise CommandFailed(f"the transaction is for {transaction.chain_id!r}, which is none of the ten chains")
    rules = ChainRules.of(bytes.fromhex(load_network(data)["network_id"]), profile)
    err.print("This is what the bytes say 将要签名的内容:")
    err.print_json(json.dumps(show_transaction(rules, transaction), ensure_ascii=False))
    if not yes and not typer.confirm("Sign this?", err=True):
        raise CommandFailed("nothing was signed")
    pair = rules.scheme.key_pair(_seed(key, transaction.chain_id))
    signed = {"body": raw.hex(), "signature": pair.sign(rules.transaction_id(raw)).hex()}
    out.print_json(json.dumps(_send(data, transaction.chain_id, signed) if send else signed))


def _decoded(body: str) -> tuple[Transaction, bytes]:
    try:
        raw = bytes.fromhex(body)
        return decode(raw, Transaction), raw
    except (ValueError, CodecMalformed) as problem:
        raise CommandFailed(f"the body is no transaction: {problem}") from None


def _seed(key: Path, chain: str) -> bytes:
    try:
        stored = json.loads(key.read_text())
        if stored["chain"] != chain:
            raise CommandFailed(f"{key} is a key for {stored['chain']}, the transaction is for {chain}")
        return bytes.fromhex(stored["seed"])
    except (ValueError, KeyError) as problem:
        raise CommandFailed(f"{key} is no key file of `keys new`: {problem}") from None


def _send(data: Path, chain: str, signed: dict[str, str]) -> Any:
    with client_of(data, "platform") as client:
        return client.post(f"/v1/chains/{chain}/transactions", signed)
