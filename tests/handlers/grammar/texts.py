"""A generator of texts for every type of option, and commands made of them."""

from hypothesis import strategies as st

from handlers.grammar.command import Command
from handlers.grammar.devices import (
    BYTES_DEVICE,
    DEVICE_RULE,
    GPUS,
    OPERATIONS_DEVICE,
    WEIGHT_DEVICE,
)
from handlers.grammar.lists import (
    ATTACH,
    DNS_SEARCH,
    ENV,
    EXTRA_HOST,
    IP_LIST,
    LABEL,
    LINK,
    NETWORK,
    STRINGS,
    SYSCTL,
)
from handlers.grammar.mounts import MOUNT
from handlers.grammar.ulimits import ULIMIT
from handlers.grammar.values import (
    BOOL,
    BYTES,
    DECIMAL,
    DURATION,
    FILTER,
    INT,
    LIST,
    MAP,
    STRING,
    SWAP_BYTES,
    UINT,
    UINT16,
)

# A line end inside a value is a text like any other; a surrogate or a NUL no line can carry.
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
WORDS = st.one_of(
    ANY,
    st.sampled_from(["-", "--", "--all", "-x", "\u2014x", "a,b", 'a"b', "> f", "$(x)", "=", "\n", "\\\n"]),
)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
DEVICES = st.sampled_from(["/dev/sda", "/dev/disk/x y", "/dev/é"])
NUMBERS = st.integers(-(2**63), 2**63 - 1)
SIZES = st.one_of(
    st.tuples(st.integers(0, 9_999), st.sampled_from(["", "b", "k", "KB", "m", "MiB", "g", "t"])),
    st.tuples(st.sampled_from(["1.5", ".5", "1e3", "0"]), st.sampled_from(["", "k", " m", "Gb"])),
).map(lambda parts: "".join(map(str, parts)))
ADDRESSES = st.one_of(st.ip_addresses().map(str), st.sampled_from([" 1.2.3.4", "::ffff:1.2.3.4"]))


def paired(names, values, mark="="):
    return st.tuples(names, values).map(mark.join)


def listed(*parts):
    """Some of the fields of a comma-separated value, each in quotes where it must be."""
    return st.lists(st.one_of(*parts), min_size=1, max_size=4, unique=True).map(",".join)


