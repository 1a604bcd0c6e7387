"""docs/contracts.md: one table per contract, made from the methods themselves.

After a change of a contract, `python -m tests.docs.contracts_page` writes the tables anew; what people have written
between the marks of others stays.
"""

import re
from pathlib import Path
from typing import Final

from contracts.interface import Check, Method
from contracts.registry import METHODS
from tests.docs.reference_rows import ROWS, Row

PAGE: Final = Path(__file__).parents[2] / "docs" / "contracts.md"
_BESIDE: Final = re.compile(r"(<!-- beside the reference -->\n).*?(<!-- end -->)", re.DOTALL)
_TABLE: Final = re.compile(r"(<!-- methods of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with the table of every contract as the code has it, and that beside the reference."""
    page = _TABLE.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", page)
    return _BESIDE.sub(lambda found: f"{found[1]}\n{beside_the_reference()}\n{found[2]}", page)


def contracts_shown(page: str) -> list[str]:
    """The contracts that have a table."""
    return [contract for _, contract, _ in _TABLE.findall(page)]


def table(contract: str) -> str:
    """The methods of a contract, each with its caller, checks in order, effect, events and price."""
    rows = [row(name, method) for (owner, name), method in METHODS.items() if owner == contract]
    return "\n".join(
        ["| method | caller | checks in order | effect | events | price |", "|---|---|---|---|---|---|", *rows]
    )


def beside_the_reference() -> str:
    """The reference's methods with ours."""
    return "\n".join(["| where | reference | here | is | note |", "|---|---|---|---|---|", *map(compared, ROWS)])


def compared(row: Row) -> str:
    """One line of that table."""
    theirs, ours = (
        ", ".join(f"`{name}`" if " " not in name else name for name in names) for names in (row.theirs, row.ours)
    )
    return f"| {row.section} | {theirs} | {ours or '–'} | {row.answer} | {row.note} |".replace("|  |", "| |")


def row(name: str, method: Method) -> str:
    """One line of a table."""
    cells = (
        f"`{name}`",
        caller(method),
        "<br>".join(f"{number}. {shown(check)}" for number, check in enumerate(method.checks, start=1)),
        effect(method),
        ", ".join(f"`{event}`" for event in method.events) or "none",
        price(method),
    )
    return f"| {' | '.join(cells)} |"


def caller(method: Method) -> str:
    """Who may call: fixed, or by the first state's access list."""
    for check in method.checks:
        if check.roles is not None:
            names = ", ".join(role.name.lower().replace("_", "-") for role in sorted(check.roles))
            return f"{names} (listed)" if check.listed else names
    return "anyone"


def shown(check: Check) -> str:
    """A check's sentence and its codes."""
    return f"{check.says}: {', '.join(f'`{code}`' for code in check.codes)}"


def effect(method: Method) -> str:
    """The first paragraph of the effect's docstring."""
    assert method.effect.__doc__ is not None
    return " ".join(method.effect.__doc__.split("\n\n")[0].split())


def price(method: Method) -> str:
    """What a call costs."""
    if method.price is None:
        return "free"
    each = f" + {method.price.steps_each} each" if method.price.steps_each else ""
    return f"fee table; gas {method.price.steps}{each} steps"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
