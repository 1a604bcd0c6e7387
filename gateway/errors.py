"""Every problem the API answers with (RFC 9457; protocol 26): `problems.toml` gives each code a status and sentences.

A code is stable and documented at `/v1/problems/<code>`. `{0}`, `{1}`... are the code's values. The sentence
says the cause; the next step says what to do.
"""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

VALUES_MAX: Final = 4
TEXT_CHARACTERS_MAX: Final = 1_000
"""Of one value in a sentence: what was sent may be much longer than any answer should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """One kind of problem, in English and Chinese. The causes hold the places of values, the rest is as it is."""

    status: int
    title: str
    title_zh: str
    cause: str
    cause_zh: str
    next_step: str
    next_step_zh: str


class Problem(Exception):
    """An answer that is a problem. `values` fill the type's sentence; `extra` members join the document."""

    def __init__(self, code: str, *values: object, **extra: object) -> None:
        super().__init__(code, *values)
        self.code = code
        self.values = values
        self.extra = extra

    @property
    def type(self) -> ProblemType:
        """The kind; a code the table lacks is a refusal of the chain all the same."""
        return PROBLEMS.get(self.code, PROBLEMS["refused-by-chain"])

    @property
    def sentence(self) -> str:
        """Cause and next step in English."""
        return f"{self.type.cause.format(*self._shown())} {self.type.next_step}"

    @property
    def sentence_zh(self) -> str:
        """The same in Chinese."""
        return f"{self.type.cause_zh.format(*self._shown())}{self.type.next_step_zh}"

    def document(self) -> dict[str, object]:
        """The problem document."""
        kind = self.type
        return {
            "type": f"/v1/problems/{self.code}",
            "title": kind.title,
            "title_zh": kind.title_zh,
            "status": kind.status,
            "detail": self.sentence,
            "detail_zh": self.sentence_zh,
            "code": self.code,
            **self.extra,
        }

    def _shown(self) -> list[str]:
        return [*(_shown(value) for value in self.values), *["?"] * VALUES_MAX]


def page(code: str) -> dict[str, object]:
    """The whole type, for `GET /v1/problems/<code>`; the problem `problem-unknown` if there is none of that code."""
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Problem("problem-unknown", code[:60])
    return {
        "type": f"/v1/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": kind.title,
        "title_zh": kind.title_zh,
        "cause": kind.cause,
        "cause_zh": kind.cause_zh,
        "next": kind.next_step,
        "next_zh": kind.next_step_zh,
    }


def _shown(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]}…"


def _problem_type(table: dict[str, Any]) -> ProblemType:
    return ProblemType(
        status=table["status"],
        title=table["title"],
        title_zh=table["title_zh"],
        cause=table["cause"],
        cause_zh=table["cause_zh"],
        next_step=table["next"],
        next_step_zh=table["next_zh"],
    )


def _load() -> dict[str, ProblemType]:
    text = (resources.files("gateway") / "problems.toml").read_text("utf-8")
    return {code: _problem_type(table) for code, table in tomllib.loads(text).items()}


PROBLEMS: Final = _load()
