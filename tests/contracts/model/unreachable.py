"""Refusals that are declared and that no call can meet, each with its reason.

A check that several methods share declares what it may say to any of them.
"""

REASONS: dict[tuple[str, str, str], str] = {}


def reason_for(contract: str, method: str, code: str) -> str | None:
    """Why the method never refuses with this code; None if it can."""
    return REASONS.get((contract, method, code))
