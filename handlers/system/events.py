"""docker system events."""

from datetime import datetime
from typing import Annotated, Any

from handlers.container.moments import check_moment, moment
from handlers.context import Context
from handlers.faults import Reason, UsageFault
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.evaluate import TemplateError
from handlers.format.listing import JSON, template_fault
from handlers.format.options import FORMAT_HELP
from handlers.format.schema import INT64, LABELS, TEXT, member, pointer, struct
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import FILTER, filter_query
from permissions.verbs import Danger, Verb

BAD_TEMPLATE = 64
_NANOSECONDS = 10**9
_EVENT = struct(
    "events.Message",
    Status=member(TEXT, "status?"),
    ID=member(TEXT, "id?"),
    From=member(TEXT, "from?"),
    Type=TEXT,
    Action=TEXT,
    Actor=struct("events.Actor", ID=TEXT, Attributes=LABELS),
    Scope=member(TEXT, "scope?"),
    Time=member(INT64, "time?"),
    TimeNano=member(INT64, "timeNano?"),
)


class SystemEvents(
    Command,
    path="system events",
    aliases=("events",),
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker events --since 1h --until 0s -f type=container",
):
    """Get real time events from the server."""

    filter: Annotated[
        tuple[str, ...], Opt("-f", "--filter", help="Filter output based on conditions provided", type=FILTER)
    ] = ()
    format: Annotated[str, Opt("--format", help=FORMAT_HELP)] = ""
    since: Annotated[str, Opt("--since", help="Show all events created since timestamp")] = ""
    until: Annotated[str, Opt("--until", help="Stream events until this timestamp")] = ""

    def check(self) -> None:
        """Raises UsageFault for a point in time that is none."""
        for option, text in (("since", self.since), ("until", self.until)):
            try:
                check_moment(option, text)
            except ValueError as error:
                raise UsageFault(
                    str(error).partition(": ")[2],  # the CLI does not say here which option it is
                    reason=Reason.BAD_VALUE,
                    exit_code=1,
                    hint="Write 10m, or 2013-01-02T13:23:37Z.",
                ) from None

    def endless(self) -> bool:
        """Without an end given."""
        return not self.until

    def run(self, ctx: Context) -> Output:
        """Emits events as they come: until ``--until``, else until the job ends. Raises Fault."""
        parsed = self._template()
        query = {
            "since": moment(self.since, ctx.clock),
            "until": moment(self.until, ctx.clock),
            "filters": filter_query(self.filter),
        }
        events = ctx.engine.watch("/events", query, on_cancel=ctx.on_cancel)
        try:
            for event in events:
                ctx.check()
                ctx.stdout((_line(event, ctx) if parsed is None else _by_template(parsed, event)).encode())
        finally:
            events.close()
        ctx.check()
        return Stream()

    def _template(self) -> template.Template | None:
        """The template, tried on an empty event as the CLI does; None without one."""
        if not self.format:
            return None
        try:
            parsed = template.parse("{{json .}}" if self.format == JSON else self.format)
            parsed.execute(pointer(_EVENT).decode({}), Budget())
        except TemplateError as error:
            raise template_fault(f"Error parsing format: {error}", exit_code=BAD_TEMPLATE) from None
        return parsed


def _by_template(parsed: template.Template, event: dict[str, Any]) -> str:
    try:
        return parsed.execute(_EVENT.decode(event), Budget()) + "\n"
    except TemplateError as error:
        raise template_fault(str(error)) from None


def _line(event: dict[str, Any], ctx: Context) -> str:
    actor = event.get("Actor") or {}
    words = [event.get("Type", ""), event.get("Action", ""), actor.get("ID", "")]
    nanoseconds = event.get("timeNano") or event.get("time", 0) * _NANOSECONDS
    if nanoseconds:
        words.insert(0, _stamp(nanoseconds, ctx))
    if attributes := actor.get("Attributes"):
        words.append(f"({', '.join(f'{key}={value}' for key, value in sorted(attributes.items()))})")
    return " ".join(words) + "\n"


def _stamp(nanoseconds: int, ctx: Context) -> str:
    """RFC 3339 in the reader's zone, always with nine digits."""
    seconds, fraction = divmod(nanoseconds, _NANOSECONDS)
    when = datetime.fromtimestamp(seconds, ctx.clock.zone)
    offset = when.strftime("%z")
    zone = f"{offset[:3]}:{offset[3:5]}" if offset.strip("+-0") else "Z"
    return f"{when:%Y-%m-%dT%H:%M:%S}.{fraction:09d}{zone}"
