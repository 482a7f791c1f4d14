"""Listings: a command declares its columns, this renders them as table, lines, JSON or by a template."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from handlers.faults import Fault, Reason
from handlers.format import functions, template
from handlers.format.budget import Budget
from handlers.format.evaluate import TemplateError
from handlers.format.tabs import align
from handlers.format.values import Value, View
from handlers.grammar.output import Document, Lines, Table

TABLE = "table"
JSON = "json"
HINT = "Fields and functions are those of the docker CLI; `--format json` shows the fields."

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A placeholder: its title in a table's header, and its cell of a row."""

    title: str
    cell: Callable[[Row], Value]


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """What a listing command can show.

    ``go_type`` is the name that the CLI's errors give the row. ``label`` answers ``{{.Label "x"}}``.
    ``encoding`` is told when a row is shown as JSON, from where on its cells may be other ones.
    """

    go_type: str
    columns: Mapping[str, Column[Row]]
    label: Callable[[Row, str], str] | None = None
    encoding: Callable[[Row], None] | None = None

    def view(self, row: Row) -> View:
        """The row as templates see it."""
        cells = {name: _bound(column.cell, row) for name, column in self.columns.items()}
        label, encoding = self.label, self.encoding
        return View(
            self.go_type,
            cells,
            None if label is None else lambda name: label(row, name),
            encoding=None if encoding is None else lambda: encoding(row),
        )

    def header(self) -> View:
        """The titles, as templates see them."""
        cells = {name: _bound(_title, column.title) for name, column in self.columns.items()}
        return View("formatter.SubHeaderContext", cells, label_title, open=True)

    def uses(self, form: str, blank: Row, column: str) -> bool:
        """Whether a template asks for a column; raises Fault when it is wrong for an empty row.

        The CLI tries a template before it asks the engine, so that it knows what to ask for.
        """
        try:
            parsed = template.parse(form)
        except TemplateError as error:
            raise template_fault(f"failed to parse template: {error}") from None
        row = self.view(blank)
        try:
            parsed.execute(row, Budget())
        except TemplateError as error:
            raise template_fault(f"failed to execute template: {error}") from None
        return column in row.touched

    def render(self, form: str, rows: Iterable[Row], *, typed: bool = True) -> Table | Lines | Document:
        """The rows by a format: ``table …`` aligned under titles, ``json`` a document a row, else lines.

        ``typed`` False is for a format of ours: its cost is not bounded. Raises Fault when the template is
        wrong.
        """
        is_table = form.startswith(TABLE)
        source = "{{json .}}" if form == JSON else form.removeprefix(TABLE) if is_table else form
        source = source.strip(" ").replace("\\t", "\t").replace("\\n", "\n")
        budget = Budget() if typed else Budget.of_ours()
        try:
            parsed = template.parse(source)
            texts = [parsed.execute(self.view(row), budget) for row in rows]
            if not is_table:
                text = "".join(f"{text}\n" for text in texts)
                return Document(text=text) if form == JSON else Lines(lines=tuple(text.split("\n")[:-1]))
        except TemplateError as error:
            raise template_fault(f"template parsing error: {error}") from None
        try:
            header = parsed.execute(self.header(), budget, table=functions.HEADER)
        except TemplateError:
            header = ""  # what works for rows need not work for titles; the CLI does without them
        return table(header, texts)


def table(header: str, texts: Sequence[str]) -> Table:
    """A table of tab-separated lines."""
    lines = "\n".join([header, *texts]).split("\n")
    return Table(
        header=tuple(header.split("\t")),
        rows=tuple(tuple(text.split("\t")) for text in texts),
        text="".join(f"{line}\n" for line in align(lines)),
    )


def template_fault(message: str, *, exit_code: int = 1) -> Fault:
    """The fault of a template that is wrong, with the CLI's sentence."""
    return Fault(message, reason=Reason.TEMPLATE, hint=HINT, exit_code=exit_code)


def label_title(name: str) -> str:
    """The title of a label's column: its last part, in words."""
    return name.rsplit(".", 1)[-1].replace("-", " ").replace("_", " ")


def join_labels(labels: Mapping[str, str] | None) -> str:
    """``key=value`` pairs, sorted by key."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))


def _title(title: str) -> str:
    return title


def _bound(cell: Callable[[Any], Value], row: Any) -> Callable[[], Value]:
    return lambda: cell(row)
