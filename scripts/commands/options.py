"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", metavar="DIR", envvar="CERTNET_DIR", help="The network's folder.")]
Tenant = Annotated[str, typer.Option("--as", metavar="TENANT", help="owner, operator, platform or regulator.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CertificateId = Annotated[str, typer.Argument(metavar="ID", help="As the mint answered: id or uid.")]
Reason = Annotated[str, typer.Option(help="A code of a-z and hyphens.")]
Propose = Annotated[
    Path | None, typer.Option("--propose", metavar="FILE", help="Write the change for others to sign; send nothing.")
]
Ahead = Annotated[int, typer.Option(min=3, max=900, help="With --propose: in how many blocks it takes effect.")]
DEFAULT_DATA = Path(".certnet")
