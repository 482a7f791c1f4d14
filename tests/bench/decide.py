"""How long one decision takes on a large policy: 1,000 rules, 10,000 bindings, no rule that matches.

Times are in milliseconds, ``cpu`` without what other processes took.
"""

import gc
import time

from permissions.decide import decide
from permissions.decision import Deny
from permissions.operation import Facts, Operation, Principal, Resource, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb

ROLES, RULES, DENIES, BINDINGS, ROLES_HELD = 100, 900, 100, 10_000, 25
DECISIONS = 20_000
VERBS = tuple(Verb)


def policy() -> Policy:
    """Rules of every form; the person who asks holds a quarter of the roles, by user and by group."""
    rules = [_rule(number) for number in range(RULES)]
    roles = {f"role-{n}": Role(rules=tuple(rules[n::ROLES])) for n in range(ROLES)}
    denies = [
        DenyRule(
            verbs=(VERBS[n % len(VERBS)], Verb.OPERATE),
            targets=Targets(container=(f"vault-{n}-*", f"label:secret=v{n}")),
            hosts=(f"prod-{n}",) if n % 2 else (),
        )
        for n in range(DENIES)
    ]
    bindings = [
        Binding(
            role=f"role-{n % ROLES}", users=(f"U{n}",), groups=(f"S{n % 500}",), channels=(f"C{n % 50}", "C0")
        )
        for n in range(BINDINGS - ROLES_HELD)
    ]
    bindings += [Binding(role=f"role-{n}", users=("U0ASKER",)) for n in range(ROLES_HELD)]
    return Policy(version=1, roles=roles, bindings=tuple(bindings), deny=tuple(denies))


def _rule(number: int) -> Rule:
    targets = Targets(
        container=(f"web-{number}", f"api-{number}-*", f"label:tier=t{number}"), image=("nginx",)
    )
    if number % 3 == 0:
        return Rule(commands=(f"container {('stop', 'restart', 'kill')[number % 2]}",), targets=targets)
    return Rule(
        verbs=(VERBS[number % len(VERBS)], Verb.OPERATE), targets=targets, hosts=(f"host-{number % 7}*",)
    )


def _facts(number: int) -> Facts:
    labels = {f"key-{n}": f"value-{number}" for n in range(5)}
    return Facts(id=f"{number:064x}", names=(f"other-{number}",), labels=labels, networks=("bridge",))


def measure() -> dict[str, object]:
    """Decides about names that nothing covers, a new one each time."""
    made = policy()
    asker = Principal(
        team_id="T1",
        user_id="U0ASKER",
        name="asker",
        standing=Standing.MEMBER,
        groups=tuple(f"S{n}" for n in range(5)),
        as_of=0.0,
    )
    times, own = [], []
    gc.collect()
    gc.freeze()
    for number in range(DECISIONS):
        operation = Operation(
            command="container restart",
            verb=Verb.OPERATE,
            danger=Danger.INTERRUPTS,
            resources=(Resource(kind=Kind.CONTAINER, name=f"other-{number}", facts=_facts(number)),),
            flags=("signal", "timeout"),
            host=f"host-{number % 7}",
            live=True,
        )
        began, used = time.perf_counter(), time.thread_time()
        decision = decide(made, asker, "C0", operation, 0.0)
        times.append(time.perf_counter() - began)
        own.append(time.thread_time() - used)
        assert isinstance(decision, Deny)
    times.sort()
    own.sort()
    return {
        "rules": RULES + DENIES,
        "bindings": len(made.bindings),
        "decisions": DECISIONS,
        "p50_ms": round(times[DECISIONS // 2] * 1000, 3),
        "p99_ms": round(times[DECISIONS * 99 // 100] * 1000, 3),
        "p99_cpu_ms": round(own[DECISIONS * 99 // 100] * 1000, 3),
        "most_ms": round(times[-1] * 1000, 3),
    }


if __name__ == "__main__":
    found = measure()
    print(
        f"\none decision, {found['rules']:,} rules and {found['bindings']:,} bindings, {DECISIONS:,} times\n"
    )
    p50, p99, own = (found[name] for name in ("p50_ms", "p99_ms", "p99_cpu_ms"))
    print(f"  {p50:.3f} ms p50, {p99:.3f} p99, {own:.3f} p99 of our own time")
