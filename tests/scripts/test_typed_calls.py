"""What is typed is what is sent."""

from pathlib import Path

import pytest

from scripts.errors import CommandFailed
from scripts.typed_calls import arguments_of, body_about, content_in, path_of


def test_a_name_is_a_path() -> None:
    assert path_of("wuhan", "ddc721.freeze") == "/v1/chains/wuhan/contracts/ddc721/freeze"


@pytest.mark.parametrize("place", ["freeze", "ddc721.", ".freeze", "ddc721.a/b"])
def test_what_names_no_method_is_refused(place: str) -> None:
    with pytest.raises(CommandFailed, match=r"write CONTRACT\.NAME"):
        path_of("wuhan", place)


def test_values_are_text_unless_they_are_said_to_be_json() -> None:
    given = ("token=5", "until:=5", 'holders:=["a", "b"]', "uri=https://a/?b=c", "empty=", "user:=null")
    assert arguments_of(given) == {
        "token": "5", "until": 5, "holders": ["a", "b"], "uri": "https://a/?b=c", "empty": "", "user": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["token", "until:=1,", "until:="])
def test_what_is_no_argument_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed):
        arguments_of([text])


NETWORK = {"chains": [{"id": "wuhan", "accounts": {"alice": {"address": "a11ce"}}}]}


def test_people_are_addresses_and_files_are_what_they_hold(tmp_path: Path) -> None:
    file = tmp_path / "content.json"
    file.write_text('{"name": "李雷"}', "utf-8")
    members = {"account": "alice", "to": "0b0b", "holder": None, "name": "alice", "content": file}
    for certificate in ("wuhan.ddc721.diploma.1", "bsn:wuhan/ddc721:diploma/1"):
        assert body_about(NETWORK, certificate, members) == members | {"account": "a11ce", "content": {"name": "李雷"}}


@pytest.mark.parametrize(
    ("certificate", "says"), [("wuhan", "names no certificate"), ("xi.ddc721.abc.1", "no chain 'xi'")]
)
def test_a_certificate_must_be_on_a_chain(certificate: str, says: str) -> None:
    with pytest.raises(CommandFailed, match=says):
        body_about(NETWORK, certificate, {})


@pytest.mark.parametrize(
    ("held", "says"),
    [(b"{", "is no JSON"), (b"\xff", "is no JSON"), (b"[1]", "no JSON object"), (None, "cannot be read")],
)
def test_a_content_is_a_file_with_a_json_object(tmp_path: Path, held: bytes | None, says: str) -> None:
    file = tmp_path / "content.json"
    if held is not None:
        file.write_bytes(held)
    with pytest.raises(CommandFailed, match=says):
        content_in(file)
