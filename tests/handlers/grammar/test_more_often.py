"""``--times`` and ``--within``: on every change, inside their bounds, and never part of the command."""

import pytest

from handlers import catalogue
from handlers.faults import UsageFault
from handlers.grammar.parser import WITHIN_DEFAULT, parse

CATALOGUE = catalogue.load()

TAKEN = {
    "restart web": (1, WITHIN_DEFAULT),
    "restart --times 3 web": (3, 3600.0),
    "restart --times=2 --within=1m web": (2, 60.0),
    "restart web --within 4h --times 20": (20, 14_400.0),
    "restart --within 90s --times 2 web": (2, 90.0),
}


@pytest.mark.parametrize(("line", "taken"), TAKEN.items(), ids=TAKEN)
def test_is_taken(line, taken):
    parsed = parse(line, CATALOGUE)
    assert (parsed.times, parsed.within) == taken
    assert parsed.command == parse("restart web", CATALOGUE).command


REFUSED = {
    "restart --times 1 web": "--times is a number from 2 to 20",
    "restart --times 21 web": "--times is a number from 2 to 20",
    "restart --times=-3 web": "--times is a number from 2 to 20",
    "restart --times many web": 'invalid argument "many" for "--times" flag',
    "restart --times 2 --within 59s web": "--within is from 1m to 4h",
    "restart --times 2 --within 4h1s web": "--within is from 1m to 4h",
    "restart --times 2 --within soon web": 'invalid argument "soon" for "--within" flag',
    "restart --within 5m web": "--within goes with --times",
    "restart web --times": "flag needs an argument: --times",
    "ps --times 3": "unknown flag: --times",
}


@pytest.mark.parametrize(("line", "why"), REFUSED.items(), ids=REFUSED)
def test_is_refused(line, why):
    with pytest.raises(UsageFault) as told:
        parse(line, CATALOGUE)
    assert told.value.message.startswith(why)


def test_every_change_takes_them_and_no_read_does():
    for command in CATALOGUE.commands:
        try:
            parse(f"{command.path} --times 0", CATALOGUE)
        except UsageFault as fault:
            known = "--times is a number" in fault.message
        assert known is not command.verb.reads, command.path
