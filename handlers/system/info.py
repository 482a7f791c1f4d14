"""docker system info."""

import platform
import re
from importlib.metadata import version
from typing import Annotated, Any

from handlers.container.targets import sentence
from handlers.context import Context
from handlers.faults import EngineFault, Reason
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.evaluate import TemplateError
from handlers.format.info import CLIENT_ONLY, INFO
from handlers.format.info_text import server_lines
from handlers.format.inspection import parse
from handlers.format.listing import JSON
from handlers.format.options import FORMAT_HELP
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Document, Failure, Output
from handlers.system.version import OURSELVES
from permissions.verbs import Danger, Verb

HUB = "https://index.docker.io/v1/"
_FIELD = re.compile(r"\.[a-zA-Z]")


class SystemInfo(
    Command,
    path="system info",
    logins=True,
    aliases=("info",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker info -f '{{.ServerVersion}}'",
):
    """Display system-wide information."""

    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""

    def run(self, ctx: Context) -> Output:
        """Shows the engine; what it warns of goes to stderr. Raises Fault for a bad template."""
        if not self.format:
            return _text(ctx)
        parsed = parse("{{json .}}" if self.format == JSON else self.format)
        known: dict[str, Any] = {"ClientInfo": _client()}
        failures: tuple[Failure, ...] = ()
        if self._asks_engine(parsed, known):
            try:
                known = {**ctx.engine.get("/info"), **known}
            except EngineFault as fault:
                # The template is filled all the same, and the line counts as done: so does the CLI.
                failures = (Failure(reason=fault.reason, message=sentence(fault)),)
                known["ServerErrors"] = [sentence(fault)]
        try:
            text = parsed.execute(INFO.decode(known), Budget())
        except TemplateError as error:
            failed = Failure(reason=Reason.TEMPLATE, message=str(error))
            return Document(text="\n", failures=(*failures, failed), exit_code=1)
        return Document(text=f"{text}\n", failures=failures)

    def _asks_engine(self, parsed: template.Template, known: dict[str, Any]) -> bool:
        """Whether a template speaks of more than the client."""
        if not _FIELD.search(self.format):
            return True
        try:
            parsed.execute(CLIENT_ONLY.decode(known), Budget())
        except TemplateError:
            return True
        return False


def _client() -> dict[str, Any]:
    """Docktalk is the engine's client here, so it shows itself and not a docker CLI."""
    return {
        "Platform": {"Name": OURSELVES.title()},
        "Version": version(OURSELVES),
        "Os": platform.system().lower(),
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "Plugins": [],
    }


def _text(ctx: Context) -> Document:
    lines = [f"Client: {OURSELVES.title()}", f" Version:    {version(OURSELVES)}", "", "Server:"]
    warnings: list[str] = []
    errors: list[str] = []
    try:
        info = dict(ctx.engine.get("/info"))
    except EngineFault as fault:
        errors.append(sentence(fault))
    else:
        login = ctx.login(HUB)
        info["UserName"] = login.username if login else ""
        warnings = info.get("Warnings") or []
        described = server_lines(info)
        lines += described.lines
        errors += described.errors
    told = [*(f"ERROR: {error}" for error in errors), "errors pretty printing info"] if errors else []
    return Document(
        text="".join(f"{line}\n" for line in lines),
        warnings=tuple(warnings),
        failures=tuple(Failure(reason=Reason.ENGINE, message=message) for message in told),
        exit_code=int(bool(errors)),
    )
