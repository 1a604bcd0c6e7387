"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

PERSON = "An address, or a demo account's name, such as bob."
TIME = "RFC 3339, such as 2035-12-31."
Data = Annotated[Path, typer.Option("--data", metavar="DIR", envvar="CERTNET_DIR", help="The network's folder.")]
Tenant = Annotated[str, typer.Option("--as", metavar="TENANT", help="owner, operator, platform or regulator.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CertificateId = Annotated[str, typer.Argument(metavar="ID", help="As the mint answered: id or uid.")]
Reason = Annotated[str, typer.Option(help="A code of a-z and hyphens.")]
Account = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help=f"Which of the key's accounts signs; else its first. {PERSON}")
]
Chain = Annotated[str, typer.Argument(metavar="CHAIN", help="One of the ten, such as wenchang.")]
Given = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE", help="Arguments; a value is text, or JSON after `:=` instead of `=`."),
]
Content = Annotated[
    Path, typer.Argument(metavar="CONTENT.json", help="A file: the fields of the class as one JSON object.")
]
ValidUntil = Annotated[str | None, typer.Option(help=TIME)]
Propose = Annotated[
    Path | None, typer.Option("--propose", metavar="FILE", help="Write the change for others to sign; send nothing.")
]
Ahead = Annotated[int, typer.Option(min=3, max=900, help="With --propose: in how many blocks it takes effect.")]
DEFAULT_DATA = Path(".certnet")
