"""What a command hands back: data, never Slack text.

``stdout`` and ``stderr`` are what the docker CLI would have printed; the worker spools them and the
Slack side renders the same data as blocks.
"""

from typing import Literal

from permissions.model import Record


class Failure(Record):
    """One target that failed while others went on: closed reason, the CLI's sentence."""

    reason: str
    message: str


class Output(Record):
    """The base of every kind: the exit code and the per-target failures.

    ``note`` is for people alone: the CLI prints nothing of the kind.
    """

    exit_code: int = 0
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    note: str = ""

    @property
    def stdout(self) -> str:
        """The text the CLI prints on stdout, with its final newline."""
        return ""

    @property
    def stderr(self) -> str:
        """The text the CLI prints on stderr: warnings, then one line a failure."""
        lines = [*self.warnings, *(failure.message for failure in self.failures)]
        return "".join(f"{line}\n" for line in lines)


class Lines(Output):
    """Plain lines: ids, names, progress that is over."""

    kind: Literal["lines"] = "lines"
    lines: tuple[str, ...] = ()

    @property
    def stdout(self) -> str:
        """One line each."""
        return "".join(f"{line}\n" for line in self.lines)


class Table(Output):
    """Rows under a header; ``text`` is the CLI's aligned rendering of the same cells."""

    kind: Literal["table"] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: str

    @property
    def stdout(self) -> str:
        """The aligned rendering."""
        return self.text


class Document(Output):
    """One text with inner structure, shown preformatted: JSON, ``version``."""

    kind: Literal["document"] = "document"
    text: str

    @property
    def stdout(self) -> str:
        """The text as it is."""
        return self.text


class Stream(Output):
    """The text already went out through ``Context.stdout`` and ``Context.stderr``."""

    kind: Literal["stream"] = "stream"
