import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.faults import Reason, UsageFault
from handlers.grammar.tokens import MAX_CHARACTERS, MAX_TOKENS, scan, tokenise


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  \t\n ", []),
        ("docker ps -a", ["docker", "ps", "-a"]),
        ("  docker   ps  ", ["docker", "ps"]),
        ("docker ps \n -a\r\n -q", ["docker", "ps", "-a", "-q"]),
        ("docker run \\\n -d \\\r\n nginx", ["docker", "run", "-d", "nginx"]),
        ("do\\\ncker", ["docker"]),
        ("run -e 'A=b c' x", ["run", "-e", "A=b c", "x"]),
        ('--format "{{.ID}} \\"x\\" \\\\ \\n"', ["--format", '{{.ID}} "x" \\ \\n']),
        ("a'b c'd\"e f\"g\\ h", ["ab cde fg h"]),
        ("'' \"\"", ["", ""]),
        ("'a\nb'", ["a\nb"]),
        ("a#b # c", ["a#b", "#", "c"]),
        ("--format {{.ID}}|{{.Names}}", ["--format", "{{.ID}}|{{.Names}}"]),
        ("run x sh -c 'a > b | c && d; $(e)'", ["run", "x", "sh", "-c", "a > b | c && d; $(e)"]),
        ("run x echo '>' \\| \"&&\"", ["run", "x", "echo", ">", "|", "&&"]),
        ("é\u3000ü 😀", ["é\u3000ü", "😀"]),
    ],
)
def test_words_are_split_as_a_shell_splits_them(line, words):
    assert [token.text for token in tokenise(line)] == words


def test_offsets_include_the_quotes():
    line = "  run -e 'A=b c'  img"
    assert [line[token.start : token.end] for token in tokenise(line)] == ["run", "-e", "'A=b c'", "img"]


@given(st.text(alphabet=st.sampled_from(list("ab '\"\\\t\r\n=-é"))))
@example("a\\")
@example("'\\'")
def test_words_equal_those_of_shlex_where_no_line_is_joined(line):
    if "\\\n" in line or "\\\r" in line:
        return
    try:
        expected = shlex.split(line)
    except ValueError:
        with pytest.raises(UsageFault) as refused:
            tokenise(line)
        assert refused.value.reason is Reason.UNCLOSED_QUOTE
    else:
        assert [token.text for token in tokenise(line)] == expected


@given(st.text())
def test_scanning_never_fails_and_its_words_lie_in_order(line):
    ends = [(token.start, token.end) for token in scan(line)]
    flat = [offset for pair in ends for offset in pair]
    assert flat == sorted(flat)
    assert all(0 <= start < end <= len(line) for start, end in ends)


@pytest.mark.parametrize(
    ("line", "bad", "message"),
    [
        ("docker run 'abc def", "'abc def", "the quote ' is never closed"),
        ('docker run "abc def', '"abc def', 'the quote " is never closed'),
        ("docker run -e A='b c", "'b c", "the quote ' is never closed"),
        ("docker run 'a' b'c' d\"e 'f", "\"e 'f", 'the quote " is never closed'),
        ('docker run "a\\" b', '"a\\" b', 'the quote " is never closed'),
        ("docker ps \\", "\\", "nothing follows the last backslash"),
    ],
)
def test_an_unclosed_quote_is_refused_where_it_opens(line, bad, message):
    with pytest.raises(UsageFault) as refused:
        tokenise(line)
    fault = refused.value
    assert (fault.reason, fault.message) == (Reason.UNCLOSED_QUOTE, message)
    assert line[slice(*fault.span)] == bad
    assert fault.hint


@pytest.mark.parametrize(
    ("line", "bad", "word"),
    [
        ("docker container export webserver > webserver.tar", ">", "redirection"),
        ("docker logs web >>f", ">>f", "redirection"),
        ("docker logs web 2>&1", "2>&1", "redirection"),
        ("docker exec web cat < f", "<", "redirection"),
        ("docker ps | grep web", "|", "joins commands"),
        ("docker ps || true", "||", "joins commands"),
        ("docker stop a && docker rm a", "&&", "joins commands"),
        ("docker stop a ; docker rm a", ";", "joins commands"),
        ("docker run nginx &", "&", "joins commands"),
        ("docker rm $(docker ps -aq)", "$(docker", "runs a command"),
        ("docker rm `docker ps -aq`", "`docker", "runs a command"),
    ],
)
def test_what_only_a_shell_understands_is_explained(line, bad, word):
    with pytest.raises(UsageFault) as refused:
        tokenise(line)
    fault = refused.value
    assert line[slice(*fault.span)] == bad
    assert word in fault.message
    assert fault.hint


def test_the_hint_for_a_redirection_names_the_option_to_use():
    with pytest.raises(UsageFault) as refused:
        tokenise("docker container export web > web.tar")
    assert "export" in refused.value.hint
    assert "-o FILE" in refused.value.hint


@pytest.mark.parametrize(
    ("line", "start"),
    [("x" * (MAX_CHARACTERS + 1), MAX_CHARACTERS), ("x " * (MAX_TOKENS + 1), 2 * MAX_TOKENS)],
)
def test_a_line_that_is_too_long_is_refused(line, start):
    with pytest.raises(UsageFault) as refused:
        tokenise(line)
    assert refused.value.reason is Reason.TOO_LONG
    assert refused.value.span == (start, len(line))


def test_the_longest_line_is_accepted():
    assert len(tokenise("x" * MAX_CHARACTERS)) == 1
    assert len(tokenise("x " * MAX_TOKENS)) == MAX_TOKENS


@pytest.mark.parametrize("character", ["\0", "\ud83d"])
def test_what_no_argument_can_carry_is_refused(character):
    with pytest.raises(UsageFault) as refused:
        tokenise(f"docker ps {character}")
    assert refused.value.span == (10, 11)
