import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.faults import UsageFault
from handlers.grammar.parser import Parsed, parse
from handlers.grammar.render import argv, shown
from tests.handlers.grammar.sample import CATALOGUE, Login, Restart, Run


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
