"""The REST API as commands use it: problems become sentences."""

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from scripts.errors import CommandFailed

JOB_POLL_S = 0.05


class Refused(CommandFailed):
    """The gateway answered with a problem; `code` names it."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(_sentence(answer))
        try:
            self.problem: str = answer.json()["code"]
        except (ValueError, KeyError, TypeError):
            self.problem = "unknown"


class Client:
    """A client of one gateway, with the API key of one tenant."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30)
        self.url = url

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """GET and decode."""
        given = {name.rstrip("_"): value for name, value in parameters.items() if value is not None}
        return self._json("GET", path, params=given)

    def get_bytes(self, path: str, **parameters: Any) -> bytes:
        """GET the exact bytes."""
        return self._request("GET", path, params=parameters).content

    def post(self, path: str, body: Any = None, *, idempotency: str | None = None) -> Any:
        """POST JSON; a retry is harmless, since every request has an Idempotency-Key."""
        headers = {"Idempotency-Key": idempotency or str(uuid.uuid4())}
        return self._json("POST", path, json=body, headers=headers)

    def mint_batch(self, file: Path, *, told: Callable[[dict[str, Any]], None], **parameters: Any) -> dict[str, Any]:
        """Upload a file of rows and wait until its job is done; `told` hears how far it is."""
        kind = "application/x-ndjson" if file.suffix in (".jsonl", ".ndjson") else "text/csv"
        given = {name.rstrip("_"): value for name, value in parameters.items() if value is not None}
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": kind}
        job: dict[str, Any] = self._json(
            "POST", "/v1/certificates:batch", params=given, content=file.read_bytes(), headers=headers
        )
        while job["state"] != "done":
            told(job)
            time.sleep(JOB_POLL_S)
            job = self.get(f"/v1/jobs/{job['id']}", limit=0)
        told(job)
        return job

    def job_rows(self, job_id: str) -> list[dict[str, Any]]:
        """Every row of a job with its outcome."""
        rows: list[dict[str, Any]] = []
        cursor: int | None = 0
        while cursor is not None:
            page = self.get(f"/v1/jobs/{job_id}", cursor=cursor, limit=1_000)
            rows += page["rows"]
            cursor = page["next"]
        return rows

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        return self._request(method, path, **arguments).json()

    def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as problem:
            raise CommandFailed(f"no gateway answers at {self.url} ({problem}); start a network with `up`") from None
        if answer.is_success:
            return answer
        raise Refused(answer)


def load_network(folder: Path) -> dict[str, Any]:
    """`network.json` of a network in `folder`."""
    try:
        network: dict[str, Any] = json.loads((folder / "network.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise CommandFailed(f"there is no network in {folder}; start one with `up --data {folder}`") from None
    return network


def client_of(folder: Path, tenant: str) -> Client:
    """A client with the API key of `tenant`."""
    network = load_network(folder)
    api_key = network["api_keys"].get(tenant)
    if api_key is None:
        raise CommandFailed(f"there is no tenant {tenant!r}; there are {', '.join(network['api_keys'])}")
    return Client(gateway_url(network), api_key)


def gateway_url(network: dict[str, Any]) -> str:
    """The gateway as it is reached from here: CERTNET_URL, where the URL of `network.json` holds elsewhere."""
    return os.environ.get("CERTNET_URL") or network["url"]


def _sentence(answer: httpx.Response) -> str:
    """A problem document as one or a few lines."""
    try:
        problem = answer.json()
        lines = [f"{problem['title']}: {problem['detail']}"]
    except (ValueError, KeyError):
        return f"the gateway answered {answer.status_code}: {answer.text[:200]}"
    for row in problem.get("rows", [])[:20]:
        lines += [f"  line {row['line']}: {fault['field']} {fault['problem']}" for fault in row["fields"]]
    return "\n".join(lines)
