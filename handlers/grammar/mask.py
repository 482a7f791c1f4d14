"""Hides what may be secret in a line that did not parse; when in doubt it is hidden.

The line is not understood, so this goes by marks alone: spellings of secret options (also misspelt
ones, with long dashes, glued or in a cluster), names that look secret before ``=`` or after dashes,
user data in URLs.
"""

import re
from collections.abc import Iterator
from enum import Enum

from handlers.grammar import suggest
from handlers.grammar.command import Command, Opt
from handlers.grammar.flags import LONG_DASHES, table_of
from handlers.grammar.lookup import Catalogue
from handlers.grammar.secrecy import MASK, Region, looks_secret, merged, replace, secret_regions
from handlers.grammar.tokens import Token, scan

_DASHES = "-" + "".join(LONG_DASHES)
_QUOTES = str.maketrans("", "", "'\"\\")
_NAME = re.compile(r"""["']?[A-Za-z_][\w.\-]{0,127}=""", re.ASCII)
_OPTION = re.compile(rf"""["']?[{re.escape(_DASHES)}]{{0,8}}[\w.\-]{{1,128}}=""")


class Keep(Enum):
    """What of a secret value may be seen."""

    NAME = "name"
    """What stands before its ``=``."""
    NOTHING = "nothing"


ALWAYS = {"env": Keep.NAME, "build-arg": Keep.NAME, "secret": Keep.NAME, "password": Keep.NOTHING}
"""Long names that are secret in docker, whether or not the command that has them is offered."""

ALWAYS_LETTERS = {"e": Keep.NAME, "p": Keep.NOTHING}

_LOGIN = "login"


def masked(
    line: str, span: tuple[int, int] | None, catalogue: Catalogue
) -> tuple[str, tuple[int, int] | None]:
    """The line as it may be shown, and the span of the same text in it."""
    regions = merged(_Line(line, catalogue).regions())
    text = replace(line, regions)
    if span is None:
        return text, None
    start = _moved(span[0], regions, edge=0)
    return text, (start, max(start, _moved(span[1], regions, edge=len(MASK))))


def _moved(offset: int, regions: list[Region], *, edge: int) -> int:
    """Where an offset of the line is in the masked one; inside a mask, ``edge`` from its start."""
    shift = 0
    for start, end in regions:
        if offset <= start:
            break
        if offset < end:
            return start + shift + edge
        shift += len(MASK) - (end - start)
    return offset + shift


