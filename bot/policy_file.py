"""Reads the policy: YAML with line and column into :class:`permissions.policy.Policy`, all or nothing.

A file is read once; what was hashed is what was parsed. Every mistake is listed, each as
``file:line:column: sentence``. Anchors and aliases are not read: a policy says in one place what it
means, and no small file can unfold into a large one.
"""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node

from bot.policy_reading import KnownCommand, Mistake, Reading
from permissions.model import Record
from permissions.policy import Policy

__all__ = ["KnownCommand", "LoadedPolicy", "Mistake", "PolicyError", "PolicyHolder", "load"]

MAX_BYTES = 1024 * 1024
"""The longest policy file that is read."""


class PolicyError(Exception):
    """The policy cannot be used. ``mistakes`` are in the order of the file; the text lists all of them."""

    def __init__(self, path: Path, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(f"{path}:{m.line}:{m.column}: {m.sentence}" for m in self.mistakes))


class LoadedPolicy(Record):
    """A policy in force; ``sha256`` is the hex digest of the very bytes that were parsed."""

    policy: Policy
    sha256: str
    path: Path


def load(path: Path, *, commands: Collection[KnownCommand] = (), hosts: Collection[str] = ()) -> LoadedPolicy:
    """Reads and checks the file.

    With ``commands`` and ``hosts``, patterns that match none of them, unknown flags and rules that
    can never match are mistakes too.

    Raises:
        PolicyError: it cannot be read, or there is a mistake in it.
    """
    return _parse(path, _bytes(path), commands, hosts)


class PolicyHolder:
    """The policy in force, and the way to a newer one: a wrong file never replaces a right one.

    ``error`` says why the file as last seen is not in force; None when it is. The constructor raises
    PolicyError: nothing starts without a valid policy.
    """

    def __init__(
        self, path: Path, *, commands: Collection[KnownCommand] = (), hosts: Collection[str] = ()
    ) -> None:
        self._commands, self._hosts = commands, hosts
        self.current = load(path, commands=commands, hosts=hosts)
        self.error: PolicyError | None = None
        self._seen = self.current.sha256

    def reload_if_changed(self) -> LoadedPolicy | PolicyError | None:
        """Reads the file once: the policy now in force, a new error, or None when nothing is new."""
        path = self.current.path
        try:
            data = _bytes(path)
        except PolicyError as error:
            return self._keep_the_old(error, seen=str(error))
        seen = hashlib.sha256(data).hexdigest()
        if seen == self._seen:
            return None
        try:
            self.current = _parse(path, data, self._commands, self._hosts)
        except PolicyError as error:
            return self._keep_the_old(error, seen=seen)
        self._seen, self.error = seen, None
        return self.current

    def _keep_the_old(self, error: PolicyError, *, seen: str) -> PolicyError | None:
        if seen == self._seen:
            return None
        self._seen, self.error = seen, error
        return error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(path, [Mistake(1, 1, f"cannot be read: {error.strerror}")]) from error
    if len(data) > MAX_BYTES:
        raise PolicyError(path, [Mistake(1, 1, f"is longer than {MAX_BYTES} bytes")])
    return data


def _parse(
    path: Path, data: bytes, commands: Collection[KnownCommand], hosts: Collection[str]
) -> LoadedPolicy:
    reading = Reading(path.name)
    root = _compose(path, data)
    plain = reading.plain(root, ())
    policy = reading.validated(plain)
    if isinstance(plain, dict):
        reading.check_roles(plain)
        reading.check_matches(plain, commands, hosts)
    if policy is None or reading.mistakes:
        raise PolicyError(path, reading.mistakes)
    return LoadedPolicy(policy=policy, sha256=hashlib.sha256(data).hexdigest(), path=path)


def _compose(path: Path, data: bytes) -> Node:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        root: Node | None = yaml.compose(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(path, [Mistake(line, 1, "is not UTF-8 text")]) from error
    except RecursionError as error:
        raise PolicyError(path, [Mistake(1, 1, "is nested too deeply")]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PolicyError(path, [Mistake(line, column, f"is not YAML: {error.problem}")]) from error
    except YAMLError as error:
        raise PolicyError(path, [Mistake(1, 1, "is not YAML: it holds letters no text has")]) from error
    if root is None:
        raise PolicyError(path, [Mistake(1, 1, "is empty; the smallest policy is `version: 1`")])
    return root
