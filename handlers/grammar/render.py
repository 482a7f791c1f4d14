"""Commands back as lines: the canonical one that parses to the same command, and the one people see."""

import shlex

from handlers.grammar.command import Command
from handlers.grammar.flags import LONG_DASHES
from handlers.grammar.secrecy import BULLET, masked_value, replace, secret_regions


def argv(command: Command) -> tuple[str, ...]:
    """The words of the command with every given option by its long name.

    ``parse(shlex.join(argv(command)), …)`` is the same command, and what was unset stays unset.
    It holds secrets in the clear; :func:`shown` does not.
    """
    return _words(command, secrets=True)


def shown(command: Command) -> str:
    """The line that people may see: values of secret options masked, names before ``=`` kept."""
    return " ".join(_quoted(word) for word in _words(command, secrets=False))


def _words(command: Command, *, secrets: bool) -> tuple[str, ...]:
    words = ["docker", *command.path.split()]
    for field, opt in command.options.items():
        if field not in command.model_fields_set:
            continue
        value = getattr(command, field)
        if value is None:
            continue
        name = f"--{opt.long}"
        if opt.type.bare is not None:
            shown = opt.type.show(value)
            words.append(name if shown == opt.type.bare else f"{name}={shown}")
            continue
        texts = [opt.type.show(item) for item in value] if opt.type.repeatable else [opt.type.show(value)]
        if opt.type.split and not texts:
            texts = [""]
        for text in texts:
            words += [name, text if secrets else masked_value(opt, text)]
    return (*words, *_arguments(command, secrets=secrets))


def _arguments(command: Command, *, secrets: bool) -> list[str]:
    texts: list[str] = []
    for field in command.arguments:
        value = getattr(command, field)
        if field in command.model_fields_set and value is not None:
            texts += value if isinstance(value, tuple) else [value]
    dashed = [text.startswith(("-", *LONG_DASHES)) and text != "-" for text in texts]
    guard = ["--"] if (any(dashed) if command.interspersed else dashed[:1] == [True]) else []
    return guard + (texts if secrets else [_argument_shown(text) for text in texts])


def _argument_shown(text: str) -> str:
    return replace(text, secret_regions(text))


def _quoted(word: str) -> str:
    """Quoted for a shell where it must be; the mask alone does not need it."""
    plain = word.replace(BULLET, "x")
    return word if shlex.quote(plain) == plain else shlex.quote(word)
