"""One certificate's whole life, as the demo tells it: every step by whoever may take it, and after each the proof offline."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from credentials.verifier import Verdict, verify_bundle
from scripts.client import Client, Refused
from scripts.screen import out, table
from scripts.sectors import load_sectors

CHAIN: Final = "wenchang"
CLASS: Final = "honours-degree"
RULES: Final = {"acceptance": True, "attributes": 1, "rebind_wait_ms": 1_000}
"""A second in which a rebind can be objected to, where people have a day, so that the demo need not wait."""
SIGNATURE_MS: Final = 600_000
PATIENCE_S: Final = 30
POLL_S: Final = 0.1
EVENTS: Final = [
    "minted", "accepted", "user-set", "attribute-set", "frozen", "unfrozen", "rebind-requested", "rebind-approved",
    "rebound", "revoked", "reissued",
]  # fmt: skip
EVENTS_OF_SECOND: Final = ["minted", "accepted", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done, by whom, and what the certificate was then by its proof."""

    does: str
    by: str
    status: str
    height: int
    proof_bytes: int


@dataclass(slots=True, kw_only=True)
class Story:
    """The clients by tenant, the people's addresses, and what has happened so far."""

    clients: dict[str, Client]
    people: dict[str, dict[str, str]]
    genesis: Genesis
    steps: list[Step] = field(default_factory=list)
    held: bool = True

    @property
    def platform(self) -> Client:
        """The issuing platform's client."""
        return self.clients["platform"]

    def call(self, place: str, arguments: dict[str, Any]) -> None:
        """A method that has no path of its own."""
        self.platform.post(f"/v1/chains/{CHAIN}/contracts/{place}", {"arguments": arguments})

    def change(self, certificate: str, action: str, tenant: str = "platform", **body: Any) -> dict[str, Any]:
        """What becomes of a certificate; the view of it."""
        view: dict[str, Any] = self.clients[tenant].post(f"/v1/certificates/{certificate}:{action}", body)
        return view

    def proven(self, certificate: str, does: str, by: str, status: str) -> None:
        """Fetch the proof, check it with the genesis document alone, and note the step."""
        bundle = self.platform.get_bytes(f"/v1/certificates/{certificate}/proof", reveal="none")
        verdict = self._offline(bundle)
        self.held = self.held and verdict.proven and str(verdict.status) == status
        self.steps.append(
            Step(does=does, by=by, status=str(verdict.status), height=verdict.height or 0, proof_bytes=len(bundle))
        )

    def _offline(self, bundle: bytes) -> Verdict:
        return verify_bundle(bundle, self.genesis, load_profiles(), now=time.time_ns() // 1_000_000)


def tell_life(folder: Path, network: dict[str, Any]) -> bool:
    """Play the whole life and show it; whether every step and every proof held."""
    genesis = parse_genesis((folder / "genesis.json").read_bytes())
    entry = next(entry for entry in network["chains"] if entry["id"] == CHAIN)
    with ExitStack() as stack:
        clients = {
            tenant: stack.enter_context(Client(network["url"], key)) for tenant, key in network["api_keys"].items()
        }
        story = Story(clients=clients, people=entry["accounts"], genesis=genesis)
        first = _issue(story)
        _use(story, first)
        _suspend(story, first)
        _rebind(story, first)
        second = _replace(story, first)
        return _show(story, first, second)


def _issue(story: Story) -> str:
    """A class that asks for two signatures, a draft, both signatures over it, and the holder's acceptance."""
    signatories = _define(story)
    item = _draft(story)
    signed = _signed(story, signatories, item)
    story.call("ddc721/mintSigned", {"class_id": CLASS, "items": [item], **signed})
    certificate = f"{CHAIN}.ddc721.{CLASS}.{item['token']}"
    story.proven(certificate, "issued 签发", "rector + registrar 校长、注册官", "offered")
    story.change(certificate, "accept", account=story.people["alice"]["address"])
    story.proven(certificate, "accepted 接受", "alice", "active")
    return certificate


def _define(story: Story) -> list[str]:
    """The class and its signatories' addresses."""
    sector, platform = load_sectors()[CHAIN], story.platform
    names = {"name_en": "Honours degree", "name_zh": "荣誉学位"}
    platform.post("/v1/classes", {"chain": CHAIN, "class": CLASS, **names, "schema": sector.document, "rules": RULES})
    signatories = [str(platform.post("/v1/accounts", {"chain": CHAIN})["address"]) for _ in ("rector", "registrar")]
    story.call("classes/setSignatories", {"class_id": CLASS, "threshold": 2, "signatories": signatories})
    return signatories


def _draft(story: Story, **changed: Any) -> dict[str, Any]:
    content = load_sectors()[CHAIN].sample()
    body = {"chain": CHAIN, "class": CLASS, "holder": story.people["alice"]["address"], "content": content}
    item: dict[str, Any] = story.platform.post("/v1/certificates:draft", body | changed)["item"]
    return item


def _signed(story: Story, signatories: list[str], item: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What both signatories have signed: deadline, places, signatures."""
    deadline = time.time_ns() // 1_000_000 + SIGNATURE_MS
    issue = {"kind": "issue", "class_id": CLASS, "items": [item], "deadline": deadline} | more
    stated = [
        story.platform.post(f"/v1/chains/{CHAIN}/statements", issue | {"signer": signer}) for signer in signatories
    ]
    stated.sort(key=lambda one: one["place"])
    return {
        "deadline": deadline,
        "signers": [one["place"] for one in stated],
        "signatures": [one["signatures"]["signature"] for one in stated],
    }


def _use(story: Story, certificate: str) -> None:
    alice, bob = (story.people[person]["address"] for person in ("alice", "bob"))
    until = time.time_ns() // 1_000_000 + SIGNATURE_MS
    story.change(certificate, "set-user", account=alice, user=bob, until=until)
    story.proven(certificate, "bob may use it 授权使用", "alice", "active")
    story.change(certificate, "set-attribute", name="honours", value="cum-laude")
    story.proven(certificate, "attribute set 设置属性", "platform", "active")


def _suspend(story: Story, certificate: str) -> None:
    story.change(certificate, "freeze", "regulator", reason="under-review")
    story.proven(certificate, "frozen 冻结", "regulator", "frozen")
    story.change(certificate, "unfreeze", "regulator", reason="cleared")
    story.proven(certificate, "unfrozen 解冻", "regulator", "active")


def _rebind(story: Story, certificate: str) -> None:
    """Alice's account key is lost: her DID's key asks, the operator approves, and after the wait it is moved."""
    did = story.people["alice"]["did"]
    new_account = story.platform.post("/v1/accounts", {"chain": CHAIN, "did": did})["address"]
    story.change(certificate, "request-rebind", to=new_account)
    story.proven(certificate, "new account asked for 申请换绑", "alice's DID", "active")
    story.change(certificate, "approve-rebind", "operator")
    story.proven(certificate, "approved 批准", "operator", "active")
    moved = _when_due(story, certificate)
    story.held = story.held and moved["holder"] == new_account
    story.proven(certificate, "rebound 换绑", "platform", "active")


def _when_due(story: Story, certificate: str) -> dict[str, Any]:
    """Complete the rebind as soon as the chain lets anybody."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        try:
            return story.change(certificate, "complete-rebind")
        except Refused as refused:
            if refused.problem != "rebind-too-early" or time.monotonic() > patience:
                raise
            time.sleep(POLL_S)


def _replace(story: Story, certificate: str) -> str:
    """Reissued with both signatures to the account that she has now; the new one is accepted, and revoked in the end."""
    old = story.platform.get(f"/v1/certificates/{certificate}")
    signatories = story.platform.get(f"/v1/chains/{CHAIN}/contracts/state/class", class_id=CLASS)["value"][
        "signatories"
    ]
    item, reason = _draft(story, holder=old["holder"]), "name-changed"
    signed = _signed(story, signatories, item, supersedes=old["token"], reason=reason)
    arguments = {"class_id": CLASS, "token": old["token"], "holder": None, "item": item, "reason": reason, **signed}
    story.call("ddc721/reissueSigned", arguments)
    story.proven(certificate, "superseded 被取代", "rector + registrar 校长、注册官", "revoked")
    new = f"{CHAIN}.ddc721.{CLASS}.{item['token']}"
    story.proven(new, "re-issued 重新签发", "rector + registrar 校长、注册官", "offered")
    story.change(new, "accept", account=old["holder"])
    story.proven(new, "accepted 接受", "alice", "active")
    story.change(new, "revoke", reason="issued-in-error")
    story.proven(new, "revoked 吊销", "platform", "revoked")
    return new


def _show(story: Story, first: str, second: str) -> bool:
    lived = [
        (place, step.does, step.by, step.status, step.height, f"{step.proof_bytes} bytes")
        for place, step in enumerate(story.steps, start=1)
    ]
    table(
        f"One certificate's life 证书的一生: {first}", "", "what", "by", "status", "height", "proof holds", rows=lived
    )
    expected = {first: EVENTS, second: EVENTS_OF_SECOND}
    told = {certificate: _history(story, certificate, events) for certificate, events in expected.items()}
    happened = [
        (certificate.rpartition(".")[2], event["event"], event["height"], event["transaction"][:16])
        for certificate, events in told.items()
        for event in events
    ]
    table("Its history 历史", "token", "event", "height", "transaction", rows=happened)
    out.print()
    names = {certificate: [event["event"] for event in events] for certificate, events in told.items()}
    return story.held and names == expected


def _history(story: Story, certificate: str, expected: list[str]) -> list[dict[str, Any]]:
    """The events of a certificate; the index is told of them a moment after they are final."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        events: list[dict[str, Any]] = story.platform.get(f"/v1/certificates/{certificate}/history")["events"]
        if len(events) >= len(expected) or time.monotonic() > patience:
            return events
        time.sleep(POLL_S)
