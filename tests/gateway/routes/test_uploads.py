"""Files of rows over REST: CSV, JSON lines and forms become durable jobs; a bad file mints nothing."""

import csv
import io
import json
import time
import uuid
from typing import Any

import httpx
import pytest

from credentials.schema import content_of_row
from scripts.sectors import load_sectors
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes
PATIENCE_S = 20.0


def upload(
    network: RunningNetwork, chain: str, data: bytes, kind: str = "text/csv", key: str | None = None, **more: Any
) -> httpx.Response:
    parameters = {"chain": chain, "class": network.class_of(chain), "holder": network.address(chain, "alice")} | more
    headers = {"Content-Type": kind} | ({} if key is None else {"Idempotency-Key": key})
    return network.client().post("/v1/certificates:batch", params=parameters, content=data, headers=headers)


def done(network: RunningNetwork, job: dict[str, Any]) -> dict[str, Any]:
    """The job with its rows, when it is done."""
    deadline = time.monotonic() + PATIENCE_S
    while job["state"] != "done":
        assert time.monotonic() < deadline, f"the job is not done: {job}"
        time.sleep(0.01)
        job = network.client().get(f"/v1/jobs/{job['id']}", params={"limit": 1_000}).json()
    return network.client().get(f"/v1/jobs/{job['id']}", params={"limit": 1_000}).json()  # type: ignore[no-any-return]


def sample_rows(chain: str, count: int = 5) -> list[dict[str, str]]:
    return load_sectors()[chain].rows()[:count]


def as_csv(rows: list[dict[str, str]], encoding: str = "utf-8") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode(encoding)


@pytest.mark.parametrize("chain", CHAINS)
def test_a_sample_file_is_minted_row_by_row(network: RunningNetwork, chain: str) -> None:
    sector = load_sectors()[chain]
    answer = upload(network, chain, sector.csv.read_bytes())
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["chain"], job["class"], job["total"]) == (chain, sector.class_id, len(sector.rows()))
    job = done(network, job)
    assert (job["minted"], job["pending"], job["refused"], job["skipped"]) == (job["total"], 0, 0, 0)
    assert len({row["id"] for row in job["rows"]}) == job["total"]
    last = job["rows"][-1]
    read = network.client().get(f"/v1/certificates/{last['id']}").json()
    assert read["document"]["content"] == content_of_row(sector.schema, sector.rows()[-1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_the_encoding_of_a_file_is_said(network: RunningNetwork, encoding: str) -> None:
    job = done(network, upload(network, "wenchang", as_csv(sample_rows("wenchang"), encoding)).json())
    assert (job["encoding"], job["minted"]) == (encoding, 5)
    read = network.client().get(f"/v1/certificates/{job['rows'][0]['id']}").json()
    assert read["document"]["content"] == network.entry("wenchang")["sample"]


def test_json_lines_are_minted_as_they_are(network: RunningNetwork) -> None:
    contents = [network.entry("wuhan")["sample"] for _ in range(3)]
    data = "\n".join(json.dumps(content, ensure_ascii=False) for content in contents).encode()
    job = done(network, upload(network, "wuhan", data, "application/x-ndjson").json())
    assert (job["encoding"], job["minted"]) == ("json-lines", 3)
    read = network.client().get(f"/v1/certificates/{job['rows'][0]['id']}").json()
    assert read["document"]["content"] == contents[0]


@pytest.mark.parametrize(("name", "encoding"), [("rows.csv", "utf-8"), ("rows.jsonl", "json-lines")])
def test_a_form_is_taken_too(network: RunningNetwork, name: str, encoding: str) -> None:
    rows = sample_rows("wuhan", 2)
    lines = "\n".join([json.dumps(network.entry("wuhan")["sample"])] * 2).encode()
    file = {"file": (name, as_csv(rows) if encoding == "utf-8" else lines)}
    form = {"chain": "wuhan", "class": network.class_of("wuhan"), "holder": network.address("wuhan", "bob")}
    answer = network.client().post("/v1/certificates:batch", data=form, files=file)
    job = done(network, answer.json())
    assert (job["encoding"], job["minted"]) == (encoding, 2)


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ({"other": ("a.csv", b"name\na\n")}, {}),
        ({"file": ("a.csv", b"name\na\n"), "more": ("b.csv", b"")}, {}),
        ({"file": ("a.csv", b"name\na\n")}, {f"field{n}": "x" for n in range(20)}),
        ({}, {"file": "name"}),
    ],
)
def test_a_form_that_is_not_as_it_should_be_is_refused(
    network: RunningNetwork, files: dict[str, Any], data: dict[str, str]
) -> None:
    answer = network.client().post("/v1/certificates:batch", files=files or {"x": (None, "y")}, data=data)
    assert answer.status_code == 400
    assert answer.json()["code"] == "body-malformed"


