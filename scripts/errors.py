"""What a command can end with besides success."""


class CommandFailed(Exception):
    """A command cannot do what was asked; the message is one line with cause and next step."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
