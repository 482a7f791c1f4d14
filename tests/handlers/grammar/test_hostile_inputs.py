"""What somebody may type to stop a worker or to reach another object: one clear refusal each, and soon."""

import time

import pytest

from bot.policy.file import load as load_policy
from bot.trial.trial import EXAMPLE_POLICY
from handlers.catalogue import load
from handlers.faults import Fault
from handlers.grammar.parser import parse
from permissions.decide import decide
from permissions.decision import Deny
from permissions.operation import Principal, Standing
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

CATALOGUE = load()
SECONDS = 1.0
"""Of this thread's processor time, from the line to its refusal."""

WEB = {"Id": "4f0c" * 16, "Name": "/web", "Config": {"Tty": False, "Labels": {}}, "State": {"Running": True}}
ROW = {"Id": "4f0c" * 16, "Names": ["/web"], "Image": "nginx", "Command": "sh", "Labels": {}}
ANSWERS = {
    ("GET", "/containers/json"): [ROW],
    ("GET", "/containers/web/json"): WEB,
    ("GET", "/version"): {"ApiVersion": "1.41"},
}

LOOP = '{{range (split (printf "%9999s" "") " ")}}'
BOMBS = {
    "loops inside loops": f"{LOOP}{LOOP}{LOOP}x{{{{end}}}}{{{{end}}}}{{{{end}}}}",
    "a width of a billion": '{{printf "%1000000000d" 1}}',
    "a width that is an argument": '{{printf "%*d" 100000000 1}}',
    "a precision of a billion": '{{printf "%.999999999f" 1.0}}',
    "padding of a billion": "{{pad .Names 1000000000 0}}",
    "a definition that calls itself": '{{define "x"}}{{template "x" .}}{{end}}{{template "x" .}}',
    "definitions that double": "".join(
        f'{{{{define "{n}"}}}}{{{{template "{n + 1}" .}}}}{{{{template "{n + 1}" .}}}}{{{{end}}}}'
        for n in range(40)
    )
    + '{{define "40"}}x{{end}}{{template "0" .}}',
    "parentheses a thousand deep": "{{" + "(" * 1_000 + ".Names" + ")" * 1_000 + "}}",
    "conditions a thousand deep": "{{if .Names}}" * 1_000 + "{{end}}" * 1_000,
    "a range over a huge number": "{{range 9223372036854775807}}x{{end}}",
    "a number of a thousand digits": "{{" + "9" * 5_000 + "}}",
    "a text that doubles": '{{$x := "xxxxxxxx"}}'
    + '{{$x = printf "%s%s%s%s%s%s%s%s" $x $x $x $x $x $x $x $x}}' * 12
    + "{{$x}}",
    "an unfinished action": "{{" * 2_000,
    "Python's own attributes": "{{.__class__.__mro__}}",
    "a call into the data": '{{call .Names "x"}}',
}

LINES = {
    **{f"a template: {name}": f"ps --format '{source}'" for name, source in BOMBS.items()},
    "memory of a thousand digits": f"run -m {'9' * 4_000} nginx",
    "CPUs to the power of many": "run --cpus 1e999999999 nginx",
    "CPUs as a hexadecimal power": "run --cpus 0x1p999999999 nginx",
    "CPUs of a thousand digits": f"run --cpus {'9' * 5_000} nginx",
    "a fraction of CPUs by nothing": "run --cpus 1/0 nginx",
    "a timeout beyond 64 bits": "stop -t 99999999999999999999 web",
    "a duration beyond 64 bits": "run --health-interval 99999999999999h nginx",
    "a point in time of a thousand digits": f"logs --since {'9' * 4_000} web",
    "a weight beyond 16 bits": "run --blkio-weight 65536 nginx",
    "every port twice over": "run " + "-p 1-65535:1-65535 -p 1-65535:1-65535/udp -p 1-9:1-9 " * 2 + "nginx",
    "a range of ports without end": "run --expose 1-99999999999 nginx",
    "a restart count of a thousand digits": f"run --restart on-failure:{'9' * 4_000} nginx",
    "digits of another script": "stop -t \u0663 web",
    "a limit in full-width digits": "run --ulimit nofile=\uff11 nginx",
    "a mount of a thousand fields": "run --mount " + "type=bind," * 700 + "x nginx",
    "quotes inside quotes": "run --gpus '" + '"' * 3_001 + "' nginx",
    "a line of many words": "stop " + "a " * 2_500,
    "a line of many characters": "stop " + "a" * 9_000,
    "an open quote": "stop 'web",
    "a NUL": "stop we\0b",
    "half of a pair of surrogates": "stop we\ud800b",
    "a name that turns its text around": "stop \u202ebew",
    "a name with an isolate": "rm -f \u2066web\u2069",
    "a name with a zero width": "rm -f we\u200bb",
    "a name with a terminal's escape": "rm -f 'web\x1b[2K'",
    "a name over two lines": "rm -f 'web\ndb'",
    "a name that is empty": "rm -f ''",
    "a name of blanks": "stop ' '",
    "a name of a no-break space": "stop \u00a0",
    "the way up to images": "inspect --type container ../images/nginx",
    "the way up by the slash's code": "container inspect ..%2Fimages%2Fnginx/..",
    "the way up in the middle": "rm a/../../volumes/data",
    "a query inside the name": "container inspect 'web/json?size=1/..'",
    "another endpoint": "stop web/../../containers/prune",
    "a dot as the name": "logs .",
    "a header inside a value": "run -d 'nginx\r\nX-Registry-Auth: x'",
    "a shell behind the line": "stop web; rm -rf /",
    "a shell inside the line": "stop $(cat /etc/passwd)",
    "a shell in backquotes": "stop `id`",
    "a file of the worker": "run --env-file /etc/shadow nginx",
    "a variable of the worker": "run -e PATH nginx",
    "a place to write on the worker": "run --cidfile /root/.ssh/authorized_keys nginx",
    "the worker's own folder": "run -v ./x:/x nginx",
    "a profile of the worker": "run --security-opt seccomp=/etc/passwd nginx",
    "an archive onto the worker": "export -o /etc/cron.d/x web",
    "another engine": "-H tcp://10.0.0.1:2375 -H unix:///x ps",
    "another configuration": "--config /root/.docker ps",
}


@pytest.fixture(scope="module")
def admin():
    """The example policy, and one who may do everything in it."""
    policy = load_policy(EXAMPLE_POLICY).policy
    bound = next(binding for binding in policy.bindings if binding.role == "admin")
    user = {"team_id": "T0", "user_id": (*bound.users, "U0ADMIN")[0], "name": "admin", "groups": bound.groups}
    return policy, Principal(standing=Standing.MEMBER, as_of=time.time(), **user)


def refused(line, policy, principal):
    """Why nothing comes of the line; "" where something would."""
    try:
        command = parse(f"docker {line}", CATALOGUE).command
        decision = decide(policy, principal, "C0OPS", command.operation("local"), time.time())
        if isinstance(decision, Deny):
            return decision.reason
        output = command.run(FakeContext(FakeEngine(ANSWERS)))
    except Fault as fault:
        return fault.message
    return "".join(failure.message for failure in output.failures)


@pytest.mark.parametrize("what", LINES)
def test_a_hostile_line_is_refused_in_a_second(what, admin):
    began = time.thread_time()
    why = refused(LINES[what], *admin)
    took = time.thread_time() - began
    assert why
    assert "Traceback" not in why
    assert took < SECONDS
