"""Reads the policy: YAML with line and column into :class:`permissions.policy.Policy`, all or nothing.

It is one file, or a folder whose ``*.yaml`` files are read as one in the order of their names: lists are
joined, roles and rotations may stand anywhere, everything else stands once. A file is read once; what was
hashed is what was parsed. Every mistake is listed, each as ``file:line:column: sentence``. Anchors and
aliases are not read: a policy says in one place what it means, and no small file can unfold into a large
one.
"""

import hashlib
import io
import time
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.policy.reading import KnownCommand, Mistake, Reading
from permissions.bundle import bundle, digest
from permissions.model import Record
from permissions.policy import Policy

__all__ = ["KnownCommand", "LoadedPolicy", "Mistake", "PolicyError", "PolicyHolder", "load"]

MAX_BYTES = 1024 * 1024
"""The longest policy that is read, all of its files together."""


class PolicyError(Exception):
    """The policy cannot be used. ``mistakes`` are in the order of the file; the text lists all of them."""

    def __init__(self, path: Path, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__(
            "\n".join(f"{_place(path, m)}:{m.line}:{m.column}: {m.sentence}" for m in self.mistakes)
        )


class LoadedPolicy(Record):
    """A policy that can be in force; ``serial`` is later for one that was read later."""

    policy: Policy
    path: Path
    serial: int

    @cached_property
    def sha256(self) -> str:
        """The hash that tickets name it by: that of its bundle."""
        return digest(bundle(self.policy))


def load(path: Path, *, commands: Collection[KnownCommand] = (), hosts: Collection[str] = ()) -> LoadedPolicy:
    """Reads and checks the file.

    With ``commands`` and ``hosts``, patterns that match none of them, unknown flags and rules that
    can never match are mistakes too.

    Raises:
        PolicyError: it cannot be read, or there is a mistake in it.
    """
    return _parse(path, _files(path), commands, hosts)


class PolicyHolder:
    """The policy in force, and the way to a newer one: a wrong file never replaces a right one.

    ``error`` says why the file as last seen is not in force; None when it is. The constructor raises
    PolicyError: nothing starts without a valid policy.
    """

    def __init__(
        self, path: Path, *, commands: Collection[KnownCommand] = (), hosts: Collection[str] = ()
    ) -> None:
        self._commands, self._hosts = commands, hosts
        files = _files(path)
        self.current = _parse(path, files, commands, hosts)
        self.error: PolicyError | None = None
        self._seen = _hash(files)

    def reload_if_changed(self) -> LoadedPolicy | PolicyError | None:
        """Reads the file once: the policy now in force, a new error, or None when nothing is new."""
        path = self.current.path
        try:
            files = _files(path)
        except PolicyError as error:
            return self._keep_the_old(error, seen=str(error))
        seen = _hash(files)
        if seen == self._seen:
            return None
        try:
            self.current = _parse(path, files, self._commands, self._hosts)
        except PolicyError as error:
            return self._keep_the_old(error, seen=seen)
        self._seen, self.error = seen, None
        return self.current

    def _keep_the_old(self, error: PolicyError, *, seen: str) -> PolicyError | None:
        if seen == self._seen:
            return None
        self._seen, self.error = seen, error
        return error


def _place(path: Path, mistake: Mistake) -> Path:
    return path / mistake.file if path.is_dir() and mistake.file else path


def _files(path: Path) -> dict[str, bytes]:
    """The policy's files by name, in the order they are read."""
    paths = [path]
    if path.is_dir():
        paths = sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml"})
        if not paths:
            raise PolicyError(path, [Mistake(1, 1, "holds no *.yaml file")])
    files, left = {}, MAX_BYTES
    for file in paths:
        try:
            with file.open("rb") as opened:
                files[file.name] = opened.read(left + 1)
        except OSError as error:
            raise PolicyError(
                path, [Mistake(1, 1, f"cannot be read: {error.strerror}", file.name)]
            ) from error
        left -= len(files[file.name])
        if left < 0:
            raise PolicyError(path, [Mistake(1, 1, f"is longer than {MAX_BYTES} bytes", file.name)])
    return files


def _hash(files: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, data in files.items():
        whole.update(f"{name} {len(data)}\n".encode("utf-8", "surrogateescape") + data)
    return whole.hexdigest()


def _parse(
    path: Path, files: dict[str, bytes], commands: Collection[KnownCommand], hosts: Collection[str]
) -> LoadedPolicy:
    reading = Reading()
    plain = reading.plain(_joined([_compose(path, name, data) for name, data in files.items()]), ())
    policy = reading.validated(plain)
    if isinstance(plain, dict):
        reading.check_roles(plain)
        reading.check_matches(plain, commands, hosts)
    if policy is None or reading.mistakes:
        raise PolicyError(path, reading.mistakes)
    return LoadedPolicy(policy=policy, path=path, serial=time.time_ns() // 1_000_000)


def _joined(roots: list[Node]) -> Node:
    """One mapping of them all; what cannot be joined stands twice in it, which is a mistake there."""
    whole = roots[0]
    for root in roots[1:]:
        if not isinstance(whole, MappingNode) or not isinstance(root, MappingNode):
            return whole if not isinstance(whole, MappingNode) else root
        for key, value in root.value:
            known = next((held for name, held in whole.value if name.value == key.value), None)
            if isinstance(value, MappingNode | SequenceNode) and isinstance(known, type(value)):
                known.value.extend(value.value)
            elif not (key.value == "version" and _same(known, value)):
                whole.value.append((key, value))
    return whole


def _same(known: Node | None, value: Node) -> bool:
    return isinstance(known, ScalarNode) and isinstance(value, ScalarNode) and known.value == value.value


class _Named(io.StringIO):
    """A text that the places in it know the file of."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def _compose(path: Path, name: str, data: bytes) -> Node:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        root: Node | None = yaml.compose(_Named(name, data.decode("utf-8")))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(path, [Mistake(line, 1, "is not UTF-8 text", name)]) from error
    except RecursionError as error:
        raise PolicyError(path, [Mistake(1, 1, "is nested too deeply", name)]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PolicyError(path, [Mistake(line, column, f"is not YAML: {error.problem}", name)]) from error
    except YAMLError as error:
        raise PolicyError(path, [Mistake(1, 1, "is not YAML: it holds letters no text has", name)]) from error
    if root is None:
        raise PolicyError(path, [Mistake(1, 1, "is empty; the smallest policy is `version: 1`", name)])
    return root
