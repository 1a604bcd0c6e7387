"""Text rules and named formats, against the examples that their standards or registrars publish."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.formats import (
    FORMATS,
    decimal_scale,
    is_date,
    is_decimal,
    is_mod_97_10,
    printable,
    text_fault,
)

GOOD = {
    "unified-social-credit-code": ["91350100M000100Y43", "91110000600037341L"],
    "hs-code": ["010121", "09021010", "8703239010", "970121"],
    "gtin-13": ["4006381333931", "9780306406157"],
    "gtin-14": ["00012345600012", "10614141000415"],
    "luhn": ["79927398713", "490154203237518"],
    "iso7064-mod-11-2": ["0000000218250097", "000000021694233X", "0000000121032683"],
    "iso7064-mod-97-10": ["5493001KJTIIGC8Y1R12", "WEST12345698765432GB82"],
    "container-number": ["CSQU3054383"],
    "country": ["CN", "CH", "ZW"],
    "currency": ["CNY", "EUR", "JPY"],
    "un-locode": ["CNTAO", "USNYC", "GB2AB"],
    "cn-division": ["520300", "110000", "820000"],
    "cn-industry": ["C31", "C3130", "T97", "A011"],
    "cn-discipline": ["0812", "080901", "080910T", "100201K", "080911TK"],
    "heat-number": ["24P103086", "A1234B", "123456"],
    "sha-256": ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    "utc-time": ["2024-02-29T23:59:59Z", "1970-01-01T00:00:00Z"],
    "year-month": ["2024-01", "1999-12"],
}
BAD = {
    "unified-social-credit-code": [
        "91350100M000100Y4",
        "91350100m000100y43",
        "9135010OM000100Y43",
        "91350100M000100Y4I",
    ],
    "hs-code": ["0101211", "770100", "980000", "000000", "01012", "0101.21", "01012100000"],
    "gtin-13": ["04006381333931", "400638133393", "400638133393X"],
    "gtin-14": ["4006381333931", "106141410004150"],
    "luhn": ["0000000", "7992739871", "79927398713 ", "4" * 20],
    "iso7064-mod-11-2": ["0000-0002-1825-0097", "000000021694233x", "X000000218250097"],
    "iso7064-mod-97-10": ["5493001kjtiigc8y1r12", "A01", "GB82 WEST 1234 5698 7654 32"],
    "container-number": ["CSQX3054383", "CSQU305438", "csqu3054383"],
    "country": ["XX", "cn", "CHN", "UK", ""],
    "currency": ["RMB", "cny", "XTS", "CN"],
    "un-locode": ["XXTAO", "CNTA0", "CNTA", "cntao", "CNTAOO"],
    "cn-division": ["160000", "52030", "5203000", "52O300"],
    "cn-industry": ["C05", "C", "U97", "c3130", "C31301", "A06"],
    "cn-discipline": ["1501", "0001", "08120", "080901KT", "0812T", "080901t"],
    "heat-number": ["24P10", "ABCDEF", "24p103086", "24P-10308", "1234567890123", "ABC123"],
    "sha-256": ["E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "e3b0", "g" * 64],
    "utc-time": ["2023-02-29T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T00:00:60Z", "2024-02-29T00:00:00+08:00"],
    "year-month": ["2024-13", "2024-00", "24-01", "2024-1", "2024-01-01"],
}
CHECKED = {
    name: GOOD[name]
    for name in ("unified-social-credit-code", "gtin-13", "gtin-14", "luhn", "iso7064-mod-11-2", "iso7064-mod-97-10")
}
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_every_format_has_examples_and_says_why_in_both_languages() -> None:
    assert set(GOOD) == set(BAD) == set(FORMATS)
    for name, form in FORMATS.items():
        assert form.why.isascii(), name
        assert any(unicodedata.category(c) == "Lo" for c in form.why_zh), name


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in GOOD.items() for text in texts])
def test_a_published_example_is_accepted(name: str, text: str) -> None:
    assert FORMATS[name].holds(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_another_form_is_refused(name: str, text: str) -> None:
    assert not FORMATS[name].holds(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in CHECKED.items() for text in texts])
def test_any_one_character_changed_breaks_the_check(name: str, text: str) -> None:
    for place, present in enumerate(text):
        alphabet = string.digits if present.isdigit() else string.ascii_uppercase  # what MOD 97-10 promises
        for other in CREDIT_ALPHABET if name == "unified-social-credit-code" else alphabet:
            changed = text[:place] + other + text[place + 1 :]
            assert other == present or not FORMATS[name].holds(changed), changed


def test_any_one_digit_changed_breaks_a_container_number() -> None:
    # Not so for its letters: values that differ by ten share the check digit of ISO 6346 (10 counts as 0).
    for place in range(4, 11):
        good = [
            d
            for d in string.digits
            if FORMATS["container-number"].holds("CSQU3054383"[:place] + d + "CSQU3054383"[place + 1 :])
        ]
        assert good == ["CSQU3054383"[place]]


@pytest.mark.parametrize("name", ["iso7064-mod-11-2", "iso7064-mod-97-10"])
def test_two_neighbours_swapped_break_an_iso_7064_check(name: str) -> None:
    for text in GOOD[name]:
        for place in range(len(text) - 1):
            swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
            assert swapped == text or not FORMATS[name].holds(swapped), swapped


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(text=st.text(max_size=40))
@settings(deadline=None, max_examples=40)
def test_a_format_judges_any_text_and_takes_ascii_only(name: str, text: str) -> None:
    assert not FORMATS[name].holds(text) or text.isascii()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_digits_of_other_scripts_and_a_line_feed_are_refused(name: str) -> None:
    for text in GOOD[name]:
        assert not FORMATS[name].holds(text + "\n")
        wide = "".join(chr(ord(c) + 0xFEE0) for c in text)
        assert not FORMATS[name].holds(wide)


@given(st.text(string.digits + string.ascii_uppercase, min_size=6, max_size=32))
@settings(deadline=None)
def test_the_check_digits_of_mod_97_10_can_be_computed(body: str) -> None:
    rest = 98 - int("".join(str(int(c, 36)) for c in body)) * 100 % 97
    assert is_mod_97_10(f"{body}{rest:02d}")


@given(st.dates())
@settings(deadline=None)
def test_a_day_of_the_calendar_is_a_date(day: object) -> None:
    assert is_date(str(day))


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-13-01", "20240101", "2024-W01-1", "2024-1-1", "0000-01-01", "2024-01-01 "]
)
def test_what_is_no_day_of_the_calendar_is_no_date(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize("text", ["0", "0.0", "-0.5", "12", "12.50", "-7", "100000000000000000000.001"])
def test_a_decimal_in_its_one_form_is_accepted(text: str) -> None:
    assert is_decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+1",
        "01",
        "-01",
        "00",
        "-0",
        "-0.0",
        "-0.00",
        "1.",
        ".5",
        "1e3",
        "1,5",
        "1 000",
        "١",
        "1\n",
        "NaN",
        "1" * 41,
    ],
)
def test_another_form_of_a_decimal_is_refused(text: str) -> None:
    assert not is_decimal(text)


def test_the_scale_of_a_decimal_counts_its_trailing_zeros() -> None:
    assert [decimal_scale(text) for text in ("12", "12.5", "12.50", "-0.001")] == [0, 1, 2, 3]


@pytest.mark.parametrize("text", ["", "plain", "炉号 24P103086", "全角\u3000空格", "é", "Zürich", "👍🏽", "e\u200dx"])
def test_ordinary_text_is_accepted(text: str) -> None:
    assert text_fault(text) is None


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("a\x00b", 2, "U+0000"),
        ("line\nfeed", 5, "U+000A"),
        ("\x7f", 1, "U+007F"),
        ("ab\u202ecd", 3, "U+202E"),
        ("\u200ea", 1, "U+200E"),
        ("ab\u2066", 3, "U+2066"),
        ("\u061c", 1, "U+061C"),
        ("x\ud800", 2, "U+D800"),
        ("钢\ue000", 2, "U+E000"),
        ("\U000f0000", 1, "U+F0000"),
        ("ok\u0378", 3, "U+0378"),
        ("a\u2028b", 2, "U+2028"),
        ("a\u2029b", 2, "U+2029"),
        ("\uffff", 1, "U+FFFF"),
        ("\u3000\u202d", 2, "U+202D"),
    ],
)
def test_a_forbidden_character_is_named_with_its_position(text: str, position: int, what: str) -> None:
    fault = text_fault(text)
    assert fault is not None
    assert f"({what}) as character {position};" in fault[0]
    assert f"第 {position} 个字符 {what} " in fault[1]


@pytest.mark.parametrize(
    ("text", "position"), [("e\u0301", 1), ("Z\u0075\u0308rich", 2), ("ab\u212b", 3), ("café e\u0301", 6)]
)
def test_text_out_of_normal_form_is_named_with_its_position(text: str, position: int) -> None:
    fault = text_fault(text)
    assert fault is not None
    assert f"from character {position} on" in fault[0]
    assert text_fault(unicodedata.normalize("NFC", text)) is None


@given(st.text(st.characters(codec=None), max_size=20))
@settings(deadline=None, max_examples=300)
def test_the_text_rules_are_the_ones_written_down(text: str) -> None:
    controls = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    forbidden = any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or c in controls for c in text)
    allowed = not forbidden and unicodedata.normalize("NFC", text) == text
    assert (text_fault(text) is None) == allowed


@given(st.text(st.characters(codec=None)))
@settings(deadline=None)
def test_a_foreign_text_is_shown_short_and_without_tricks(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.encode("utf-8")) <= 40 * 10
