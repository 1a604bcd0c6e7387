"""The sample data: every row fits its schema, says something of its own, and keeps the rules of its sector."""

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from credentials.formats import is_gtin
from credentials.schema import ClassSchema, Field, content_faults, content_of_row, parse_schema

SAMPLES = Path(__file__).parents[2] / "scripts" / "samples"
INDEX: list[dict[str, str]] = json.loads((SAMPLES / "index.json").read_text("utf-8"))
CHAINS = [entry["chain"] for entry in INDEX]
each_sector = pytest.mark.parametrize("chain", CHAINS)


def sector(chain: str) -> tuple[ClassSchema, list[dict[str, str]]]:
    """The schema and the rows of a chain's sector."""
    [entry] = [entry for entry in INDEX if entry["chain"] == chain]
    with (SAMPLES / entry["csv"]).open(encoding="utf-8", newline="") as file:
        return parse_schema((SAMPLES / entry["schema"]).read_bytes()), list(csv.DictReader(file, strict=True))


def contents(chain: str) -> Iterator[dict[str, Any]]:
    """The typed contents of a sector's rows."""
    schema, rows = sector(chain)
    return (content_of_row(schema, row) for row in rows)


def rounded(value: Decimal, like: str) -> Decimal:
    """The value with as many digits after the point as `like` has, half up."""
    return value.quantize(Decimal(like), ROUND_HALF_UP)


# --- all sectors ----------------------------------------------------------------------------------------------------


def test_ten_sectors_on_ten_chains_have_at_least_350_rows() -> None:
    profiles = Path(__file__).parents[2] / "chain" / "profiles"
    assert sorted(CHAINS) == sorted(path.stem for path in profiles.glob("*.toml"))
    assert len(CHAINS) == len({entry["class"] for entry in INDEX}) == 10
    assert sum(len(sector(chain)[1]) for chain in CHAINS) >= 350


def test_the_index_names_every_file_of_the_folder() -> None:
    named = {entry[kind] for entry in INDEX for kind in ("csv", "schema")}
    assert named | {"index.json", "README.md"} == {path.name for path in SAMPLES.iterdir()}
    for entry in INDEX:
        assert set(entry) == {"chain", "class", "name_en", "name_zh", "csv", "schema"}
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", entry["class"])
        assert entry["csv"].removesuffix(".csv") == entry["schema"].removesuffix(".schema.json")
        assert entry["csv"].startswith(entry["chain"] + "-")


@each_sector
def test_the_header_names_the_fields_of_the_schema(chain: str) -> None:
    schema, rows = sector(chain)
    columns = {name for name in rows[0] if not name.startswith("@")}
    assert columns == {field.name for field in schema.fields}
    assert set(rows[0]) - columns <= {"@valid_until"}
    assert 10 <= len(columns) <= 16


@each_sector
def test_every_row_fits_its_schema(chain: str) -> None:
    schema, rows = sector(chain)
    assert len(rows) >= 35
    for number, row in enumerate(rows, start=2):
        assert content_faults(schema, content_of_row(schema, row)) == (), f"line {number}"


@each_sector
def test_every_field_has_a_value_somewhere_and_every_optional_one_is_somewhere_absent(chain: str) -> None:
    schema, rows = sector(chain)
    for field in schema.fields:
        assert any(row[field.name] for row in rows), field.name
        assert all(row[field.name] for row in rows) == field.required, field.name


@each_sector
def test_no_two_rows_are_equal_even_without_their_numbers_and_codes(chain: str) -> None:
    schema, rows = sector(chain)
    meaning = [field.name for field in schema.fields if field.format is None]
    assert len({tuple(row[name] for name in meaning) for row in rows}) == len(rows)


@each_sector
def test_about_half_the_rows_are_in_chinese_and_half_in_english(chain: str) -> None:
    schema, rows = sector(chain)
    text = [field.name for field in schema.fields if field.type == "string" and not (field.format or field.enum)]
    chinese = [sum(bool(re.search(r"[\u4e00-\u9fff]", row[name])) for row in rows) for name in text]
    assert any(0.35 <= count / len(rows) <= 0.65 for count in chinese)


def test_all_five_types_and_many_formats_are_used() -> None:
    fields = [field for chain in CHAINS for field in sector(chain)[0].fields]
    assert {field.type for field in fields} == {"string", "integer", "boolean", "date", "decimal"}
    assert len({field.format for field in fields if field.format}) >= 15


