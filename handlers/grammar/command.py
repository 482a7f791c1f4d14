"""A docker command as one frozen class: grammar, help, verb, danger, work and wire message in one.

A field annotated with :class:`Opt` is an option, one with :class:`Arg` a positional argument; the
order of the fields is the order of the arguments. From the declaration come parsing, ``--help``,
the Operation a policy decides on, the job's JSON and the docs page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from handlers.faults import Fault, Reason
from handlers.grammar.output import Output
from handlers.grammar.values import STRING, ValueType
from permissions.approval import Bound
from permissions.operation import Bind, Operation, Resource
from permissions.verbs import Danger, Kind, Verb

if TYPE_CHECKING:
    from handlers.context import Context, Engine
    from handlers.outcome import Begun, Finding

Api = tuple[int, int]
"""A version of the engine's API, ``(1, 41)``."""


@dataclass(frozen=True, slots=True, init=False)
class Opt:
    """One option.

    ``names`` are the spellings with dashes, short one first. ``deprecated`` and ``hidden_names`` are
    further spellings that parse but do not show in help. ``danger`` counts when the option is given.
    ``secret`` values are sealed before anything is stored and masked wherever the line is shown.
    ``default`` is the text behind "(default …)" in help, as docker prints it.
    """

    names: tuple[str, ...]
    help: str
    type: ValueType
    default: str
    deprecated: tuple[str, ...]
    hidden_names: tuple[str, ...]
    hidden: bool
    secret: bool
    danger: Danger
    resource: Kind | None
    min_api: Api | None

    def __init__(
        self,
        *names: str,
        help: str,  # noqa: A002 - the word everyone looks for
        type: ValueType = STRING,  # noqa: A002 - as above
        default: str = "",
        deprecated: tuple[str, ...] = (),
        hidden_names: tuple[str, ...] = (),
        hidden: bool = False,
        secret: bool = False,
        danger: Danger = Danger.SAFE,
        resource: Kind | None = None,
        min_api: Api | None = None,
    ) -> None:
        values = {k: v for k, v in locals().items() if k != "self"}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def long(self) -> str:
        """The long name without dashes, which policies and audit use."""
        return next(name for name in self.names if name.startswith("--")).removeprefix("--")

    @property
    def short(self) -> str:
        """The short letter without its dash, or ""."""
        return next((n.removeprefix("-") for n in self.names if not n.startswith("--")), "")


@dataclass(frozen=True, slots=True)
class Arg:
    """One positional argument.

    The field's annotation says how many it takes: ``str`` exactly one, ``str | None`` at most one,
    ``tuple[str, ...]`` the rest, at least ``least``. ``resource`` makes it an object of the Operation,
    ``new`` one that gets this name.
    """

    metavar: str
    resource: Kind | None = None
    least: int = 1
    new: bool = False


Mark = TypeVar("Mark", Opt, Arg)


