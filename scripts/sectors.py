"""The ten sectors of the sample data: one chain, class, schema and CSV file each (scripts/samples)."""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from credentials.schema import ClassSchema, content_of_row, parse_schema

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """A sector: its chain and class, names, and where its rows and schema are."""

    chain_id: str
    class_id: str
    name_en: str
    name_zh: str
    csv: Path
    document: dict[str, Any]

    @property
    def schema(self) -> ClassSchema:
        """The parsed schema."""
        return parse_schema(self.document)

    def rows(self) -> list[dict[str, str]]:
        """The rows of the CSV file, as text."""
        with self.csv.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def sample(self) -> dict[str, Any]:
        """One valid content."""
        content = {name: cell for name, cell in self.rows()[0].items() if not name.startswith("@")}
        return content_of_row(self.schema, content)


@cache
def load_sectors() -> dict[str, Sector]:
    """The sectors by chain id."""
    entries = json.loads((SAMPLES / "index.json").read_text("utf-8"))
    return {
        entry["chain"]: Sector(
            chain_id=entry["chain"],
            class_id=entry["class"],
            name_en=entry["name_en"],
            name_zh=entry["name_zh"],
            csv=SAMPLES / entry["csv"],
            document=json.loads((SAMPLES / entry["schema"]).read_text("utf-8")),
        )
        for entry in entries
    }
