# ruff: noqa: E501, ISC004 - a case is a line, and a sentence of the CLI can be long
import pytest

from handlers.faults import Fault, Reason
from handlers.format.listing import Column, Listing, join_labels, label_title
from handlers.grammar.output import Document, Lines, Table

PETS = Listing(
    go_type="*formatter.petContext",
    columns={
        "Name": Column("NAME", lambda row: row["name"]),
        "Legs": Column("LEGS", lambda row: row["legs"]),
        "Weight": Column("WEIGHT", lambda row: row.get("weight", "0kg")),
    },
    label=lambda row, name: row.get("labels", {}).get(name, ""),
)
ROWS = [{"name": "rex", "legs": 4, "labels": {"x.my-tag": "<b>"}}, {"name": "tweety the <bird>", "legs": 2}]


def test_a_table_has_titles_aligned_text_and_the_same_cells():
    table = PETS.render("table {{.Name}}\\t{{upper .Weight}}\t{{.Legs}}", ROWS)
    assert table == Table(
        header=("NAME", "WEIGHT", "LEGS"),
        rows=(("rex", "0KG", "4"), ("tweety the <bird>", "0KG", "2")),
        text="NAME                WEIGHT    LEGS\nrex                 0KG       4\ntweety the <bird>   0KG       2\n",
    )


def test_a_label_is_a_column_titled_by_its_last_part():
    assert PETS.render('table {{.Label "x.my-tag"}}', ROWS).text == "my tag\n<b>\n\n"


def test_an_unknown_title_of_an_empty_table_is_no_value():
    assert PETS.render("table {{.Nosuch}}", []).text == "<no value>\n"


def test_a_title_that_the_template_cannot_make_is_left_out():
    assert PETS.render("table {{printf `%d` .Legs}}{{pad (json .Legs) 1 1}}", []).header == (
        "%!d(string=LEGS) LEGS ",
    )
    assert PETS.render("table {{json .}}", []).text == "\n"


def test_json_is_a_document_of_one_line_a_row_with_html_escaped():
    shown = PETS.render("json", ROWS[1:])
    assert shown == Document(text='{"Legs":2,"Name":"tweety the \\u003cbird\\u003e","Weight":"0kg"}\n')


def test_any_other_template_gives_lines():
    assert PETS.render("{{.Name}}\\n-", ROWS) == Lines(lines=("rex", "-", "tweety the <bird>", "-"))
    assert PETS.render("{{.Name}}", []) == Lines()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("{{.Name", "template parsing error: template: :1: unclosed action"),
        (
            "{{.Nosuch}}",
            'template parsing error: template: :1:2: executing "" at <.Nosuch>: '
            "can't evaluate field Nosuch in type *formatter.petContext",
        ),
        (
            "{{.Name 1}}",
            'template parsing error: template: :1:2: executing "" at <.Name>: '
            "wrong number of args for Name: want 0 got 1",
        ),
        (
            "{{.Label 1}}",
            'template parsing error: template: :1:9: executing "" at <1>: expected string; found 1',
        ),
    ],
)
def test_a_wrong_template_is_a_fault_with_the_clis_sentence(form, sentence):
    with pytest.raises(Fault) as fault:
        PETS.render(form, ROWS)
    assert (fault.value.reason, fault.value.exit_code, fault.value.message) == (Reason.TEMPLATE, 1, sentence)


@pytest.mark.parametrize(
    ("form", "used"),
    [("{{.Weight}}", True), ("{{.Name}}", False), ("json", False), ("{{json .}}", True), ("{{if .Name}}{{.Weight}}{{end}}", False)],
)  # fmt: skip
def test_a_template_tells_which_columns_it_uses_of_an_empty_row(form, used):
    assert PETS.uses(form, {"name": "", "legs": 0}, "Weight") is used


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("{{.Name", "failed to parse template: template: :1: unclosed action"),
        ("{{index .Name 0}}", "failed to execute template: template: :1:2: "),
    ],
)
def test_trying_a_wrong_template_is_a_fault_of_its_own(form, sentence):
    with pytest.raises(Fault) as fault:
        PETS.uses(form, {"name": "", "legs": 0}, "Weight")
    assert fault.value.message.startswith(sentence)


def test_rows_together_may_cost_no_more_than_one_command_may():
    with pytest.raises(Fault) as fault:
        PETS.render("{{range 1000}}{{end}}", ROWS * 500)
    assert fault.value.reason is Reason.TEMPLATE


def test_labels_are_sorted_by_key():
    assert join_labels({"b": "2", "a": "1"}) == "a=1,b=2"
    assert join_labels(None) == ""
    assert label_title("com.docker.compose.my-service_name") == "my service name"
