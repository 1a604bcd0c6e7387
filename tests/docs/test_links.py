"""Every link of the documents leads somewhere: to a file of the project, or to a heading of a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CITED = re.compile(r"docs/[a-z0-9/-]+\.md")


def anchors(page: Path) -> set[str]:
    """The ids of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    if not path.exists() or ROOT not in (path, *path.parents):
        return True
    return bool(anchor) and anchor not in anchors(path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert not [link for link in links if leads_nowhere(page, link)]


def test_every_page_that_the_code_names_exists() -> None:
    packages = ("chain", "contracts", "credentials", "node", "gateway", "scripts")
    named = {
        name
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        for name in CITED.findall(path.read_text("utf-8"))
    }
    assert "docs/protocol.md" in named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_every_decision_that_the_code_names_exists() -> None:
    sources = [
        path.read_text("utf-8") for package in ("chain", "node", "gateway") for path in (ROOT / package).rglob("*.py")
    ]
    named = {number for text in sources for number in re.findall(r"docs/adr/(\d{4})", text)}
    assert named
    assert all(list((ROOT / "docs" / "adr").glob(f"{number}-*.md")) for number in named)
