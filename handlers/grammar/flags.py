"""Reads options the way pflag does: clusters, glued values, ``=``, ``--``, options that stop early."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handlers.faults import Reason
from handlers.grammar.command import Command, Opt
from handlers.grammar.gonumbers import quote
from handlers.grammar.secrecy import MASK, repeatable_text
from handlers.grammar.tokens import Token
from handlers.grammar.values import BOOL, DURATION, INT

LONG_DASHES = ("\N{EM DASH}", "\N{EN DASH}", "\N{HORIZONTAL BAR}", "\N{MINUS SIGN}", "\N{FIGURE DASH}")
_DASHES = "-" + "".join(LONG_DASHES)


class Edit(NamedTuple):
    """A replacement of ``start`` to ``end`` of the line by the words ``text``, already quoted."""

    start: int
    end: int
    text: str


class Misread(Exception):  # noqa: N818 - it is what happened; the parser makes a UsageFault of it
    """An option that cannot be read; ``edits`` are plausible corrections."""

    def __init__(
        self,
        message: str,
        span: tuple[int, int],
        reason: Reason,
        *,
        edits: Sequence[Edit] = (),
        misspelt: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.reason = reason
        self.edits = tuple(edits)
        self.misspelt = misspelt
        """The option's name as typed, where it is not known."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One spelling of an option: the field it sets ("" for ``--help``) and how messages name it."""

    field: str
    name: str
    label: str
    opt: Opt
    deprecated_for: str = ""


class Given(NamedTuple):
    """One option as it was met: its value's text, the value's span, the option's span."""

    flag: Flag
    text: str
    value_span: tuple[int, int]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Table:
    """The options of one command by long name and by letter, and how many arguments it takes.

    ``most`` is None without a limit. ``positions`` are the fields in order with how each is filled:
    ``one``, ``maybe`` or ``rest``.
    """

    longs: Mapping[str, Flag]
    shorts: Mapping[str, Flag]
    interspersed: bool = True
    positions: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int | None = 0


HELP_OPT = Opt("--help", help="Print usage", type=BOOL)
HELP = Flag("", "help", "--help", HELP_OPT)
HELP_LETTER = Flag("", "help", "--help", HELP_OPT, deprecated_for="help")
HELPS = (HELP, HELP_LETTER)
DRY_RUN = Flag("", "dry-run", "--dry-run", Opt("--dry-run", help="Show the calls, change nothing", type=BOOL))
REASON = Flag("", "reason", "--reason", Opt("--reason", help="Why; shown to those who have to agree"))
TIMES = Flag("", "times", "--times", Opt("--times", help="How often, by one approval", type=INT, hidden=True))
WITHIN = Flag(
    "", "within", "--within", Opt("--within", help="How long --times is good for", type=DURATION, hidden=True)
)
BREAK_GLASS = Flag(
    "",
    "break-glass",
    "--break-glass",
    Opt("--break-glass", help="Run it at once, and why it cannot wait"),
)
OURS = (DRY_RUN, REASON, TIMES, WITHIN, BREAK_GLASS)
"""On every command that changes something; docker's own help does not have them."""


def flags_of(options: Mapping[str, Opt]) -> tuple[dict[str, Flag], dict[str, Flag]]:
    """Every spelling of the options: by long name, by letter; ``--help`` and ``-h`` unless taken."""
    longs, shorts = {"help": HELP}, {"h": HELP_LETTER}
    for field, opt in options.items():
        label = f"-{opt.short}, --{opt.long}" if opt.short else f"--{opt.long}"
        main = Flag(field, opt.long, label, opt)
        longs[opt.long] = main
        if opt.short:
            shorts[opt.short] = main
        for spelling in opt.hidden_names:
            name = spelling.removeprefix("--")
            longs[name] = Flag(field, name, spelling, opt)
        for spelling in opt.deprecated:
            name = spelling.removeprefix("--")
            longs[name] = Flag(field, name, spelling, opt, deprecated_for=opt.long)
    return longs, shorts


_TABLES: dict[type[Command], Table] = {}


def table_of(command: type[Command]) -> Table:
    """The command's table, made once; raises TypeError when its arguments cannot be filled in order."""
    table = _TABLES.get(command)
    if table is None:
        table = _TABLES[command] = _make_table(command)
    return table


def _make_table(command: type[Command]) -> Table:
    longs, shorts = flags_of(command.options)
    if not command.verb.reads:
        for flag in OURS:
            longs.setdefault(flag.name, flag)
    positions = []
    least, most = 0, 0
    endless = False
    for name, arg in command.arguments.items():
        field = command.model_fields[name]
        many = getattr(field.annotation, "__origin__", None) is tuple
        fill = "rest" if many else "one" if field.is_required() else "maybe"
        if endless or (fill == "one" and least < most):
            raise TypeError(f"{command.__name__}.{name}: an argument follows one that takes the rest")
        positions.append((name, fill))
        least += arg.least if many else int(fill == "one")
        most += int(not many)
        endless = endless or many
    return Table(longs, shorts, command.interspersed, tuple(positions), least, None if endless else most)


