"""One field: which values it takes, and how the text of a CSV cell becomes one of them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.fields import INTEGER_MAX, Field, field_fault, value_fault, value_of_cell


def field(kind: str, *, required: bool = True, **limits: Any) -> Field:
    """A field of that type."""
    return Field(name="value", type=kind, required=required, title="Value", title_zh="数值", **limits)


def test_a_field_that_is_not_there_is_refused_only_if_it_is_required() -> None:
    assert field_fault(field("string", required=False), {}) is None
    assert field_fault(field("string"), {}) is not None


def test_null_is_no_way_to_leave_a_field_out() -> None:
    why = field_fault(field("string", required=False), {"value": None})
    assert why is not None
    assert "leave an absent field out" in why[0]


@pytest.mark.parametrize("kind", ["string", "integer", "boolean", "date", "decimal"])
@pytest.mark.parametrize("value", [1.0, float("nan"), [], {}, b"x", Decimal(1), (1,)])
def test_a_value_that_json_text_integers_and_booleans_do_not_cover_is_refused(kind: str, value: Any) -> None:
    assert value_fault(field(kind), value) is not None


def test_each_type_takes_its_own_values_only() -> None:
    values: dict[str, Any] = {"string": "steel", "integer": 1, "boolean": True, "date": "2024-02-29", "decimal": "0.50"}
    text = {"string", "date", "decimal"}
    for kind in values:
        taken = {other for other, value in values.items() if value_fault(field(kind), value) is None}
        assert taken == (text if kind == "string" else {kind})


@given(st.integers(), st.integers(-100, 100), st.integers(-100, 100))
@settings(deadline=None)
def test_an_integer_is_taken_between_its_limits(value: int, minimum: int, maximum: int) -> None:
    taken = value_fault(field("integer", minimum=minimum, maximum=maximum), value) is None
    assert taken == (minimum <= value <= maximum)


@given(st.decimals(-10, 10, places=3), st.decimals(-10, 10, places=2), st.integers(0, 4))
@settings(deadline=None)
def test_a_decimal_is_taken_by_its_value_and_its_digits(value: Decimal, minimum: Decimal, scale: int) -> None:
    text = f"{abs(value) if value == 0 else value:f}"
    taken = value_fault(field("decimal", minimum=minimum, scale=scale), text) is None
    assert taken == (value >= minimum and scale >= 3)


def test_a_decimal_is_compared_exactly_however_long_it_is() -> None:
    limited = field("decimal", maximum=Decimal("0.1"))
    assert value_fault(limited, "0.1" + "0" * 30) is None
    assert value_fault(limited, "0.1" + "0" * 30 + "1") is not None


@pytest.mark.parametrize("cell", ["+1", "01", "1.0", "1e2", " 1", "-0", "one", "１", "9" * 17])
def test_a_cell_that_is_no_integer_stays_text_and_is_refused(cell: str) -> None:
    assert value_of_cell("integer", cell) == cell
    assert value_fault(field("integer"), value_of_cell("integer", cell)) is not None


@pytest.mark.parametrize("cell", ["yes", "1", "True", " true", "是"])
def test_a_cell_that_is_no_boolean_stays_text_and_is_refused(cell: str) -> None:
    assert value_of_cell("boolean", cell) == cell
    assert value_fault(field("boolean"), value_of_cell("boolean", cell)) is not None


@pytest.mark.parametrize(("cell", "value"), [("true", True), ("TRUE", True), ("false", False), ("FALSE", False)])
def test_a_boolean_is_written_as_spreadsheets_write_it(cell: str, value: bool) -> None:
    assert value_of_cell("boolean", cell) is value


@given(st.integers(-INTEGER_MAX, INTEGER_MAX))
@settings(deadline=None)
def test_an_integer_written_in_a_cell_is_read_back(number: int) -> None:
    assert value_of_cell("integer", str(number)) == number


@pytest.mark.parametrize("kind", ["string", "date", "decimal"])
def test_the_cell_of_a_textual_field_is_its_value(kind: str) -> None:
    assert [value_of_cell(kind, cell) for cell in ("12", "true", "0.50")] == ["12", "true", "0.50"]
