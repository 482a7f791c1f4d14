"""A line played on a scripted engine, as the text of a golden file: requests, output, end."""

import base64
import json
import os

from handlers.faults import Fault
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext
from tests.fakes.engine import API, FakeEngine

AUTH = "X-Registry-Auth"


def played(line, answers, catalogue, *, logins=None, api=API):
    """One case as text: the line, the requests (with the login they carry), what is printed, how it ends."""
    engine = FakeEngine(answers, api=api)
    ctx = FakeContext(engine, logins=logins or {})
    result = "-"
    try:
        command = parse(line, catalogue).command
        command.require_api(engine.api_version)
        output = command.run(ctx)
    except Fault as fault:
        result = f"{type(fault).__name__} {fault.reason} {fault.exit_code}: {fault.message}"
    else:
        ctx.stdout(output.stdout.encode())
        ctx.stderr(output.stderr.encode())
        result = str(output.exit_code)
    parts = [f"$ {line}", *(f"> {_request(request)}" for request in engine.requests)]
    parts += [f"1 {text}" for text in ctx.out.decode().splitlines()]
    parts += [f"2 {text}" for text in ctx.err.decode().splitlines()]
    return "\n".join([*(part.rstrip() for part in parts), f"= {result}", ""])


def same_as_golden(path, text):
    """Whether a golden file says the same. `GOLDEN=write` writes it anew; the diff is for review."""
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    return text == path.read_text(encoding="utf-8")


def _request(request):
    if AUTH not in request.headers:
        return str(request)
    login = json.loads(base64.urlsafe_b64decode(request.headers[AUTH]))
    return f"{request} as {login.get('username', 'nobody')}@{login.get('serveraddress', '')}"
