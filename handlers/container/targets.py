"""Several targets in one line: the others go on when one fails, as the CLI does it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from handlers.context import Context
from handlers.faults import EngineFault, Fault, JobFault, OutcomeUnknown, Reason, Unreachable
from handlers.grammar.output import Failure, Lines

TOGETHER = 16
"""How many targets are worked on at the same time; the CLI takes 50."""

Act = Callable[[str], object]


def sentence(fault: Fault) -> str:
    """The CLI's sentence for a fault: the engine's own words carry its prefix."""
    said_by_engine = isinstance(fault, EngineFault) and not isinstance(fault, Unreachable)
    return f"Error response from daemon: {fault.message}" if said_by_engine else fault.message


def named(name: str, kind: str = "container") -> str:
    """The name of an object as it was given; raises Fault with the CLI's sentence when there is none."""
    if not name.strip():
        raise Fault(f"invalid {kind} name or ID: value is empty", reason=Reason.BAD_VALUE)
    return name


def each(ctx: Context, names: Iterable[str], act: Act, *, kind: str = "container") -> Lines:
    """Acts on one name after another; a line for each that worked, a failure for each that did not.

    Raises Cancelled or TimedOut when the job has to end; what was done by then is emitted first.
    """
    return _told(ctx, _one_by_one(ctx, names, act, kind))


def each_together(ctx: Context, names: Iterable[str], act: Act) -> Lines:
    """As :func:`each`, on several at once; the answer keeps the order of the names."""
    names = tuple(names)
    with ThreadPoolExecutor(min(len(names), TOGETHER)) as pool:
        outcomes = tuple(pool.map(lambda name: _outcome(ctx, act, name), names))
    return _told(ctx, zip(names, outcomes, strict=True))


def _one_by_one(
    ctx: Context, names: Iterable[str], act: Act, kind: str
) -> Iterator[tuple[str, Fault | None]]:
    for name in names:
        fault = _outcome(ctx, act, name, kind)
        yield name, fault
        if _ends_all(fault):
            return


def _outcome(ctx: Context, act: Act, name: str, kind: str = "container") -> Fault | None:
    try:
        ctx.check()
        act(named(name, kind))
    except Fault as fault:
        return fault
    return None


def _ends_all(fault: Fault | None) -> bool:
    return isinstance(fault, JobFault) and not isinstance(fault, OutcomeUnknown)


def _told(ctx: Context, outcomes: Iterable[tuple[str, Fault | None]]) -> Lines:
    lines: list[str] = []
    failures: list[Failure] = []
    ended: Fault | None = None
    for name, fault in outcomes:
        if fault is None:
            lines.append(name)
        elif _ends_all(fault):
            ended = ended or fault
        else:
            failures.append(Failure(reason=fault.reason, message=sentence(fault)))
    if ended is not None:
        ctx.stdout("".join(f"{line}\n" for line in lines).encode())
        ctx.check()
        raise ended
    return Lines(lines=tuple(lines), failures=tuple(failures), exit_code=int(bool(failures)))
