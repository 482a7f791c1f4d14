"""Which claims a worker takes: those for its host, in their time."""

import pytest

from permissions.operation import Operation, Principal, Standing
from permissions.ticket import CLOCK_SKEW, Claims, CommandWire, Effect, TicketRefusal, canonical, refusal
from permissions.verbs import Danger, Verb

CLAIMS = Claims(
    job_id="J-1",
    nonce="n",
    host="local",
    effect=Effect.READ,
    command=CommandWire(path="version", fields={"é": 1}),
    operation=Operation(command="version", verb=Verb.LIST, danger=Danger.SAFE, host="local"),
    principal=Principal(team_id="T", user_id="U", name="ana", standing=Standing.MEMBER, as_of=0.0),
    policy="p",
    rule="r",
    issued_at=1000.0,
    not_after=1300.0,
    deadline=60.0,
)


@pytest.mark.parametrize(
    ("host", "now", "refused"),
    [
        ("local", 1000.0, None),
        ("local", 1000.0 - CLOCK_SKEW, None),
        ("local", 1000.0 - CLOCK_SKEW - 0.1, TicketRefusal.NOT_YET),
        ("local", 1300.0, None),
        ("local", 1300.1, TicketRefusal.TOO_LATE),
        ("other", 1000.0, TicketRefusal.OTHER_HOST),
        ("other", 9999.0, TicketRefusal.OTHER_HOST),
    ],
)
def test_claims_are_for_one_host_and_a_span_of_time(host: str, now: float, refused: TicketRefusal | None):
    assert refusal(CLAIMS, host=host, now=now) is refused


def test_what_is_signed_is_the_whole_of_the_claims_in_their_order():
    signed = canonical(CLAIMS)
    assert Claims.model_validate_json(signed) == CLAIMS
    assert canonical(Claims.model_validate_json(signed)) == signed
    assert signed.startswith(b'{"job_id":"J-1","nonce":"n","host":"local"')
    assert "é".encode() in signed
