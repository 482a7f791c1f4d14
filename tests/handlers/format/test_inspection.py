import pytest

from handlers.faults import Cancelled, Fault, NotFound, Reason
from handlers.format.inspection import inspect
from handlers.format.schema import INT, TEXT, member, struct
from handlers.grammar.output import Failure

VIEW = struct("x.Thing", ID=member(TEXT, "Id"), Policy=struct("x.Policy", Name=TEXT, Retries=INT))
THING = {"Id": "1", "Policy": {"Name": "no", "Retries": 0}, "Extra": {"b": [], "a": {}}, "Text": "é<&>\u2028"}


def fetch(name):
    if name == "nosuch":
        raise NotFound(f"No such thing: {name}")
    return THING


def test_without_a_format_the_engines_json_is_indented_in_its_own_order():
    shown = inspect(["a"], fetch, VIEW, "")
    assert shown.text == (
        '[\n    {\n        "Id": "1",\n        "Policy": {\n            "Name": "no",\n'
        '            "Retries": 0\n        },\n        "Extra": {\n'
        '            "b": [],\n            "a": {}\n'
        "        },\n"
        '        "Text": "é<&>\u2028"\n    }\n]\n'
    )
    assert shown.exit_code == 0


def test_json_is_the_same_on_one_line():
    shown = inspect(["a", "a"], lambda _: {"Id": "1", "A": [1]}, VIEW, "json")
    assert shown.text == '[{"Id":"1","A":[1]},{"Id":"1","A":[1]}]\n'


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{{.ID}}{{.Policy}}", "1{no 0}\n"),
        ("{{.Id}}{{.Policy}}", "1map[Name:no Retries:0]\n"),
        ("{{json .}}", '{"Id":"1","Policy":{"Name":"no","Retries":0}}\n'),
        ("{{json .Extra}}", '{"a":{},"b":[]}\n'),
    ],
)
def test_a_template_sees_the_typed_object_and_else_the_plain_one(form, text):
    assert inspect(["a"], fetch, VIEW, form).text == text


@pytest.mark.parametrize(("form", "text"), [("", "[]\n"), ("json", "[]\n"), ("{{.ID}}", "\n")])
def test_nothing_found_still_prints_what_the_cli_prints(form, text):
    shown = inspect(["nosuch"], fetch, VIEW, form)
    assert (shown.text, shown.exit_code) == (text, 1)
    assert shown.stderr == "Error response from daemon: No such thing: nosuch\n"


def test_one_that_fails_does_not_stop_the_others():
    shown = inspect(["a", "nosuch", "b"], fetch, VIEW, "{{.ID}}")
    assert (shown.text, shown.exit_code, len(shown.failures)) == ("1\n1\n", 1, 1)


def test_a_template_that_fails_says_so_for_each_object():
    shown = inspect(["a", "b"], fetch, VIEW, "{{.Foo}}")
    sentence = (
        'template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'
    )
    assert shown.failures == (Failure(reason="template", message=sentence),) * 2
    assert (shown.text, shown.exit_code) == ("\n", 1)


def test_a_template_that_does_not_parse_asks_for_nothing():
    with pytest.raises(Fault) as fault:
        inspect(["a"], lambda _: pytest.fail("asked"), VIEW, "{{.ID")
    assert (fault.value.reason, fault.value.exit_code) == (Reason.TEMPLATE, 64)
    assert fault.value.message == "template parsing error: template: :1: unclosed action"


def test_a_job_that_has_to_end_ends():
    def cancelled(_):
        raise Cancelled("Cancelled")

    with pytest.raises(Cancelled):
        inspect(["a"], cancelled, VIEW, "")
