import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.faults import UsageFault
from handlers.grammar.mask import masked
from handlers.grammar.parser import parse
from handlers.grammar.secrecy import MASK
from tests.handlers.grammar.sample import CATALOGUE

ATTACKS = [
    "docker run -e DB_PASSWORD=hunter2 --nosuch img",
    "docker run -e DB=hunter2 --nosuch img",
    "docker run -eDB=hunter2 --nosuch img",
    "docker run -e=DB=hunter2 --nosuch img",
    "docker run -ite DB=hunter2 --nosuch img",
    "docker run -iteDB=hunter2 --nosuch img",
    "docker run --env DB=hunter2 --nosuch img",
    "docker run --env=DB=hunter2 --nosuch img",
    "docker run --env= DB=hunter2 img",
    "docker run -e hunter2 --nosuch img",
    "docker run -e 'DB=hunter2 hunter2' --nosuch img",
    "docker run -e 'DB'=hunter2 --nosuch img",
    'docker run -e"DB=hunter2" --nosuch img',
    'docker run --e"nv"=DB=hunter2 --nosuch img',
    "docker run -e DB='hunter2 hunter2",
    "docker run -e 'DB=hunter2",
    "docker run --name 'x -e DB=hunter2 hunter2",
    'docker run --name "x --password hunter2',
    "docker run —env DB=hunter2 img",
    "docker run —env=DB=hunter2 img",
    "docker run — env DB=hunter2 img",
    "docker run --nosuch -env DB=hunter2 img",
    "docker run --nosuch -e DB=a=hunter2 img",
    "docker run --evn DB=hunter2 img",
    "docker run --envv=DB=hunter2 img",
    "docker run --nosuch img sh -c 'export API_TOKEN=hunter2; run'",
    "docker run --nosuch img curl -H 'Authorization: Bearer hunter2'",
    'docker run --nosuch img curl -d \'{"password": "hunter2"}\'',
    "docker run --nosuch -l api_key=hunter2 img",
    "docker run --nosuch P'ASSWORD'=hunter2",
    "docker run --nosuch PASSWORD = hunter2",
    "docker run --nosuch PASSWORD= hunter2",
    "docker run --nosuch PASSWORD: hunter2",
    "docker run --db-password hunter2 img",
    "docker run --db-password=hunter2 img",
    "docker runn -e DB=hunter2 img",
    "docker -eDB=hunter2 run img",
    "docker -H prod runn -e DB=hunter2 img",
    "-e DB=hunter2",
    "docker login -u bob -p hunter2 a b",
    "docker login -u bob -phunter2 a b",
    "docker login -u bob -p=hunter2 a b",
    "docker login --password hunter2 a b",
    "docker login --passwrod hunter2",
    "docker login --pass hunter2",
    "docker login --pass-word=hunter2",
    "docker login -u bob -p correct hunter2 horse",
    "docker login -u bob -pcorrect hunter2 horse",
    "docker login --password=correct hunter2 horse",
    "docker lgoin --passwrod correct hunter2 horse",
    "docker login -password hunter2 a b",
    "docker lgoin -u bob -p hunter2",
    "docker build --build-arg NPM=hunter2 .",
    "docker build --secret id=a,env=hunter2 .",
    "docker pull https://bob:hunter2@registry/x",
    "docker container exec -e DB=hunter2 web ls",
    "docker run --nosuch img\n-e\nDB=hunter2",
    "docker run -m DB_PASSWORD=hunter2 img",
    "docker run --add-host -e --nosuch DB_SECRET=hunter2 img",
]


@pytest.mark.parametrize("line", ATTACKS)
def test_no_secret_is_left_in_a_refused_line_or_its_message(line):
    with pytest.raises(UsageFault) as refused:
        parse(line, CATALOGUE)
    fault = refused.value
    text, span = masked(line, fault.span, CATALOGUE)
    assert "hunter2" not in text
    assert MASK in text
    assert "hunter2" not in fault.message + fault.hint + fault.usage
    assert span is not None
    assert 0 <= span[0] <= span[1] <= len(text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("docker run -e DB_PASSWORD=x --nosuch img", f"docker run -e DB_PASSWORD={MASK} --nosuch img"),
        ("docker run -p 8080:80 --nam web nginx:1.27", "docker run -p 8080:80 --nam web nginx:1.27"),
        ("docker login --password-stdin reg -q", "docker login --password-stdin reg -q"),
        ("docker restart --timeot 3 keycloak", "docker restart --timeot 3 keycloak"),
        ("docker ps --no-trun -f name=web", "docker ps --no-trun -f name=web"),
        ("docker contaner ls", "docker contaner ls"),
        ("docker run -it --nosuch auth-service:1.2 sh", "docker run -it --nosuch auth-service:1.2 sh"),
        ("docker run -help", "docker run -help"),
        ("docker ps 'a", "docker ps 'a"),
        ("", ""),
    ],
)
def test_what_is_no_secret_stays_readable(line, text):
    assert masked(line, None, CATALOGUE) == (text, None)


@pytest.mark.parametrize(
    ("line", "bad", "shown"),
    [
        ("docker run -e A=hunter2 --nosuch img", "--nosuch", "--nosuch"),
        ("docker run --nosuch -e A=hunter2 img", "--nosuch", "--nosuch"),
        ("docker run -e A=1 -e B=hunter2hunter2 --nosuch img", "--nosuch", "--nosuch"),
        ("docker run -e =hunter2 img", "=hunter2", MASK),
        ("docker run -e A=hunter2 img", "hunter2", MASK),
        ("docker run -e A=hunter2 img", "unter", MASK),
        ("docker run -e A=hunter2 img", "e A=hun", f"e A={MASK}"),
        ("docker run -e A=hunter2 img", "ter2 img", f"{MASK} img"),
        ("docker run -e A=hunter2 img", "", ""),
    ],
)
def test_the_span_points_at_the_same_text(line, bad, shown):
    start = line.index(bad) if bad else len(line)
    text, span = masked(line, (start, start + len(bad)), CATALOGUE)
    assert span is not None
    assert text[slice(*span)] == shown


PIECES = st.sampled_from(
    [
        "docker",
        "run",
        "login",
        "ps",
        "-e",
        "--env",
        "-p",
        "'",
        '"',
        "\\",
        " ",
        "=",
        "—",
        "--",
        "A=",
        "TOKEN=",
        "x",
    ]
)


@given(
    st.lists(st.one_of(PIECES, st.text(max_size=3))).map(" ".join),
    st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_masking_never_fails_and_spans_stay_inside(line, ends):
    span = tuple(min(end, len(line)) for end in sorted(ends))
    text, moved = masked(line, span, CATALOGUE)
    assert moved is not None
    assert 0 <= moved[0] <= moved[1] <= len(text)


@given(
    st.sampled_from(
        ["-e A=", "-eA=", "-ite A=", "--env A=", "--env=A=", "—env A=", "— env A=", "-e ", "PASSWORD="]
    ),
    st.text(
        alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="'\"\\="), max_size=20
    ),
    st.lists(PIECES, max_size=4).map(" ".join),
)
def test_a_value_is_hidden_whatever_follows_it(option, value, rest):
    secret = f"Zq{value}Zq"
    text, _ = masked(f"docker run {option}{secret} {rest}", None, CATALOGUE)
    assert secret not in text
    assert "Zq" not in text
