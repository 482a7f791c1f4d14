"""Builds a command from the options and arguments that were read; the CLI's checks in the CLI's order."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from handlers.faults import Reason, UsageFault
from handlers.grammar import usage
from handlers.grammar.command import Command
from handlers.grammar.flags import Flag, Given, Table, table_of
from handlers.grammar.tokens import Token
from permissions.verbs import Kind


class Spoken(NamedTuple):
    """A command as the line names it.

    ``spelling`` is the one that messages use, ``span`` where the command's words stand, ``options`` and
    ``arguments`` are in the line's order.
    """

    command: type[Command]
    spelling: str
    span: tuple[int, int]
    options: tuple[Given, ...]
    arguments: tuple[Token, ...]


def assemble(spoken: Spoken, values: dict[str, Any]) -> Command:
    """The command with the options' ``values`` by field (lists where repeatable) and its arguments.

    Raises UsageFault: wrong number of arguments, two spellings of one option, the command's own check.
    """
    table = table_of(spoken.command)
    _count(spoken, table)
    _refuse_both_spellings(spoken.options)
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    _fill(fields, table, spoken.arguments)
    command = _built(spoken, fields)
    try:
        command.check()
        _refuse_blank_names(command)
    except UsageFault as fault:
        if fault.span is None:
            fault.span = _span_of(fault.message, spoken)
        if not fault.usage and fault.message.startswith("docker: "):
            fault.usage = usage.run_help(spoken.spelling)
        raise
    return command


def _refuse_blank_names(command: Command) -> None:
    """An image without a name is refused by the engine, anything else by the CLI."""
    for name, arg in command.arguments.items():
        if arg.resource in (None, Kind.IMAGE, Kind.REGISTRY) or arg.new:
            continue
        value = getattr(command, name)
        texts = value if isinstance(value, tuple) else () if value is None else (value,)
        if any(not text.strip() for text in texts):
            # What may be of any kind is looked up as a container first.
            kind = Kind.CONTAINER if arg.resource is Kind.SYSTEM else arg.resource
            raise UsageFault(
                f"invalid {kind} name or ID: value is empty",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint=f"Name the {kind}.",
            )


def _count(spoken: Spoken, table: Table) -> None:
    least, most, arguments = table.least, table.most, spoken.arguments
    if len(arguments) >= least and (most is None or len(arguments) <= most):
        return
    if most == 0:
        needs = "accepts no arguments"
    elif most is None:
        needs = f"requires at least {_arguments(least)}"
    elif least == most:
        needs = f"requires {_arguments(least)}"
    elif least == 0:
        needs = f"requires at most {_arguments(most)}"
    else:
        needs = f"requires at least {least} and at most {_arguments(most)}"
    extra = arguments[most:] if most is not None else ()
    raise UsageFault(
        f"docker: 'docker {spoken.spelling}' {needs}",
        reason=Reason.WRONG_ARGUMENTS,
        span=(extra[0].start, extra[-1].end) if extra else spoken.span,
        hint=f"For example: `{spoken.command.example}`.",
        usage=usage.pointer(spoken.command, spoken.spelling, "See" if most is None else "Run"),
        exit_code=1,
    )


def _arguments(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}"


def _refuse_both_spellings(options: Sequence[Given]) -> None:
    names = {given.flag.name for given in options}
    for given in options:
        new, old = given.flag.deprecated_for, given.flag.name
        if new in names:
            message = f"conflicting options: cannot specify both --{new} and --{old}"
            raise UsageFault(message, span=given.span, exit_code=1)


def _fill(fields: dict[str, Any], table: Table, arguments: Sequence[Token]) -> None:
    """Gives the arguments to the fields in order; fields that get none stay unset."""
    for at, (name, fill) in enumerate(table.positions):
        if at >= len(arguments):
            return
        if fill == "rest":
            fields[name] = tuple(token.text for token in arguments[at:])
        else:
            fields[name] = arguments[at].text


def _built(spoken: Spoken, fields: dict[str, Any]) -> Command:
    try:
        return spoken.command.model_validate(fields)
    except ValidationError as error:
        field = str(next(iter(error.errors()[0]["loc"]), ""))
    arg = spoken.command.arguments.get(field)
    label, span = arg.metavar if arg else field, spoken.span
    for given in spoken.options:
        if given.flag.field == field:
            label, span = given.flag.label, given.value_span
    raise UsageFault(
        f"invalid value for {label}",
        reason=Reason.BAD_VALUE,
        span=span,
        usage=usage.pointer(spoken.command, spoken.spelling),
    )


def _span_of(message: str, spoken: Spoken) -> tuple[int, int]:
    """Where a command's own check points: the last option that its sentence names, else what it quotes."""
    words = message.replace(",", " ").replace(":", " ").split()
    spans = [given.span for given in spoken.options if f"--{given.flag.opt.long}" in words]
    quoted = [(given.text, given.value_span) for given in spoken.options]
    quoted += [(token.text, (token.start, token.end)) for token in spoken.arguments]
    spans = spans or [span for text, span in quoted if repr(text) in message]
    return spans[-1] if spans else spoken.span


def warnings(options: Iterable[Given]) -> tuple[str, ...]:
    """What the CLI says of deprecated spellings, once each."""
    old: dict[str, Flag] = {given.flag.name: given.flag for given in options if given.flag.deprecated_for}
    return tuple(f"Flag --{n} has been deprecated, use --{f.deprecated_for} instead" for n, f in old.items())