@each_sector
def test_a_file_survives_gb18030(chain: str) -> None:
    [entry] = [entry for entry in INDEX if entry["chain"] == chain]
    text = (SAMPLES / entry["csv"]).read_text("utf-8")
    assert text.encode("gb18030").decode("gb18030") == text


def test_certificates_that_end_do_so_at_a_day_still_far_off() -> None:
    ending = [chain for chain in CHAINS if "@valid_until" in sector(chain)[1][0]]
    assert len(ending) >= 2
    for chain in ending:
        assert all(date.fromisoformat(row["@valid_until"]) >= date(2032, 1, 1) for row in sector(chain)[1])


def wrong_values(field: Field, value: Any) -> Iterator[Any]:
    """Values beside `value` that the field must refuse."""
    checked = ("credit", "gtin", "luhn", "iso7064", "container")
    if field.format is not None:
        yield value + "?"
        if field.format.startswith(checked):
            yield value[:-1] + ("1" if value[-1] == "0" else "0")
    if field.enum:
        yield "no-such-value"
    if field.type == "date":
        yield value[:-2] + "32"
    if field.type == "decimal":
        yield from ("0" + value, value + "e1")
    if field.minimum is not None:
        yield type(value)(field.minimum - 1)
    if field.maximum is not None:
        yield type(value)(field.maximum + 1)
    if field.scale is not None:
        yield value.partition(".")[0] + "." + "0" * (field.scale + 1)
    yield 1 if field.type == "boolean" else True


@each_sector
def test_a_wrong_value_in_any_field_of_any_row_is_refused_and_that_field_named(chain: str) -> None:
    schema, _ = sector(chain)
    for content in contents(chain):
        for field in schema.fields:
            for wrong in wrong_values(field, content[field.name]) if field.name in content else ():
                faults = content_faults(schema, content | {field.name: wrong})
                assert [fault.field for fault in faults] == [field.name], wrong


@each_sector
def test_a_required_field_left_out_is_named(chain: str) -> None:
    schema, rows = sector(chain)
    for field in schema.fields:
        content = content_of_row(schema, rows[0] | {field.name: ""})
        assert [fault.field for fault in content_faults(schema, content)] == [field.name] * field.required


