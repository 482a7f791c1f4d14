# ruff: noqa: E501 - a case is a line, so that the tables can be read
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.faults import Fault, Reason
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.evaluate import TemplateError
from handlers.format.schema import BOOL, INT, LABELS, TEXT, TEXTS, TIME, array, member, pointer, struct

STATE = struct(
    "x.State", Status=TEXT, Running=BOOL, Health=member(pointer(struct("x.Health", Status=TEXT)), "Health?")
)
THING = struct(
    "x.Thing",
    ID=member(TEXT, "Id"),
    Name=TEXT,
    Count=INT,
    Args=TEXTS,
    Labels=LABELS,
    State=pointer(STATE),
    Policy=struct("x.Policy", Name=TEXT, Retries=INT),
    Since=TIME,
    Rules=member(array(INT), "Rules?"),
    Limit=pointer(INT),
)
DATA = {
    "Id": "0123456789abcdef",
    "Name": "/web",
    "Count": 7,
    "Args": ["-c", "sleep 9"],
    "Labels": {"b": "2", "a": "1"},
    "State": {"Status": "running", "Running": True},
    "Policy": {"Name": "on-failure", "Retries": 3},
    "Since": "2026-11-23T23:46:46.1460Z",
    "Limit": 0,
    "Unknown": [None, 1.5, {"z": 1, "a": "<&>"}],
}


def typed(source):
    return template.parse(source).execute(THING.decode(DATA), Budget())


