"""``inspect``: JSON as the engine sent it, or a template over its typed form."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from handlers.container.targets import sentence
from handlers.context import Json
from handlers.faults import Fault, JobFault, Reason
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.encode import indented, one_line
from handlers.format.evaluate import TemplateError
from handlers.format.listing import JSON, template_fault
from handlers.format.values import StructType
from handlers.grammar.output import Document, Failure

BAD_TEMPLATE = 64


class Found(NamedTuple):
    """One object's JSON and the CLI's own type for it."""

    data: Json
    view: StructType


def inspect(
    names: Iterable[str], fetch: Callable[[str], Json], view: StructType, form: str, *, plain: bool = True
) -> Document:
    """Every named object of one kind; ``fetch`` gets its JSON and raises Fault. See :func:`inspect_any`."""
    return inspect_any(names, lambda name: Found(fetch(name), view), form, plain=plain)


def inspect_any(
    names: Iterable[str], find: Callable[[str], Found], form: str, *, plain: bool = True
) -> Document:
    """Every named object by a format ("" is indented JSON); those that fail do not stop the others.

    ``find`` gets one object and raises Fault. A template sees the object as the CLI's own type and, where
    that does not work out and ``plain`` allows it, as plain JSON. Raises Fault when the template does not
    parse or costs too much.
    """
    parsed = None if form in ("", JSON) else parse(form)
    found: list[Json] = []
    texts: list[str] = []
    failures: list[Failure] = []
    budget = Budget()
    for name in names:
        try:
            data, view = find(name)
        except JobFault:
            raise
        except Fault as fault:
            failures.append(Failure(reason=fault.reason, message=sentence(fault)))
            continue
        found.append(data)
        if parsed is not None:
            try:
                texts.append(f"{apply(parsed, data, view, budget, plain=plain)}\n")
            except TemplateError as error:
                failures.append(Failure(reason=Reason.TEMPLATE, message=f"template parsing error: {error}"))
    if parsed is not None:
        text = "".join(texts) or "\n"
    else:
        text = indented(found) if form == "" else one_line(found)
    return Document(text=text, failures=tuple(failures), exit_code=int(bool(failures)))


def parse(form: str, name: str = "") -> template.Template:
    """Parses a document's template; raises Fault with the CLI's sentence and exit code."""
    try:
        return template.parse(form, name)
    except TemplateError as error:
        raise _refused(error) from None


def apply(
    parsed: template.Template, data: Json, view: StructType, budget: Budget, *, plain: bool = True
) -> str:
    """A template on the typed form, else on the plain one if it may be; raises TemplateError of the last."""
    try:
        return parsed.execute(view.decode(data), budget)
    except TemplateError:
        if not plain:
            raise
        return parsed.execute(data, budget, missing_key_fails=True)


def _refused(error: TemplateError) -> Fault:
    return template_fault(f"template parsing error: {error}", exit_code=BAD_TEMPLATE)
