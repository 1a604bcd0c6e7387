"""gateway/tokens.py: token ids in runs."""

import uuid

import pytest

from chain.universal_id import TokenStyle, format_token, parse_token
from gateway.tokens import RUN, TokenRuns

STYLES: tuple[TokenStyle, ...] = ("integer", "uuid")


@pytest.mark.parametrize("style", STYLES)
def test_a_run_is_every_last_byte_once_and_the_next_begins_elsewhere(style: TokenStyle) -> None:
    runs = TokenRuns(style)
    drawn = [runs.draw() for _ in range(RUN + 1)]
    assert [token[-1] for token in drawn[:RUN]] == list(range(256))
    assert len({token[:-1] for token in drawn[:RUN]}) == 1
    assert (drawn[RUN][:-1] == drawn[0][:-1], drawn[RUN][-1]) == (False, 0)


@pytest.mark.parametrize("style", STYLES)
def test_two_that_draw_do_not_meet(style: TokenStyle) -> None:
    assert len({TokenRuns(style).draw() for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize("style", STYLES)
def test_what_is_drawn_is_written_in_the_form_of_the_chain(style: TokenStyle) -> None:
    token = TokenRuns(style).draw()
    assert len(token) == 16
    assert parse_token(style, format_token(style, token)) == token


def test_numbers_have_64_bits_and_uuids_are_of_version_4() -> None:
    assert int.from_bytes(TokenRuns("integer").draw(), "big") < 2**64
    drawn = uuid.UUID(bytes=TokenRuns("uuid").draw())
    assert (drawn.version, drawn.variant) == (4, uuid.RFC_4122)