class _Line:
    """One line's words, and the options that they may be."""

    def __init__(self, line: str, catalogue: Catalogue) -> None:
        self.line = line
        self.words = list(scan(line))
        self.tail = self.words[-1].end if self.words else 0
        """Where the part begins that an open quote swallows; its words are guessed at."""
        command = _command(self.words, catalogue)
        self.known = table_of(command) if command else None
        self.longs, self.letters = dict(ALWAYS), dict(ALWAYS_LETTERS)
        for opt in (opt for each in catalogue.commands for opt in each.options.values() if opt.secret):
            self.longs[opt.long] = _keep(opt)
            if opt.short:
                self.letters[opt.short] = _keep(opt)
        for match in re.finditer(r"\S+", line[self.tail :]):
            start, end = match.start() + self.tail, match.end() + self.tail
            self.words.append(Token(match.group().translate(_QUOTES), start, end))
        known = self.known.longs.keys() if self.known else ()
        first = () if self.known else [word.text for word in self.words[:8]]
        self.logs_in = "password" in known or any(suggest.closest(word, [_LOGIN]) for word in first)
        """Whether there may be a password of several words that nobody put in quotes."""

    def regions(self) -> list[Region]:
        """What to mask."""
        regions: list[Region] = []
        value: Keep | None = None
        before = ""
        for word in self.words:
            text = word.text
            if before and not before.strip(_DASHES):  # a dash alone, as in `— env A=b`
                text = "--" + text.lstrip(_DASHES)
            found = [*self._value(word, value), *self._inside(word, text)]
            rest_too = self.logs_in and (value is Keep.NOTHING or self._glued(text) is Keep.NOTHING)
            if found and (rest_too or word.start >= self.tail):
                return [*regions, Region(min(region.start for region in found), len(self.line))]
            regions += found
            value = self._announces(text, before)
            before = text
        return regions

    def _value(self, word: Token, keep: Keep | None) -> Iterator[Region]:
        if keep is not None:
            yield self._from(word, 0, keep)

    def _inside(self, word: Token, text: str) -> Iterator[Region]:
        """What the word holds itself: a glued value, a NAME=VALUE that looks secret."""
        raw = self.line[word.start : word.end]
        plain = secret_regions(raw)
        yield from (Region(word.start + start, word.start + end) for start, end in plain)
        if not plain and secret_regions(word.text):  # quotes inside the name
            yield Region(word.start, word.end)
        bare = text.lstrip(_DASHES)
        if bare == text:
            return
        name, equals, value = bare.partition("=")
        keep = self._of_long(name)
        if keep is not None:
            if equals and value:
                glued = _OPTION.match(raw)
                yield self._from(word, glued.end() if glued else 0, keep)
            return
        if len(text) - len(bare) == 1:
            at, keep = self._in_cluster(bare)
            if keep is not None and at < len(bare):
                whole = len(raw) == len(text)
                skip = 1 + at + (bare[at] == "=")
                yield self._from(word, skip, keep) if whole else Region(word.start, word.end)

    def _glued(self, text: str) -> Keep | None:
        """How secret the value is that an option word holds itself."""
        bare = text.lstrip(_DASHES)
        name, equals, _ = bare.partition("=")
        if equals and bare != text and (keep := self._of_long(name)) is not None:
            return keep
        at, keep = self._in_cluster(bare) if len(text) - len(bare) == 1 else (len(bare), None)
        return keep if at < len(bare) else None

    def _announces(self, text: str, before: str) -> Keep | None:
        """Whether the next word is a secret's value."""
        bare = text.lstrip(_DASHES)
        name, _, value = bare.partition("=")
        if bare == text:
            assigned = text.endswith(("=", ":")) and looks_secret(text if len(text) > 1 else before)
            return Keep.NOTHING if assigned else None
        if value:
            return None
        keep = self._of_long(name)
        if keep is None and len(text) - len(bare) == 1 and not self._is_long(name):
            at, keep = self._in_cluster(bare)
            if bare[at:] not in ("", "="):
                return None
        return keep

    def _from(self, word: Token, skip: int, keep: Keep) -> Region:
        """The word's region from ``skip`` on, or from behind its name."""
        raw = self.line[word.start : word.end]
        named = _NAME.match(raw, skip) if keep is Keep.NAME else None
        return Region(word.start + (named.end() if named else skip), word.end)

    def _is_long(self, name: str) -> bool:
        return self.known is not None and name in self.known.longs

    def _of_long(self, name: str) -> Keep | None:
        """How secret the value of a long option is, misspelt or not; None for no secret."""
        if name in ALWAYS:
            return ALWAYS[name]
        if self.known is not None and name in self.known.longs:
            opt = self.known.longs[name].opt
            return _keep(opt) if opt.secret else None
        if name in self.longs:
            return self.longs[name]
        close = suggest.closest(name, self.longs) if len(name) > 1 else ()
        if close:
            return Keep.NAME if all(self.longs[each] is Keep.NAME for each in close) else Keep.NOTHING
        return Keep.NOTHING if looks_secret(name) else None

    def _in_cluster(self, letters: str) -> tuple[int, Keep | None]:
        """Where the value of the first secret letter of a cluster begins."""
        if self._is_long(letters.partition("=")[0]):
            return len(letters), None
        for at, letter in enumerate(letters, start=1):
            flag = self.known.shorts.get(letter) if self.known else None
            if flag is None:
                if letter in self.letters:
                    return at, self.letters[letter]
            elif flag.opt.secret:
                return at, _keep(flag.opt)
            elif flag.opt.type.bare is None:
                break
        return len(letters), None


def _keep(opt: Opt) -> Keep:
    return Keep.NAME if opt.type.repeatable else Keep.NOTHING


def _command(words: list[Token], catalogue: Catalogue) -> type[Command] | None:
    """The command among the first words, wherever options before it end."""
    texts = [word.text for word in words[:8]]
    for at in range(len(texts)):
        command = catalogue.find(texts[at : at + 2])
        if command is not None:
            return command
    return None
