"""A certificate has one name in two forms, and nothing else names it (protocol 6.5)."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import Malformed
from chain.universal_id import CertificateName, IdMalformed, TokenStyle, format_token, parse_name, parse_token

tokens = st.binary(min_size=16, max_size=16)
styles = pytest.mark.parametrize("style", ["integer", "uuid"])
chains = st.from_regex(r"[a-z]{2,32}", fullmatch=True)
classes = st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)


@styles
@given(chain_id=chains, class_id=classes, token=tokens)
def test_either_form_is_read_back(style: TokenStyle, chain_id: str, class_id: str, token: bytes) -> None:
    name = CertificateName(chain_id, class_id, format_token(style, token))
    assert parse_name(name.universal) == parse_name(name.path) == name
    assert parse_token(style, name.token) == token


def test_the_forms_are_these() -> None:
    name = CertificateName("wuhan", "degree-2024", "17")
    assert name.universal == "bsn:wuhan/ddc721:degree-2024/17"
    assert name.path == "wuhan.ddc721.degree-2024.17"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wuhan",
        "wuhan.ddc721.degree",
        "wuhan.ddc1155.degree.17",
        "wuhan.ddc721.degree.17.",
        " wuhan.ddc721.degree.17",
        "wuhan.ddc721.degree.17\n",
        "Wuhan.ddc721.degree.17",
        "w.ddc721.degree.17",
        "wuhan.ddc721.de.17",
        "wuhan.ddc721.-degree.17",
        "wuhan.ddc721.degree-.17",
        "wuhan.ddc721.degree.1g",
        "wuhan.ddc721.degree.",
        "wuhan.ddc721.degree." + "1" * 41,
        "wuhan.ddc721." + "d" * 33 + ".17",
        "bsn:wuhan/ddc721:degree",
        "bsn:wuhan/ddc721:degree/17/",
        "bsn:wuhan/erc721:degree/17",
        "bsn:wuhan:ddc721:degree:17",
        "eip155:1/ddc721:degree/17",
        "bsn:wuhan.ddc721.degree.17",
        "武汉.ddc721.degree.17",
    ],
)
def test_what_names_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(IdMalformed, match="names no certificate; write <chain>") as refusal:
        parse_name(text)
    assert isinstance(refusal.value, Malformed)


def test_a_refusal_shows_no_more_than_a_line() -> None:
    with pytest.raises(IdMalformed) as refusal:
        parse_name("x" * 100_000)
    assert len(str(refusal.value)) < 300


@given(st.text(max_size=60))
def test_foreign_text_raises_nothing_else(text: str) -> None:
    try:
        name = parse_name(text)
    except IdMalformed:
        return
    assert text in (name.universal, name.path)


@given(tokens)
def test_a_uuid_is_written_as_the_standard_library_writes_it(token: bytes) -> None:
    assert format_token("uuid", token) == str(uuid.UUID(bytes=token))


def test_an_integer_token_is_a_decimal_number_below_2_to_the_128() -> None:
    assert format_token("integer", bytes(16)) == "0"
    assert format_token("integer", b"\xff" * 16) == str(2**128 - 1)
    assert parse_token("integer", "256") == bytes(14) + b"\x01\x00"


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "01", " 1", "1 ", "1_0", "１", "0x1", "1.0", "1e3", "a", str(2**128), "9" * 5_000],
    ids=lambda text: ascii(text[:8]),
)
def test_another_text_of_an_integer_is_refused(text: str) -> None:
    with pytest.raises(IdMalformed, match="a decimal number below"):
        parse_token("integer", text)


WRITTEN = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        "",
        WRITTEN.upper(),
        WRITTEN.replace("-", ""),
        WRITTEN[:-1],
        WRITTEN + "0",
        "{" + WRITTEN + "}",
        "urn:uuid:" + WRITTEN,
        "0-1234567" + WRITTEN[9:],
        WRITTEN.replace("a", "g"),
        " " + WRITTEN,
        "01 23 45 67-89ab-cdef-0123-456789abcdef",
        "17",
    ],
)
def test_another_text_of_a_uuid_is_refused(text: str) -> None:
    assert format_token("uuid", parse_token("uuid", WRITTEN)) == WRITTEN
    with pytest.raises(IdMalformed, match="a UUID in lower case"):
        parse_token("uuid", text)


def test_a_refusal_shows_the_beginning_of_a_long_text_and_what_is_wanted() -> None:
    with pytest.raises(IdMalformed) as refusal:
        parse_name("x" * 500)
    assert str(refusal.value).startswith(f"'{'x' * 120}' names no certificate")
    with pytest.raises(IdMalformed, match=r"they are a decimal number below 2\^128"):
        parse_token("integer", "x")
    with pytest.raises(IdMalformed, match="they are a UUID in lower case"):
        parse_token("uuid", "x")