TEXTS = {
    STRING: WORDS,
    BOOL: st.sampled_from(["true", "false", "1", "0", "T", "FALSE"]),
    INT: st.one_of(NUMBERS.map(str), st.sampled_from(["0x10", "0b1", "017", "1_000", "+5"])),
    UINT: st.integers(0, 2**64 - 1).map(str),
    UINT16: st.integers(0, 2**16 - 1).map(str),
    DECIMAL: st.one_of(
        st.decimals(-9_999, 9_999, places=9).map(str),
        st.sampled_from(["3/2", "0x1.8", "1e3", "2p-1"]),
    ),
    DURATION: st.one_of(
        NUMBERS.filter(lambda number: number > -(2**63)).map(lambda number: f"{number}ns"),
        st.sampled_from(["1h2m3.5s", "0", "-1m", ".5s", "1us", "1µs"]),
    ),
    BYTES: SIZES,
    SWAP_BYTES: st.one_of(st.just("-1"), SIZES),
    LIST: WORDS,
    FILTER: st.one_of(st.just(""), paired(ANY.filter(lambda text: "=" not in text), WORDS)),
    MAP: st.one_of(WORDS, paired(NAMES, WORDS)),
    ATTACH: st.sampled_from(["stdin", "STDOUT", "StdErr"]),
    ENV: paired(ANY.filter(lambda text: text and "=" not in text), WORDS),
    LABEL: st.one_of(NAMES, paired(NAMES, WORDS)),
    EXTRA_HOST: st.tuples(
        NAMES,
        st.sampled_from(":="),
        st.one_of(st.just("host-gateway"), ADDRESSES, ADDRESSES.map(lambda text: f"[{text.strip()}]")),
    ).map("".join),
    IP_LIST: ADDRESSES,
    DNS_SEARCH: st.sampled_from([".", "example.com", "a.b.", " x ", "X-y.z"]),
    LINK: st.one_of(NAMES, paired(NAMES, NAMES, ":")),
    SYSCTL: paired(st.sampled_from(["net.core.somaxconn", "kernel.sem", "fs.mqueue.x"]), WORDS),
    NETWORK: st.one_of(
        NAMES,
        listed(paired(st.just("alias"), NAMES), paired(st.just("ip"), ADDRESSES.map(str.strip))).map(
            lambda text: f"name=net,{text}"
        ),
    ),
    STRINGS: listed(NAMES, st.sampled_from(['"a,b"', '"a ""b"""', "é"])),
    DEVICE_RULE: st.sampled_from(["c 1:3 rwm", "a *:* r", "b 8:* mr"]),
    GPUS: st.sampled_from(["all", "2", '"device=0,1"', "driver=x,count=2", '"capabilities=a,b"']),
    WEIGHT_DEVICE: paired(DEVICES, st.integers(10, 1_000).map(str), ":"),
    BYTES_DEVICE: paired(DEVICES, SIZES, ":"),
    OPERATIONS_DEVICE: paired(DEVICES, st.integers(0, 2**64 - 1).map(str), ":"),
    MOUNT: st.one_of(
        listed(
            st.just("readonly"), paired(st.just("volume-label"), NAMES), st.just("volume-nocopy=false")
        ).map(lambda text: f"type=volume,src=data,dst=/x,{text}"),
        st.sampled_from(
            [
                "type=tmpfs,dst=/x,tmpfs-size=1m",
                'dst=/x,"src=a"',
                "type=bind,src=/a,dst=/b,bind-recursive=disabled",
            ]
        ),
    ),
    ULIMIT: st.one_of(st.integers(0, 99).map(lambda n: f"nofile={n}:{n + 1}"), st.just("core=-1")),
}
"""By type: texts that its parser takes."""


def without_generator():
    """The types of the catalogue's options that no generator is declared for."""
    from handlers.catalogue import load  # noqa: PLC0415 - only the walk needs every command

    types = {opt.type for command in load().commands for opt in command.options.values()}
    return {kind for kind in types if kind not in TEXTS}


def values(opt):
    """Values of one option as the parser would make them of texts."""
    kind, texts = opt.type, TEXTS[opt.type]
    if kind.split:
        return texts.map(lambda text: tuple(kind.parse(part) for part in kind.split(text)))
    if kind.repeatable:
        return st.lists(texts, min_size=1, max_size=3).map(lambda some: tuple(map(kind.parse, some)))
    return texts.map(kind.parse)


def _words(arg):
    if arg.resource:
        return NAMES
    return st.sampled_from(["web:/etc/x", "-", "/x"]) if arg.metavar.endswith("_PATH") else WORDS


def arguments(command: type[Command]):
    """The arguments of one command: what is required, and some of what is not."""
    required, optional = {}, {}
    for name, arg in command.arguments.items():
        field = command.model_fields[name]
        many = getattr(field.annotation, "__origin__", None) is tuple
        words = _words(arg)
        texts = st.lists(words, min_size=max(arg.least, 1), max_size=3).map(tuple) if many else words
        (required if field.is_required() else optional)[name] = texts
    return required, optional


@st.composite
def commands(draw, command: type[Command]):
    """Any command of the class, valid or not: its arguments and a few of its options."""
    required, optional = arguments(command)
    fields = draw(st.fixed_dictionaries(required))
    # An optional argument is only there when those before it are.
    for name, texts in optional.items():
        if not draw(st.booleans()):
            break
        fields[name] = draw(texts)
    names = list(command.options)
    chosen = draw(st.lists(st.sampled_from(names), max_size=4, unique=True)) if names else []
    return command.model_validate(
        {**fields, **{name: draw(values(command.options[name])) for name in chosen}}
    )
