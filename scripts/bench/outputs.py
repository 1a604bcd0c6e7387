"""Where the results of a run go: JSON, plots, and a page that links to them."""

import json
import os
from pathlib import Path
from typing import Any

from scripts.bench.plots import write_plots
from scripts.bench.report import as_markdown, kept_sections


def write_outputs(
    document: dict[str, Any], command: str, *, json_file: Path | None, plots: Path | None, page: Path | None
) -> None:
    """Write what is wanted; a page names the command, and keeps the sections that people have written."""
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    drawn = write_plots(document, plots) if plots is not None else {}
    if page is not None:
        links = {name: os.path.relpath(path, page.parent) for name, path in drawn.items()}
        page.write_text(as_markdown(document, command, links) + kept_sections(page), "utf-8")
