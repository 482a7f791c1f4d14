"""A dry run reads, notes what would be changed, and changes nothing."""

import pytest

from handlers.catalogue import load
from handlers.dry_run import rehearse
from handlers.faults import NotFound
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

WEB = {"Id": "4f1c2d9ab310" + "0" * 52, "Name": "/web", "State": {"Status": "running"}}


def rehearsed(line, *answers):
    engine = FakeEngine({(method, path): answer for method, path, answer in answers})
    done = rehearse(parse(line, load()).command, FakeContext(engine))
    assert [r for r in engine.requests if r.method != "GET"] == []
    return done


def test_a_change_is_shown_with_its_target():
    done = rehearsed("restart -t 2 web", ("GET", "/containers/web/json", WEB))
    assert done.lines == (
        "These calls would be made; nothing was changed:",
        "  web: container 4f1c2d9ab310, running",
        "  POST /containers/web/restart?t=2",
    )


def test_an_unknown_target_fails_as_it_would():
    done = rehearsed("restart web", ("GET", "/containers/web/json", NotFound("No such container: web")))
    assert "No such container: web" in done.stderr


def test_values_of_variables_are_not_shown():
    done = rehearsed("run -d -e PASSWORD=hunter2 -m 64m busybox sleep 3")
    assert "hunter2" not in done.stdout
    assert "PASSWORD=" in done.stdout
    assert "POST /containers/create" in done.stdout
    assert "POST /containers/<new>/start" in done.stdout


def test_the_password_of_a_login_is_not_shown():
    done = rehearsed("login -u ann -p hunter2 r.example")
    assert "hunter2" not in done.stdout
    assert '"username": "ann"' in done.stdout


def test_a_push_looks_at_the_very_tag_and_at_nothing_where_all_are_meant():
    done = rehearsed("push r.example/shop:1", ("GET", "/images/r.example%2Fshop:1/json", {"Id": "sha256:ab"}))
    assert done.lines[-1] == "  POST /images/r.example/shop/push?tag=1"
    assert rehearsed("push -a r.example/shop").lines[-1] == "  POST /images/r.example/shop/push"


def test_what_depends_on_an_answer_is_said():
    done = rehearsed("run busybox echo hi")
    assert done.lines[-1] == "What follows depends on the answers."


@pytest.mark.parametrize("line", ["restart --dry-run web", "rm --dry-run=true web", "run --dry-run busybox"])
def test_every_change_takes_the_option(line):
    assert parse(line, load()).dry_run


def test_a_read_has_no_such_option():
    with pytest.raises(Exception, match="unknown flag: --dry-run"):
        parse("ps --dry-run", load())


def test_behind_the_image_it_is_the_command_s():
    parsed = parse("run busybox ls --dry-run", load())
    assert not parsed.dry_run
    assert parsed.command.command == ("ls", "--dry-run")