def plain(source):
    return template.parse(source).execute(DATA, Budget(), missing_key_fails=True)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no action", "no action"),
        ("{{.Name}} {{.ID}} {{.Count}} {{.State.Running}}", "/web 0123456789abcdef 7 true"),
        ("{{.Args}} {{.Labels}} {{.Policy}} {{.State}}", "[-c sleep 9] map[a:1 b:2] {on-failure 3} {running true <nil>}"),
        ("{{.Since}}", "2026-11-23 23:46:46.146 +0000 UTC"),
        ("{{.Labels.a}} {{.Labels.nosuch}} {{index .Labels `nosuch`}}|", "1 <no value> |"),
        ("{{range .Args}}[{{.}}]{{end}}{{range .Rules}}x{{else}}none{{end}}", "[-c][sleep 9]none"),
        ("{{range $i, $e := .Args}}{{$i}}={{$e}} {{end}}", "0=-c 1=sleep 9 "),
        ("{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}}{{range 3}}{{.}}{{end}}", "a1b2012"),
        ("{{range .Args}}{{if eq . `-c`}}{{continue}}{{end}}{{.}}{{break}}{{end}}", "sleep 9"),
        ("{{with .State.Health}}sick{{else with .State}}{{.Status}}{{end}}", "running"),
        ("{{if .State.Health}}a{{else if .State.Running}}b{{else}}c{{end}}", "b"),
        ("{{if .Limit}}given{{end}} {{.Limit}}", "given 0"),
        ("{{eq .State.Health nil}}{{eq .Count 7}}{{ne .Name `x`}}{{lt 1 2}}{{ge 1 2}}{{le 2.5 2.5}}{{gt `b` `a`}}", "truetruetruetruefalsetruetrue"),
        ("{{$x := .Count}}{{if true}}{{$x = 8}}{{$y := $x}}{{end}}{{$x}}", "8"),
        ("{{define `t`}}<{{.}}{{$}}>{{end}}{{template `t` .Name}}{{block `b` 1}}{{.}}{{end}}", "</web/web>1"),
        ("{{and 1 0 .Nosuch}}{{or 0 `x` .Nosuch}}{{not 0}}", "0xtrue"),
        ("{{- ` a ` -}}   b {{- /* c */ -}} d", " a bd"),
        ("{{1.5e3}} {{1e6}} {{'a'}} {{0x10}} {{0b11}} {{017}} {{1_000}} {{.5}}", "1500 1e+06 97 16 3 15 1000 0.5"),
        ("{{printf `%05d|%-6s|%6.2f|%q|%x|%T|%v` 42 `ab` 3.14159 .Args 255 .Args .Policy}}", '00042|ab    |  3.14|["-c" "sleep 9"]|ff|[]string|{on-failure 3}'),
        ("{{printf `%s %d` .Labels 1 2}} {{printf `%.3s` .ID}}", "map[a:1 b:2] 1%!(EXTRA int=2) 012"),
        ("{{print 1 2 `a` 3 nil}}|{{println 1 true nil}}", "1 2a3 <nil>|1 true <nil>\n"),
        ("{{html `<a>'`}} {{js `a'<`}} {{urlquery `a b/é`}}", "&lt;a&gt;&#39; a\\'\\u003C a+b%2F%C3%A9"),
        ("{{index .Args 1}} {{slice .Name 1 3}} {{len .Name}} {{len .Labels}} {{slice .Args 1}}", "sleep 9 we 4 2 [sleep 9]"),
        ("{{json .State}} {{json .Labels}} {{json .Rules}} {{json nil}} {{json `<&>`}}", '{"Status":"running","Running":true} {"a":"1","b":"2"} null null "<&>"'),
        ("{{join .Args `+`}} {{join (split `a/b` `/`) `-`}} {{split `abc` ``}}", "-c+sleep 9 a-b [a b c]"),
        ("{{title `hello big world`}} {{lower `AB`}} {{`ab` | upper}} {{pad `x` 1 2}}| {{pad `` 1 1}}| {{truncate `abcd` 2}}", "Hello Big World ab AB  x  | | ab"),
    ],
)  # fmt: skip
def test_a_template_over_a_typed_object_prints_what_the_cli_prints(source, text):
    assert typed(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{.Id}} {{index .Unknown 0}} {{index .Unknown 1}}", "0123456789abcdef <no value> 1.5"),
        ("{{json .Unknown}}", '[null,1.5,{"a":"<&>","z":1}]'),
        ("{{(index .Unknown 2).z}} {{index .Args 0}}", "1 -c"),
    ],
)
def test_a_template_over_plain_json_reads_the_engines_own_keys(source, text):
    assert plain(source) == text


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{.ID", "template: :1: unclosed action"),
        ("{{.", 'template: :1: illegal number syntax: "."'),
        ("{{.ID.", 'template: :1: illegal number syntax: "."'),
        ("{{1.", "template: :1: unclosed action"),
        ("{{'ab'}}", "template: :1: malformed character constant: 'ab'"),
        ("{{nosuch .ID}}", 'template: :1: function "nosuch" not defined'),
        ("{{. nosuch.ID}}", 'template: :1: function "nosuch" not defined'),
        ("{{range .Args}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("a\n{{else}}", "template: :2: unexpected {{else}}"),
        ("{{if}}{{end}}", "template: :1: missing value for if"),
        ("{{range}}{{end}}", "template: :1: missing value for range"),
        ("{{ }}", "template: :1: missing value for command"),
        ("{{block `x`}}{{end}}", "template: :1: missing value for block clause"),
        ("{{range $a, $b, $c := .Args}}{{end}}", "template: :1: too many declarations in range"),
        ("{{$x}}", 'template: :1: undefined variable "$x"'),
        ("{{break}}", "template: :1: {{break}} outside {{range}}"),
        ("{{template x}}", 'template: :1: unexpected "x" in template clause'),
        ("{{%}}", 'template: :1: unexpected "%" in command'),
        ("{{| .ID}}", 'template: :1: unexpected "|" in command'),
        ("{{.ID.}}", "template: :1: unexpected <.> in operand"),
        ("{{" + "9" * 5000 + "}}", "template: :1: integer overflow"),
    ],
)
def test_a_template_that_does_not_parse_says_so_in_gos_words(source, sentence):
    with pytest.raises(TemplateError) as error:
        template.parse(source)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("source", "where", "sentence"),
    [
        ("{{.Nosuch}}", "1:2 .Nosuch", "can't evaluate field Nosuch in type x.Thing"),
        ("{{.Name.Foo}}", "1:7 .Name.Foo", "can't evaluate field Foo in type string"),
        ("{{.State.Foo}}", "1:8 .State.Foo", "can't evaluate field Foo in type *x.State"),
        ("{{.State.Health.Status}}", "1:8 .State.Health.Status", "nil pointer evaluating *x.Health.Status"),
        ("a\n {{$.Nosuch}}", "2:4 $.Nosuch", "can't evaluate field Nosuch in type x.Thing"),
        ("{{index .Args 5}}", "1:2 index .Args 5", "error calling index: index out of range: 5"),
        ("{{index .Args 2}}", "1:2 index .Args 2", "error calling index: reflect: slice index out of range"),
        ("{{index .Args nil}}", "1:2 index .Args nil", "error calling index: cannot index slice/array with nil"),
        ("{{index .Args `x`}}", "1:2 index .Args `x`", "error calling index: cannot index slice/array with type string"),
        ("{{index nil 0}}", "1:2 index nil 0", "error calling index: index of untyped nil"),
        ("{{index .Count 0}}", "1:2 index .Count 0", "error calling index: can't index item of type int"),
        ("{{index .Labels 1}}", "1:2 index .Labels 1", "error calling index: value has type int; should be string"),
        ("{{slice .Name 3 1}}", "1:2 slice .Name 3 1", "error calling slice: invalid slice index: 3 > 1"),
        ("{{len 3}}", "1:2 len 3", "error calling len: len of type int"),
        ("{{eq .Args .Args}}", "1:2 eq .Args .Args", "error calling eq: non-comparable type [-c sleep 9]: []string"),
        ("{{eq .Name 1}}", "1:2 eq .Name 1", "error calling eq: incompatible types for comparison"),
        ("{{lt .State 1}}", "1:2 lt .State 1", "error calling lt: invalid type for comparison"),
        ("{{eq 1}}", "1:2 eq 1", "error calling eq: missing argument for comparison"),
        ("{{upper 5}}", "1:8 5", "expected string; found 5"),
        ("{{upper .Count}}", "1:8 .Count", "wrong type for value; expected string; got int"),
        ("{{upper}}", "1:2 upper", "wrong number of args for upper: want 1 got 0"),
        ("{{.Name | upper .Name}}", "1:16 .Name", "wrong number of args for upper: want 1 got 2"),
        ("{{index}}", "1:2 index", "wrong number of args for index: want at least 1 got 0"),
        ("{{and}}", "1:2 and", "wrong number of args for and: want at least 1 got 0"),
        ("{{truncate `a` -1}}", "1:2 truncate `a` -1", "error calling truncate: runtime error: slice bounds out of range [:-1]"),
        ("{{pad `a` -1 0}}", "1:2 pad `a` -1 0", "error calling pad: strings: negative Repeat count"),
        ("{{.Name .ID}}", "1:2 .Name", "Name has arguments but cannot be invoked as function"),
        ("{{3 4}}", "1:2 3", "can't give argument to non-function 3"),
        ("{{nil}}", "1:2 nil", "nil is not a command"),
        ("{{range .Name}}{{end}}", "1:8 .Name", "range can't iterate over /web"),
        ("{{template `x` .}}", '1:11 {{template "x" .}}', 'template "x" not defined'),
        ("{{(.State).Foo}}", "1:3 .State", "can't evaluate field Foo in type *x.State"),
    ],
)  # fmt: skip
def test_a_template_that_fails_names_the_place_and_the_reason_as_go_does(source, where, sentence):
    with pytest.raises(TemplateError) as error:
        typed(source)
    place, text = where.split(" ", 1)
    if "Name .ID" in source or "upper .Name" in source:
        assert str(error.value).endswith(f": {sentence}")
    else:
        assert str(error.value) == f'template: :{place}: executing "" at <{text}>: {sentence}'


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{{.Foo}}", 'map has no entry for key "Foo"'),
        ("{{.State.Foo}}", 'map has no entry for key "Foo"'),
        ("{{.Name.Foo}}", "can't evaluate field Foo in type interface {}"),
        ("{{upper .Count}}", "wrong type for value; expected string; got json.Number"),
        ("{{(index .Unknown 0).x}}", "nil pointer evaluating interface {}.x"),
    ],
)
def test_over_plain_json_a_missing_key_is_an_error(source, sentence):
    with pytest.raises(TemplateError) as error:
        plain(source)
    assert str(error.value).endswith(sentence)


