"""What belongs to an open incident goes first among its kind."""

import pytest

from bot.jobs.lanes import lane_of
from handlers.catalogue import load
from handlers.grammar.parser import parse

CATALOGUE = load()
LANES = {
    "restart web": ("normal", "incident"),
    "ps": ("normal", "incident"),
    "logs web": ("normal", "incident"),
    "logs -f web": ("follow", "follow"),
    "pull nginx": ("bulk", "bulk"),
    "system prune --force": ("bulk", "bulk"),
}


@pytest.mark.parametrize("line", LANES)
def test_only_what_would_wait_in_the_normal_lane_is_urgent_under_an_incident(line):
    command = parse(line, CATALOGUE).command
    assert (lane_of(command), lane_of(command, "INC-12")) == LANES[line]
