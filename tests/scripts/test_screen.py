"""What a table shows is what it was given."""

import pytest

from scripts.screen import out, table


@pytest.mark.parametrize("text", ["[bold]a[/bold]", "[/x]", '{"a": [null, true]}', "[red]"])
def test_brackets_in_a_cell_are_no_markup(text: str) -> None:
    with out.capture() as shown:
        table("", "", rows=[(text,)])
    assert text in shown.get()
