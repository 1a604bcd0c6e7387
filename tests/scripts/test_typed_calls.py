"""What is typed is what is sent."""

import pytest

from scripts.errors import CommandFailed
from scripts.typed_calls import arguments_of, path_of


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
