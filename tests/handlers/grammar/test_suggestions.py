import pytest

from handlers.faults import UsageFault
from handlers.grammar.parser import Parsed, parse
from handlers.grammar.suggest import closest, distance, sentence
from tests.handlers.grammar.sample import CATALOGUE


@pytest.mark.parametrize(
    ("line", "corrected"),
    [
        ("docker contaner ls", "docker container ls"),
        ("docker container lss -a", "docker container ls -a"),
        ("docker restrat web -t 2", "docker restart web -t 2"),
        ("docker Restart web", "docker restart web"),
        ("docker contaner lss", "docker container ls"),
        ("docker network disconnet web-network web", "docker network disconnect web-network web"),
        ("docker disconnect web-network web", "docker network disconnect web-network web"),
        ("docker restart --timeot 3 web", "docker restart --timeout 3 web"),
        ("docker restart --timeot=3 web", "docker restart --timeout=3 web"),
        ("docker ps --no-tru", "docker ps --no-trunc"),
        ("docker ps -all", "docker ps --all"),
        ("docker run -name=web nginx", "docker run --name=web nginx"),
        ("docker image ls — digests", "docker image ls --digests"),
        ("docker image ls —digests", "docker image ls --digests"),
        ("docker image ls \N{EN DASH}digests", "docker image ls --digests"),
        ("docker image ls —no-trunc", "docker image ls --no-trunc"),
        ("docker image ls — no -trunc", "docker image ls --no-trunc"),
        ("docker image ls — no-trunc", "docker image ls --no-trunc"),
        ('docker image ls —format="{{ .ID}}" centos:7', 'docker image ls --format="{{ .ID}}" centos:7'),
        ("docker image ls — format='{{.ID}}' centos", "docker image ls --format='{{.ID}}' centos"),
        ("docker run —restart=always —rm=false nginx", "docker run --restart=always --rm=false nginx"),
        ("docker --version", "docker version"),
        ("docker -v", "docker version"),
        ("docker help restrat", "docker help restart"),
    ],
)
def test_one_plausible_correction_is_offered_as_a_whole_line(line, corrected):
    with pytest.raises(UsageFault) as refused:
        parse(line, CATALOGUE)
    assert refused.value.suggestion == corrected
    parse(corrected, CATALOGUE)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("docker qwertz", ""),
        ("docker ps --qwertz", ""),
        ("docker ps -z", ""),
        ("docker ls", "Did you mean `container ls` or `image ls`?"),
        ("docker image ls —", ""),
        ("docker image ls — nosuch", ""),
        # One word is right, the line is not: the word alone is named.
        ("docker container restrat", "Did you mean `restart`?"),
        ("docker contaner lss --al", "Did you mean `container`?"),
        ("docker restart --timeot x web", "Did you mean `--timeout`?"),
    ],
)
def test_without_one_that_parses_no_line_is_offered(line, hint):
    with pytest.raises(UsageFault) as refused:
        parse(line, CATALOGUE)
    assert refused.value.suggestion is None
    assert refused.value.hint == hint


def test_hidden_and_deprecated_spellings_are_not_suggested():
    for line in ("docker restart --tim 2 web", "docker run --nett a x"):
        with pytest.raises(UsageFault) as refused:
            parse(line, CATALOGUE)
        assert "--time`" not in refused.value.hint
        assert "--net`" not in refused.value.hint


@pytest.mark.parametrize(
    ("left", "right", "far"),
    [
        ("", "", 0),
        ("ls", "ls", 0),
        ("lss", "ls", 1),
        ("restrat", "restart", 1),
        ("abc", "xyz", 3),
        ("", "ab", 2),
    ],
)
def test_a_swap_of_neighbours_counts_once(left, right, far):
    assert distance(left, right, 3) == distance(right, left, 3) == far


def test_what_is_farther_than_the_bound_is_not_measured():
    assert distance("a" * 8000, "b" * 8000, 2) == 3
    assert distance("a" * 8000, "b", 2) == 3


@pytest.mark.parametrize(
    ("word", "vocabulary", "words"),
    [
        ("stat", ["start", "stats", "stop"], ("start", "stats")),
        ("STOP", ["start", "stop"], ("stop",)),
        ("no-t", ["no-trunc", "quiet"], ("no-trunc",)),
        ("ab", ["xy"], ()),
        ("", ["a"], ("a",)),
        ("x", [], ()),
    ],
)
def test_the_closest_words_of_the_vocabulary_are_found(word, vocabulary, words):
    assert closest(word, vocabulary) == words


def test_a_sentence_names_three_words_at_most():
    assert sentence([]) == ""
    assert sentence(["a", "b", "c", "d"]) == "Did you mean `a` or `b` or `c`?"


def test_a_correct_line_is_not_corrected():
    assert isinstance(parse("docker ps", CATALOGUE), Parsed)
