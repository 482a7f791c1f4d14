import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.faults import UsageFault
from handlers.grammar.parser import Parsed, parse
from handlers.grammar.render import argv, shown
from tests.handlers.grammar.sample import CATALOGUE, Commit, ImageLs, Login, Ls, NetworkCreate, Restart, Run

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
WORDS = st.one_of(
    TEXTS,
    st.sampled_from(["-", "--", "--all", "-x", "\u2014x", "a,b", 'a"b', "> f", "$(x)", "=", "\n", "\\\n"]),
)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SIZES = st.integers(0, 2**53)


def given_some(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


LISTS = st.lists(WORDS, max_size=3).map(tuple)
FULL = st.lists(WORDS, min_size=1, max_size=3).map(tuple)
NAMED = st.tuples(st.sampled_from(["A", "b-c", "-", "é"]), WORDS).map("=".join)
COMMANDS = st.one_of(
    given_some({"containers": FULL}, signal=WORDS, timeout=NUMBERS).map(Restart.model_validate),
    given_some(
        {},
        all=st.booleans(),
        last=NUMBERS,
        no_trunc=st.booleans(),
        filter=st.lists(NAMED.map(lambda text: text.lower()), min_size=1).map(
            lambda texts: tuple(f"{n.strip()}={v.strip()}" for n, _, v in (t.partition("=") for t in texts))
        ),
    ).map(Ls.model_validate),
    given_some(
        {"image": WORDS},
        command=FULL,
        attach=st.just(("stdin", "stderr")),
        blkio_weight=st.integers(0, 65_535),
        cpus=NUMBERS,
        dns=st.just(("1.1.1.1", "::1")),
        env=st.lists(NAMED, min_size=1).map(tuple),
        health_start_interval=NUMBERS,
        interactive=st.booleans(),
        memory=SIZES,
        memory_swap=st.one_of(st.just(-1), SIZES),
        name=WORDS,
        sig_proxy=st.booleans(),
    ).map(Run.model_validate),
    given_some({}, repository=WORDS, format=WORDS).map(ImageLs.model_validate),
    given_some({"container": WORDS}, repository=WORDS, message=WORDS).map(Commit.model_validate),
    given_some({"network": WORDS}, subnet=LISTS).map(NetworkCreate.model_validate),
)


@given(COMMANDS)
def test_the_canonical_line_parses_to_the_same_command(command):
    answer = parse(shlex.join(argv(command)), CATALOGUE)
    assert isinstance(answer, Parsed)
    assert answer.command == command
    assert answer.command.model_fields_set == command.model_fields_set


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("restart web -t 2", "docker container restart --timeout 2 web"),
        ("restart web --time 2", "docker container restart --timeout 2 web"),
        ("ps -a=false -qn-1", "docker container ls --all=false --last -1 --quiet"),
        ("run --net a x ls -la", "docker container run --network a x ls -la"),
        ("run -- -x -y", "docker container run -- -x -y"),
        ("restart a -- -b", "docker container restart -- a -b"),
        ("run --health-start-interval 1m x", "docker container run --health-start-interval 60000000000ns x"),
    ],
)
def test_a_line_becomes_canonical(line, words):
    answer = parse(line, CATALOGUE)
    assert isinstance(answer, Parsed)
    assert " ".join(argv(answer.command)) == words


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (
            Run(image="nginx", env=("DB_PASSWORD=hunter2", "A='b c'"), name="a b"),
            "docker container run --env DB_PASSWORD=•••• --env A=•••• --name 'a b' nginx",
        ),
        (Run(image="x", env=("hunter2",)), "docker container run --env •••• x"),
        (Run(image="x", env=("A B=hunter2",)), "docker container run --env •••• x"),
        (Login(password="hunter=2", username="me"), "docker login --username me --password ••••"),
        (
            Run(image="x", label=("api-key=hunter2", "a=b"), command=("sh", "-c", "TOKEN=hunter2 run")),
            "docker container run --label api-key=•••• --label a=b x sh -c TOKEN=••••",
        ),
        (
            Run(image="x", command=("curl", "https://me:hunter2@host/")),
            "docker container run x curl https://••••@host/",
        ),
        (Restart(containers=("web",), timeout=None), "docker container restart web"),
    ],
)
def test_what_people_see_holds_no_secret(command, line):
    assert shown(command) == line


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20))
def test_no_value_of_a_secret_option_is_ever_shown(value):
    secret = f"Zq{value}Zq"
    line = shown(Run(image="img", env=(f"A={secret}", secret.replace("=", "_"))))
    assert secret not in line
    assert secret.replace("=", "_") not in line


def test_a_shown_line_is_no_way_back_to_the_secret():
    command = Run(image="x", env=("A=hunter2",))
    answer = parse(shown(command), CATALOGUE)
    assert isinstance(answer, Parsed)
    assert answer.command != command
    with pytest.raises(UsageFault):
        parse(shown(command).replace("--env", "--nosuch"), CATALOGUE)