LONG = '{{$x := printf "%1000000s" "a"}}'
BOMBS = {
    "nested ranges": "{{range 9999}}{{range 9999}}{{range 9999}}x{{end}}{{end}}{{end}}",
    "a range over a huge number": "{{range 1000000000000}}{{end}}",
    "a huge width": '{{printf "%999999999d" 1}}',
    "a huge width from an argument": '{{printf "%*d" 999999999 1}}',
    "a huge precision": '{{printf "%.999999999f" 1.5}}',
    "many wide directives": '{{printf "' + "%900000d" * 1000 + '" 1}}',
    "one argument used over and over": LONG + '{{printf "' + "%[1]s" * 3000 + '" $x}}',
    "a text that doubles": '{{$x := "aaaaaaaaaa"}}{{range 60}}{{$x = printf "%s%s" $x $x}}{{end}}',
    "a text that doubles by print": '{{$x := "aaaaaaaaaa"}}{{range 60}}{{$x = print $x $x}}{{end}}',
    "much padding": '{{pad "x" 999999999 1}}',
    "a long separator": LONG + '{{join (split $x " ") $x}}',
    "many long texts": LONG + "".join(f'{{{{$a{i} := printf "%s." $x}}}}' for i in range(400)),
    "long work on few characters": LONG + "{{range 100000}}{{$y := len $x}}{{end}}",
    "endless recursion": '{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}',
    "a tree of calls": "".join(
        f'{{{{define "t{i}"}}}}{{{{template "t{i + 1}"}}}}{{{{template "t{i + 1}"}}}}{{{{end}}}}' for i in range(30)
    )
    + '{{define "t30"}}x{{end}}{{template "t0"}}',
    "deep parentheses": "{{" + "(" * 5000 + "." + ")" * 5000 + "}}",
    "deep blocks": "{{if .}}" * 1000 + "{{end}}" * 1000,
    "a chain of else if": "{{if .X}}" + "{{else if .X}}" * 900 + "{{end}}",
    "a long template": "x" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_template_bomb_is_refused_within_a_second(source):
    started = time.thread_time()
    try:
        with pytest.raises(Fault) as fault:
            template.parse(source).execute({"X": 0}, Budget())
        assert fault.value.reason is Reason.TEMPLATE
        assert fault.value.hint
    finally:
        assert time.thread_time() - started < 1


def test_a_budget_counts_over_all_the_rows_of_a_command():
    parsed, budget = template.parse("{{range 1000}}{{end}}"), Budget()
    rows = 0
    while budget.steps < 240_000:
        parsed.execute({}, budget)
        rows += 1
    assert rows < 1000
    with pytest.raises(Fault):
        [parsed.execute({}, budget) for _ in range(20)]


FRAGMENTS = st.sampled_from(
    [
        "{{",
        "}}",
        ".A",
        ".B",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        "break",
        "continue",
        "printf",
        "index",
        "len",
        "json",
        "join",
        "`a`",
        '"%d"',
        '"%s"',
        '"%*d"',
        "1",
        "-1",
        "1.5",
        "nil",
        "true",
        "0x1p9",
        "'c'",
        "/*",
        "*/",
        "-",
        ",",
        "x",
        "\n",
        ".A.B",
        "and",
        "or",
        "not",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS, max_size=14))
def test_whatever_is_typed_ends_in_a_text_or_a_clear_refusal(words):
    source = "{{" + " ".join(words) + "}}"
    try:
        outcome = template.parse(source).execute({"A": {"B": [1, "x"]}, "B": None}, Budget())
    except (TemplateError, Fault) as refusal:
        outcome = refusal
    assert isinstance(outcome, str | Fault) or str(outcome).startswith("template: :")
