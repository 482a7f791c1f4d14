"""docker version."""

import platform
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any

from handlers.container.targets import sentence
from handlers.context import Context
from handlers.faults import EngineFault, Reason
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.evaluate import TemplateError
from handlers.format.inspection import parse
from handlers.format.listing import JSON
from handlers.format.options import FORMAT_HELP
from handlers.format.schema import BOOL, LABELS, TEXT, array, member, pointer, struct
from handlers.format.tabs import align
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Document, Failure, Output
from permissions.verbs import Danger, Verb

OURSELVES = "docktalk"
_PLATFORM = struct("platformInfo", Name=member(TEXT, "Name?"))
_CLIENT = struct(
    "system.clientVersion",
    Platform=member(pointer(_PLATFORM), "Platform?"),
    Version=TEXT,
    APIVersion=member(TEXT, "ApiVersion"),
    DefaultAPIVersion=member(TEXT, "DefaultAPIVersion?"),
    GitCommit=TEXT,
    GoVersion=TEXT,
    Os=TEXT,
    Arch=TEXT,
    BuildTime=member(TEXT, "BuildTime?"),
    Context=TEXT,
)
_COMPONENT = struct("types.ComponentVersion", Name=TEXT, Version=TEXT, Details=member(LABELS, "Details?"))
_SERVER = struct(
    "types.Version",
    Platform=struct("struct { Name string }", Name=TEXT),
    Components=member(array(_COMPONENT), "Components?"),
    Version=TEXT,
    APIVersion=member(TEXT, "ApiVersion"),
    MinAPIVersion=member(TEXT, "MinAPIVersion?"),
    GitCommit=TEXT,
    GoVersion=TEXT,
    Os=TEXT,
    Arch=TEXT,
    KernelVersion=member(TEXT, "KernelVersion?"),
    Experimental=member(BOOL, "Experimental?"),
    BuildTime=member(TEXT, "BuildTime?"),
)
_VERSIONS = struct("system.versionInfo", Client=_CLIENT, Server=pointer(_SERVER))


class Version(
    Command,
    path="version",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker version --format '{{.Server.Version}}'",
):
    """Show the Docker version information."""

    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""

    def run(self, ctx: Context) -> Output:
        """Shows us and the engine; without an engine, us alone and why. Raises Fault for a bad template."""
        source = "{{json .}}" if self.format == JSON else self.format
        parsed = parse(source, name="version") if source else None
        failures: tuple[Failure, ...] = ()
        server = None
        client = _client(ctx)
        try:
            server = _dated(ctx.engine.get("/version"))
        except EngineFault as fault:
            failures = (Failure(reason=fault.reason, message=sentence(fault)),)
        try:
            text = _text(client, server) if parsed is None else _by_template(parsed, client, server)
        except TemplateError as error:
            text = "\n"
            failures = failures or (Failure(reason=Reason.TEMPLATE, message=str(error)),)
        return Document(text=text, failures=failures, exit_code=int(bool(failures)))


def _client(ctx: Context) -> dict[str, Any]:
    """Docktalk is the engine's client here, so it shows itself and not a docker CLI."""
    try:
        api = ".".join(map(str, ctx.engine.api_version))
    except EngineFault:
        api = ""
    return {
        "Platform": {"Name": OURSELVES.title()},
        "Version": version(OURSELVES),
        "ApiVersion": api,
        "Os": platform.system().lower(),
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
    }


def _dated(server: dict[str, Any]) -> dict[str, Any]:
    """The engine's answer with the build times of its parts as the CLI writes them."""
    parts = []
    for part in server.get("Components") or ():
        details = dict(part.get("Details") or {})
        with suppress(KeyError, ValueError):
            built = datetime.fromisoformat(details["BuildTime"])
            details["BuildTime"] = f"{built:%a %b} {built.day:2d} {built:%H:%M:%S %Y}"
        parts.append({**part, "Details": details})
    return {**server, "Components": parts}


def _by_template(parsed: template.Template, client: dict[str, Any], server: dict[str, Any] | None) -> str:
    return parsed.execute(_VERSIONS.decode({"Client": client, "Server": server}), Budget()) + "\n"


def _text(client: dict[str, Any], server: dict[str, Any] | None) -> str:
    lines = [
        f"Client: {client['Platform']['Name']}",
        f" Version:\t{client['Version']}",
        f" API version:\t{client['ApiVersion'] or 'unknown'}",
        f" OS/Arch:\t{client['Os']}/{client['Arch']}",
    ]
    if server is not None:
        name = (server.get("Platform") or {}).get("Name", "")
        lines += ["", f"Server: {name}" if name else "Server:"]
        for component in server.get("Components") or ():
            lines += _component(component)
    return "".join(f"{line}\n" for line in align(lines, min_width=20, padding=1))


def _component(component: dict[str, Any]) -> list[str]:
    details = component.get("Details") or {}
    lines = [f" {component['Name']}:", f"  Version:\t{component['Version']}"]
    if component["Name"] != "Engine":
        return lines + [f"  {key}:\t{details[key]}" for key in sorted(details)]
    detail = {key: details.get(key, "") for key in (*details, "ApiVersion", "MinAPIVersion", "Os", "Arch")}
    shown = {
        "API version": f"{detail['ApiVersion']} (minimum version {detail['MinAPIVersion']})",
        "Go version": details.get("GoVersion", ""),
        "Git commit": details.get("GitCommit", ""),
        "Built": details.get("BuildTime", ""),
        "OS/Arch": f"{detail['Os']}/{detail['Arch']}",
        "Experimental": details.get("Experimental", ""),
    }
    return lines + [f"  {key}:\t{value}" for key, value in shown.items()]
