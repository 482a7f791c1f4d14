"""Go's text/template for ``--format``: parse once, execute on rows or documents, within a budget.

What the rest of the project knows of templates is :func:`parse` and :meth:`Template.execute`. Behind
them (here, in ``evaluate``, ``nodes`` and ``functions``, nowhere else) ``gotpl`` parses and formats
``printf``; the evaluation is ours, because the CLI's users see Go's sentences (``can't evaluate field X
in type …``) with Go's columns, because the engine's JSON has to look like Go's typed structs, and
because the cost has to be bounded (the library bounds neither widths nor intermediate texts).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from gotpl.errors import TemplateSyntaxError
from gotpl.parse.nodes import DefinitionNode, ListNode, TextNode
from gotpl.parse.parser import ParserLimits, parse_template

from handlers.format import functions
from handlers.format.budget import SOURCE_CHARS, Budget, refused
from handlers.format.evaluate import Evaluation, Scope, TemplateError
from handlers.format.values import Value

LIMITS = ParserLimits(max_source_bytes=4 * SOURCE_CHARS, max_tokens=SOURCE_CHARS, max_nesting=50)
_UNDEFINED = re.compile(r"function '(.*)' not defined")
_KEYWORD = re.compile(r"unexpected (end|else|define)(?: in control body)?")
_OUTSIDE = re.compile(r"(break|continue) outside range")
_TOKEN = re.compile(r"unexpected '(.*)'")
_CLAUSES = re.compile(r"(missing value for|too many declarations in) command")
_CLAUSE = re.compile(r"(?:else\s+)?(if|with|range|block)\b")
_WORD = re.compile(r"[\s}]")
_CALLED = re.compile(r"(?<![\w.$])[^\W\d]\w*$")
_KNOWN = {*functions.ALL, "and", "or", "true", "false", "nil"}
_CHARACTERS = re.compile(r"'(?:[^'\\]|\\.)*'")
_NUMBER_AT_END = re.compile(r"(?<![\w.])\d[\d_]*\.$")
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; ``source`` is its text."""

    source: str
    name: str
    root: ListNode
    definitions: dict[str, ListNode]

    def execute(
        self,
        data: Value,
        budget: Budget,
        *,
        table: functions.Table = functions.ALL,
        missing_key_fails: bool = False,
    ) -> str:
        """The text for one value; raises TemplateError, and Fault when the budget is used up.

        ``missing_key_fails`` is Go's option ``missingkey=error``.
        """
        run = Evaluation(
            self.source, self.name, self.definitions, budget, table, missing_key_fails=missing_key_fails
        )
        try:
            run.walk(data, self.root, Scope({"$": data}))
        except RecursionError:
            raise refused("is nested too deeply") from None
        return "".join(run.output)


@lru_cache(maxsize=64)  # most listings are shown by the same few templates, and nothing changes a parsed one
def parse(source: str, name: str = "") -> Template:
    """Parses a template; raises TemplateError with Go's sentence, Fault when it is too big.

    ``name`` stands in Go's error sentences.
    """
    if len(source) > SOURCE_CHARS:
        raise refused(f"is longer than {SOURCE_CHARS} characters")
    try:
        parsed = parse_template(source, name="", functions=functions.ALL, limits=LIMITS)
    except TemplateSyntaxError as error:
        message = str(error).split(": ", 1)[1]
        if "limit exceeded" in message:
            raise refused("is nested too deeply") from None
        raise TemplateError(
            f"template: {name}:{error.line}: {_go_sentence(message, source, error.position)}"
        ) from None
    except RecursionError:
        raise refused("is nested too deeply") from None
    except ValueError:
        # Python's own bound on the digits of a number.
        raise TemplateError(f"template: {name}:1: integer overflow") from None
    return Template(
        source, name, parsed.root, {d.name: d.body for d in parsed.definitions if _has_content(d)}
    )


def _has_content(definition: DefinitionNode) -> bool:
    # Go keeps an empty definition only when there is no other; an absent one fails when it is called.
    nodes = definition.body.nodes
    return any(not isinstance(node, TextNode) or node.text.strip() for node in nodes) or not nodes


def _go_sentence(message: str, source: str, position: int) -> str:  # noqa: PLR0911 - a sentence each
    """The library's sentence in Go's words, where they differ; ``position`` counts bytes."""
    before, after = (part.decode(errors="replace") for part in _cut(source.encode(), position))
    if malformed := _malformed(message, source, after):
        return malformed
    if match := _UNDEFINED.fullmatch(message):
        return f'function "{match[1]}" not defined'
    if match := _KEYWORD.fullmatch(message):
        return f"unexpected {{{{{match[1]}}}}}"
    if match := _OUTSIDE.fullmatch(message):
        return f"{{{{{match[1]}}}}} outside {{{{range}}}}"
    if match := _CLAUSES.fullmatch(message):
        clause = _CLAUSE.match(before.rpartition("{{")[2].lstrip("- \t\n"))
        word = "command" if clause is None else "block clause" if clause[1] == "block" else clause[1]
        return f"{match[1]} {word}"
    if message == "expected quoted template name":
        return f'unexpected "{_WORD.split(after, maxsplit=1)[0]}" in template clause'
    if message == "unexpected pipe":
        return 'unexpected "|" in command'
    called = _CALLED.search(before) if after.startswith(".") else None
    if called and called[0] not in _KNOWN:
        return f'function "{called[0]}" not defined'
    if match := _TOKEN.fullmatch(message):
        return "unexpected <.> in operand" if match[1] == "." else f'unexpected "{match[1]}" in command'
    return _QUOTED.sub(r'"\1"', message)


def _malformed(message: str, source: str, after: str) -> str:
    """Go's sentence for a number or a character that is none; "" for anything else."""
    if message == "unclosed action" and source.endswith(".") and not _NUMBER_AT_END.search(source):
        return 'illegal number syntax: "."'
    match = _CHARACTERS.match(after) if message == "invalid character constant" else None
    return f"malformed character constant: {match[0]}" if match else ""


def _cut(source: bytes, position: int) -> tuple[bytes, bytes]:
    return source[:position], source[position:]
