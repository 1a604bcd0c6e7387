"""Whether this node knows what its replicas have signed, as files in its data folder (protocol 24.2).

`may-sign` is left by whoever makes a network, for the first start, and by an operator who takes it upon himself that
a replica signs again; it is used up by one start. `abstains` names the chains whose replica does not know, one per
line: a restart does not make it know.
"""

import os
from pathlib import Path
from typing import Final

MAY_SIGN: Final = "may-sign"
ABSTAINS: Final = "abstains"


class SignState:
    """The two files in a data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / ABSTAINS
        self._abstaining = set(path.read_text("ascii").split()) if path.exists() else set()

    @property
    def may_sign(self) -> bool:
        """Whether somebody answers for this start."""
        return (self._folder / MAY_SIGN).exists()

    def abstains(self, chain_id: str) -> bool:
        """Whether the replica of a chain does not know what it has signed."""
        return chain_id in self._abstaining

    def forgot(self, *chain_ids: str) -> None:
        """These replicas do not know what they have signed: durable before anything else happens."""
        self._write(self._abstaining | set(chain_ids))

    def knows(self, *chain_ids: str) -> None:
        """These replicas are past what they may have signed, or somebody answers for them."""
        self._write(self._abstaining - set(chain_ids))

    def use_up(self) -> None:
        """The log is begun: the answer for this start is used up."""
        (self._folder / MAY_SIGN).unlink(missing_ok=True)
        _sync(self._folder)

    def _write(self, abstaining: set[str]) -> None:
        if abstaining == self._abstaining:
            return
        path, new = self._folder / ABSTAINS, self._folder / f"{ABSTAINS}.new"
        with new.open("w", encoding="ascii") as file:
            file.write("".join(f"{chain_id}\n" for chain_id in sorted(abstaining)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(self._folder)
        self._abstaining = abstaining


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