def test_organisation_codes_have_both_their_checks_and_stand_out_as_invented() -> None:
    codes = {
        content[field.name]
        for chain in CHAINS
        for content in contents(chain)
        for field in sector(chain)[0].fields
        if field.format == "unified-social-credit-code"
    }
    assert len(codes) > 40
    for code in codes:
        body, check = code[8:16], code[16]
        total = sum(int(c, 36) * weight for c, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
        assert body.startswith("YY")
        assert "0123456789X"[-total % 11] == check  # GB 11714-1997


@pytest.mark.parametrize(
    ("chain", "field"),
    [
        ("wenchang", "certificate_no"),
        ("taian", "licence_no"),
        ("wuhan", "deposit_no"),
        ("zhongyi", "serial_no"),
        ("zunyi", "certificate_no"),
        ("anshun", "receipt_no"),
        ("yanan", "record_no"),
        ("qingdao", "certificate_no"),
        ("nanjing", "heat_number"),
        ("chengdu", "serial_no"),
    ],
)
def test_the_number_of_a_certificate_is_given_once(chain: str, field: str) -> None:
    numbers = [content[field] for content in contents(chain)]
    assert len(set(numbers)) == len(numbers)


# --- rules of single sectors ----------------------------------------------------------------------------------------


def test_a_diploma_has_the_code_length_and_credits_of_its_degree() -> None:
    credit_ranges = {"bachelor": (120, 300), "master": (28, 60), "doctor": (12, 30)}
    for content in contents("wenchang"):
        least, most = credit_ranges[content["degree"]]
        assert least <= content["credits"] <= most
        assert (len(content["discipline_code"]) >= 6) == (content["degree"] == "bachelor")
        assert content["entered_on"] < content["conferred_on"]


def test_a_data_licence_ends_years_after_its_grant_and_free_data_is_unconditional_or_public() -> None:
    for row in sector("taian")[1]:
        assert row["granted_on"] < row["@valid_until"]
        assert row["sharing"] == "conditional" or row["fee_cny_per_year"] == "0"
        assert row["personal_data"] == "false" or (row["sharing"], row["data_grade"]) == ("conditional", "important")


def test_evidence_is_deposited_after_its_capture_under_the_digest_of_its_name() -> None:
    for content in contents("wuhan"):
        assert content["captured_at"] < content["deposited_at"]
        assert content["file_sha256"] == hashlib.sha256(content["evidence_name"].encode("utf-8")).hexdigest()
        assert ("duration_s" in content) == (content["evidence_type"] in ("audio", "video"))
        assert "page_count" not in content or content["evidence_type"] in ("document", "email")


def test_an_appliance_s_carton_holds_the_product_and_only_cooling_has_a_refrigerant() -> None:
    cooling = {"air-conditioner", "refrigerator", "dehumidifier", "water-heater"}
    for row in sector("zhongyi")[1]:
        assert row["carton_gtin"][:-1] == "1" + row["gtin"][:-1]
        assert row["gtin"].startswith("952")
        assert is_gtin(row["gtin"], 13)
        assert not row["refrigerant"] or row["category"] in cooling
        years = int(row["@valid_until"][:4]) - int(row["made_on"][:4])
        assert years in (8, 10)
        assert row["@valid_until"][4:] == row["made_on"][4:]


def test_green_electricity_adds_up() -> None:
    for content in contents("zunyi"):
        energy, capacity = Decimal(content["energy_mwh"]), Decimal(content["capacity_mw"])
        assert rounded(energy / capacity, "0.1") == Decimal(content["full_load_h"])
        avoided = rounded(energy * Decimal(content["grid_factor_t_per_mwh"]), "0.1")
        assert avoided == Decimal(content["avoided_co2_t"])
        assert content["grid_connected_on"][:7] < content["generation_month"]


def test_tax_adds_up_and_is_paid_after_its_period() -> None:
    for content in contents("anshun"):
        money = {
            name: Decimal(content[name]) for name in ("taxable_amount", "tax_due", "relief", "late_fee", "amount_paid")
        }
        assert rounded(money["taxable_amount"] * Decimal(content["rate_pct"]) / 100, "0.01") == money["tax_due"]
        net = money["tax_due"] - money["relief"]
        assert net >= 0
        assert rounded(net * Decimal("0.0005") * content["late_days"], "0.01") == money["late_fee"]
        assert net + money["late_fee"] == money["amount_paid"]
        assert content["period"] <= content["paid_on"][:7]


def test_a_dose_is_one_of_its_series_and_given_while_its_batch_is_good() -> None:
    courses: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for content in contents("yanan"):
        assert content["dose_number"] <= content["doses_in_series"]
        made = f"{content['batch_no'][:4]}-{content['batch_no'][4:6]}"
        assert made < content["given_on"] < content["expires_on"]
        course = (content["recipient_ref"], content["package_gtin"])
        courses.setdefault(course, []).append((content["given_on"], content["dose_number"]))
    followed = [doses for doses in courses.values() if len(doses) > 1]
    assert followed
    for doses in followed:
        assert all(later[0] > earlier[0] and later[1] == earlier[1] + 1 for earlier, later in pairwise(doses))


def test_a_port_lies_in_the_importing_country_and_a_share_of_value_is_stated_where_the_rule_needs_it() -> None:
    for content in contents("qingdao"):
        assert content["port_of_discharge"][:2] == content["importing_country"]
        assert content["origin_criterion"] != "RVC" or "regional_value_pct" in content
        assert content["origin_criterion"] != "WO" or content["hs_code"][:2] < "25" or content["hs_code"][:2] == "46"


def test_steel_has_the_strength_that_its_grade_names() -> None:
    named = re.compile(r"(?:Q|HRB|HPB|S)(\d{3})(?=[A-Z]|$)")
    graded = 0
    for content in contents("nanjing"):
        assert content["yield_strength_mpa"] < content["tensile_strength_mpa"]
        assert Decimal(content["p_pct"]) <= Decimal("0.045")
        assert Decimal(content["s_pct"]) <= Decimal("0.045")
        match = named.match(content["grade"])
        if match:
            graded += 1
            lower_when_thick = 25 if Decimal(content["size_mm"]) > 16 else 0
            assert content["yield_strength_mpa"] >= int(match[1]) - lower_when_thick
    assert graded >= 12


def test_an_aerospace_part_of_metal_names_its_heat_and_hardness_and_a_composite_does_not() -> None:
    for content in contents("chengdu"):
        metal = content["process"] != "composite-layup"
        assert ("heat_number" in content) == metal
        assert ("hardness_hv" in content) == metal