def bad_file() -> bytes:
    rows = sample_rows("wenchang")
    name = next(iter(rows[1]))
    rows[1] = rows[1] | {name: ""}
    rows[3] = rows[3] | {name: "\u202e"}
    return as_csv(rows)


def test_a_bad_file_mints_nothing_and_names_line_and_field(network: RunningNetwork) -> None:
    before = network.standing()
    answer = upload(network, "wenchang", bad_file())
    assert answer.json()["code"] == "rows-invalid"
    assert answer.json()["detail"].startswith("2 of 5 rows do not fit")
    field = next(iter(sample_rows("wenchang")[0]))
    assert [(row["line"], row["fields"][0]["field"]) for row in answer.json()["rows"]] == [(3, field), (5, field)]
    assert all(row["fields"][0]["problem_zh"] for row in answer.json()["rows"])
    assert network.standing() == before


def test_bad_rows_are_left_out_if_asked(network: RunningNetwork) -> None:
    for word in ("true", "1"):
        job = done(network, upload(network, "wenchang", bad_file(), skip_bad=word).json())
        assert (job["minted"], job["skipped"], job["total"]) == (3, 2, 5)
        assert [row["outcome"] for row in job["rows"]] == ["minted", "skipped", "minted", "skipped", "minted"]
        assert job["rows"][1]["id"] is None
        assert job["rows"][1]["problem"]["fields"]
    assert upload(network, "wenchang", bad_file(), skip_bad="maybe").json()["code"] == "parameter-malformed"


def test_a_job_is_read_page_by_page_by_its_tenant_alone(network: RunningNetwork) -> None:
    job = done(network, upload(network, "wuhan", as_csv(sample_rows("wuhan", 7))).json())
    path, lines, cursor = f"/v1/jobs/{job['id']}", [], 0
    while cursor is not None:
        page = network.client().get(path, params={"cursor": cursor, "limit": 3}).json()
        lines += [row["line"] for row in page["rows"]]
        cursor = page["next"]
    assert lines == [row["line"] for row in job["rows"]]
    assert network.client().get(path, params={"limit": 0}).json()["rows"] == []
    for tenant in ("operator", "regulator"):
        assert network.client(tenant).get(path).json()["code"] == "job-unknown"
    assert network.client("nobody").get(path).json()["code"] == "api-key-missing"


def test_the_same_key_answers_the_same_job(network: RunningNetwork) -> None:
    key, data = str(uuid.uuid4()), as_csv(sample_rows("wuhan", 2))
    first = upload(network, "wuhan", data, key=key).json()
    again = upload(network, "wuhan", data, key=key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert upload(network, "wuhan", as_csv(sample_rows("wuhan", 3)), key=key).json()["code"] == "idempotency-conflict"
    assert done(network, first)["minted"] == 2


def test_a_row_names_its_own_holder(network: RunningNetwork) -> None:
    rows = [row | {"@holder": network.address("wuhan", "bob")} for row in sample_rows("wuhan", 2)]
    rows[1]["@holder"] = ""
    job = done(network, upload(network, "wuhan", as_csv(rows)).json())
    holders = [network.client().get(f"/v1/certificates/{row['id']}").json()["holder"] for row in job["rows"]]
    assert holders == [network.address("wuhan", "bob"), network.address("wuhan", "alice")]


def test_a_file_without_any_holder_is_refused_row_by_row(network: RunningNetwork) -> None:
    answer = upload(network, "wuhan", as_csv(sample_rows("wuhan", 2)), holder="")
    assert answer.json()["code"] == "rows-invalid"
    assert {row["fields"][0]["field"] for row in answer.json()["rows"]} == {"@"}