def read(tokens: Sequence[Token], table: Table, rest: list[Token]) -> Iterator[Given]:
    """Yields the options in order and puts the arguments into ``rest``; raises Misread."""
    position, count = 0, len(tokens)
    while position < count:
        token = tokens[position]
        position += 1
        text = token.text
        if not text.startswith("-") or text == "-":
            if text.startswith(LONG_DASHES):
                raise _long_dash(tokens, position - 1, table)
            rest.append(token)
            if not table.interspersed:
                break
        elif text == "--":
            break
        elif text.startswith("--"):
            given = _long(token, tokens[position] if position < count else None, table)
            position += given.span[1] > token.end
            yield given
        else:
            for given in _cluster(token, tokens[position] if position < count else None, table):
                position += given.span[1] > token.end
                yield given
    rest.extend(tokens[position:])


def _long(token: Token, following: Token | None, table: Table) -> Given:
    span = (token.start, token.end)
    name, equals, value = token.text[2:].partition("=")
    if not name or name.startswith("-"):
        raise Misread(f"bad flag syntax: {repeatable_text(token.text)}", span, Reason.USAGE)
    flag = table.longs.get(name)
    if flag is None:
        shown = "".join(name.split()[:1])  # what follows a blank inside the word could be its value
        raise Misread(f"unknown flag: --{shown}", span, Reason.UNKNOWN_OPTION, misspelt=name)
    if equals:
        return Given(flag, value, _part(token, len(name) + 3), span)
    if flag.opt.type.bare is not None:
        return Given(flag, flag.opt.type.bare, span, span)
    if following is None:
        raise Misread(f"flag needs an argument: {token.text}", span, Reason.BAD_VALUE)
    return Given(flag, following.text, (following.start, following.end), (token.start, following.end))


def _cluster(token: Token, following: Token | None, table: Table) -> Iterator[Given]:
    span = (token.start, token.end)
    letters, at = token.text[1:], 1
    while letters:
        letter = letters[0]
        flag = table.shorts.get(letter)
        if flag is None:
            message = (
                f"unknown shorthand flag: {quote(letter, chr(39))} in -{_without_secret(letters, table)}"
            )
            raise Misread(message, span, Reason.UNKNOWN_OPTION, misspelt=token.text[1:])
        bare = flag.opt.type.bare
        if len(letters) > 2 and letters[1] == "=":
            yield Given(flag, letters[2:], _part(token, at + 2), span)
            return
        if bare is None:
            if len(letters) > 1:
                yield Given(flag, letters[1:], _part(token, at + 1), span)
            elif following is not None:
                yield Given(
                    flag, following.text, (following.start, following.end), (token.start, following.end)
                )
            else:
                message = f"flag needs an argument: {quote(letter, chr(39))} in -{letters}"
                raise Misread(message, span, Reason.BAD_VALUE)
            return
        yield Given(flag, bare, span, span)
        letters, at = letters[1:], at + 1


def _without_secret(letters: str, table: Table) -> str:
    """A cluster as a message may repeat it: what would be the value of a secret option is masked."""
    for at, letter in enumerate(letters):
        flag = table.shorts.get(letter)
        if flag is not None and flag.opt.secret and at + 1 < len(letters):
            return letters[: at + 1] + MASK
    return repeatable_text(letters)


def _part(token: Token, skip: int) -> tuple[int, int]:
    """The span of a token's text from ``skip`` on; the whole word where quotes hide the place."""
    plain = token.end - token.start == len(token.text) and skip < len(token.text)
    return (token.start + skip if plain else token.start, token.end)


def _long_dash(tokens: Sequence[Token], position: int, table: Table) -> Misread:
    """A long dash where an option was meant: ``—format=x``, ``— digests``, ``— no -trunc``."""
    token = tokens[position]
    edits = []
    words = [token, *tokens[position + 1 : position + 3]]
    start = 0 if token.text.strip(_DASHES) else 1
    for last in range(start, min(start + 2, len(words))):
        name = "-".join(word.text.lstrip(_DASHES) for word in words[start : last + 1]).partition("=")[0]
        if name in table.longs:
            # Only what stands before the last word goes, so that the word keeps its quotes.
            word = words[last]
            keep = word.start + len(word.text) - len(word.text.lstrip(_DASHES))
            joined = "".join(word.text.lstrip(_DASHES) + "-" for word in words[start:last])
            edits.append(Edit(token.start, keep, "--" + joined))
            break
    message = f"a long dash does not begin an option: {repeatable_text(token.text)}"
    return Misread(message, (token.start, token.end), Reason.UNKNOWN_OPTION, edits=edits)