class Command(BaseModel):
    """The base of every docker command; subclasses are declared with class keywords.

    Class keywords: ``path`` (``"container restart"``), ``aliases`` (other full spellings, ``"restart"``),
    ``verb``, ``danger``, ``example`` (a line without the leading slash), ``usage`` (only when it
    cannot be derived from the arguments), ``interspersed`` False where options stop at the first
    positional argument (run, create, exec, commit, tag, top), ``min_api`` where the command as a whole
    needs a newer engine than the oldest, ``logins`` True where it may use the asker's registry logins.
    The docstring's first line is docker's own short help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    verb: ClassVar[Verb]
    danger: ClassVar[Danger]
    example: ClassVar[str] = ""
    usage: ClassVar[str] = ""
    interspersed: ClassVar[bool] = True
    min_api: ClassVar[Api | None] = None
    logins: ClassVar[bool] = False
    options: ClassVar[dict[str, Opt]] = {}
    arguments: ClassVar[dict[str, Arg]] = {}

    def __init_subclass__(cls, **declaration: Any) -> None:
        # pydantic hands the class keywords to both hooks; the fields exist only in the second.
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        path: str = "",
        aliases: tuple[str, ...] = (),
        verb: Verb | None = None,
        danger: Danger | None = None,
        example: str = "",
        usage: str = "",
        interspersed: bool = True,
        min_api: Api | None = None,
        logins: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.options = dict(cls._declared(Opt))
        cls.arguments = dict(cls._declared(Arg))
        if not path:
            return
        if verb is None or danger is None or not cls.__doc__ or not example:
            raise TypeError(f"{cls.__name__}: a command declares verb, danger, a docstring and an example")
        cls.path, cls.aliases, cls.verb, cls.danger = path, aliases, verb, danger
        cls.example, cls.usage, cls.interspersed, cls.min_api = example, usage, interspersed, min_api
        cls.logins = logins

    @classmethod
    def _declared(cls, kind: type[Mark]) -> Iterator[tuple[str, Mark]]:
        for name, field in cls.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, kind):
                    yield name, mark

    @classmethod
    def summary(cls) -> str:
        """Docker's short help line, without the full stop that a docstring has."""
        return (cls.__doc__ or "").strip().splitlines()[0].removesuffix(".")

    def given(self, *names: str) -> dict[str, Any]:
        """The named fields that were set, by field name: "unset" is not "default"."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}

    def check(self) -> None:
        """What the CLI refuses before it asks the engine; raises UsageFault. Runs at the bot."""

    def needs_api(self) -> tuple[tuple[str, Api], ...]:
        """What of the line an engine may be too old for, in the CLI's words and order."""
        whole = ((f"docker {self.path}", self.min_api),) if self.min_api else ()
        given = {opt.long: opt for name, opt in self.options.items() if name in self.model_fields_set}
        parts = ((f'"--{long}"', opt.min_api) for long, opt in sorted(given.items()) if opt.min_api)
        return (*whole, *parts)

    def require_api(self, version: Api) -> None:
        """Refuses what an engine of this version is too old for: the command, or else its options.

        Raises:
            Fault: the CLI's sentence, a line for each option.
        """
        missing = [(what, least) for what, least in self.needs_api() if version < least]
        if not missing:
            return
        whole = self.min_api is not None and version < self.min_api
        sentence = "{} requires API version {}, but the Docker daemon API version is {}"
        raise Fault(
            "\n".join(
                sentence.format(what, _dotted(least), _dotted(version))
                for what, least in (missing[:1] if whole else missing)
            ),
            reason=Reason.API_TOO_OLD,
            hint="This host's engine is too old for it." if whole else "Leave it out on this host.",
        )

    def value_danger(self) -> Danger:
        """The danger of the values given but for :meth:`binds`, where the option's name does not tell."""
        return Danger.SAFE

    def binds(self) -> tuple[Bind, ...]:
        """The paths of the host it reaches that a policy can list; as bad as root unless it does."""
        return ()

    def resources(self) -> Iterator[Resource]:
        """The objects the line names, in its order."""
        marks: dict[str, Opt | Arg] = {**self.options, **self.arguments}
        for name, mark in marks.items():
            if mark.resource is None:
                continue
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else (value,)
            new = isinstance(mark, Arg) and mark.new
            given = (str(v) for v in values if v is not None)
            yield from (Resource(kind=mark.resource, name=name, new=new) for name in given)

    def operation(self, host: str) -> Operation:
        """The facts a policy decides on."""
        given = [opt for name, opt in self.options.items() if name in self.model_fields_set]
        values = {
            opt.long: _texts(getattr(self, name))
            for name, opt in self.options.items()
            if name in self.model_fields_set and not opt.secret
        }
        otherwise = max([self.danger, self.value_danger(), *(opt.danger for opt in given)])
        binds = self.binds()
        return Operation(
            command=self.path,
            verb=self.verb,
            danger=Danger.ROOT_EQUIVALENT if binds else otherwise,
            binds=binds,
            otherwise=otherwise if binds else None,
            resources=tuple(self.resources()),
            flags=tuple(sorted(opt.long for opt in given)),
            values=values,
            host=host,
        )

    def endless(self) -> bool:
        """Whether it reads on until it is stopped (``logs -f``): such a stream has limits of its own."""
        return False

    def follows(self) -> bool:
        """Whether it lasts as long as what it watches (``wait``, an attached ``run``): it holds nobody up."""
        return self.endless()

    def changes(self) -> Iterator[Resource]:
        """The objects that one change at a time may have in hand, by the line's own names."""
        return self.resources()

    def outcome(self, engine: "Engine", begun: "Begun") -> "tuple[Finding, ...]":  # noqa: ARG002 - as run
        """What became of a run whose end nobody saw, a finding for each object; () where none can tell.

        It only reads. Raises Unreachable: then it can be asked again.
        """
        return ()

    def question(self) -> str:
        """What the CLI asks first (prune without ``--force``), without its "[y/N]"; "" for nothing."""
        return ""

    def preview(self, ctx: "Context") -> Output:  # noqa: ARG002 - overridden where there is a question
        """What would go if the question were answered with yes, found by reading alone; raises Fault."""
        return Output()

    def condemned(self, ctx: "Context") -> tuple[Bound, ...]:  # noqa: ARG002 - prunes override it
        """What it would remove by now without having been named, in that order; raises EngineFault."""
        return ()

    def only(self, agreed: tuple[Bound, ...]) -> Self:  # noqa: ARG002 - as above
        """The same, which of what was not named removes what people agreed to and nothing else."""
        return self

    def run(self, ctx: "Context") -> Output:  # noqa: ARG002 - every command overrides it
        """Does the work on the engine; raises Fault."""
        raise TypeError(f"{self.path} has no work of its own")

    def but(self, **changes: Any) -> Self:
        """A copy with other values, validated, keeping what was unset unset."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**fields, **changes})


def _texts(value: object) -> tuple[str, ...]:
    """An option's value, or values, as a policy compares them: numbers in base units, true and false."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)


def _dotted(version: Api) -> str:
    return ".".join(map(str, version))
