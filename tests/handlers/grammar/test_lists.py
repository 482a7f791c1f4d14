import pytest

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
from handlers.grammar.networks import NetworkAttachment, parse_network


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ATTACH, "STDIN", "stdin"),
        (ENV, "A=b=c", "A=b=c"),
        (ENV, "A", "A"),
        (ENV, "A=", "A="),
        (LABEL, "a", "a"),
        (LABEL, "a=b", "a=b"),
        (LABEL, " a= b ", " a= b "),
        (DNS_SEARCH, " example.com. ", "example.com"),
        (DNS_SEARCH, ".", "."),
        (DNS_SEARCH, ":a", ":a"),
        (LINK, "a", "a"),
        (LINK, "/a:/c/b", "/a:/c/b"),
        (SYSCTL, "net.ipv4.ip_forward=", "net.ipv4.ip_forward="),
        (SYSCTL, "kernel.sem=1 2", "kernel.sem=1 2"),
        (SYSCTL, "fs.mqueue.msg_max=1", "fs.mqueue.msg_max=1"),
        (IP_LIST, " 8.8.8.8 ", "8.8.8.8"),
        (IP_LIST, "2001:DB8:0::1", "2001:db8::1"),
        (IP_LIST, "::ffff:1.2.3.4", "1.2.3.4"),
        (EXTRA_HOST, "db:10.0.0.1", "db:10.0.0.1"),
        (EXTRA_HOST, "db=10.0.0.1", "db:10.0.0.1"),
        (EXTRA_HOST, "db:::1", "db:::1"),
        (EXTRA_HOST, "db=[::1]", "db:::1"),
        (EXTRA_HOST, "db:host-gateway", "db:host-gateway"),
        (NETWORK, "name=Web,alias=a", "name=Web,alias=a"),
    ],
)
def test_an_item_becomes_what_docker_makes_of_it(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (ATTACH, "", "valid streams are STDIN, STDOUT and STDERR"),
        (ATTACH, "foo", "valid streams are STDIN, STDOUT and STDERR"),
        (ENV, "", "invalid environment variable: "),
        (ENV, "=1", "invalid environment variable: =1"),
        (LABEL, "=x", "invalid label '=x': empty name"),
        (LABEL, " a b=c", "label 'a b' contains whitespaces"),
        (DNS_SEARCH, "", " is not a valid domain"),
        (DNS_SEARCH, "1.2", "1.2 is not a valid domain"),
        (DNS_SEARCH, "a..b", "a..b is not a valid domain"),
        (DNS_SEARCH, "a" * 255, f"{'a' * 255} is not a valid domain"),
        (LINK, "", "empty string specified for links"),
        (LINK, "a:b:c", "bad format for links: a:b:c"),
        (SYSCTL, "net.a", "sysctl 'net.a' is not allowed"),
        (SYSCTL, "kernel.core_pattern=|x", "sysctl 'kernel.core_pattern=|x' is not allowed"),
        (SYSCTL, "=1", "sysctl '=1' is not allowed"),
        (LABEL, " ", "invalid label ' ': empty name"),
        (IP_LIST, "", "IP address is not correctly formatted: "),
        (IP_LIST, "1.2.3.4.5", "IP address is not correctly formatted: 1.2.3.4.5"),
        (IP_LIST, "fe80::1%eth0", "IP address is not correctly formatted: fe80::1%eth0"),
        (EXTRA_HOST, "foo", 'bad format for add-host: "foo"'),
        (EXTRA_HOST, "=1.1.1.1", 'bad format for add-host: "=1.1.1.1"'),
        (EXTRA_HOST, "a:b=1.1.1.1", 'bad format for add-host: "a:b=1.1.1.1"'),
        (EXTRA_HOST, "foo:1.2.3", 'invalid IP address in add-host: "1.2.3"'),
        (EXTRA_HOST, "h=HOST-GATEWAY", 'invalid IP address in add-host: "HOST-GATEWAY"'),
        (EXTRA_HOST, "a=[]", 'invalid IP address in add-host: "[]"'),
        (NETWORK, "alias=x", "network name/id is not specified"),
        (NETWORK, "name=x,link=a:b", "invalid field key link"),
        (NETWORK, "name=x,,", "invalid field "),
        (NETWORK, "name=x,=y", "invalid field =y"),
        (NETWORK, "name=x,driver-opt=foo", "invalid key value pair format in driver options"),
        (NETWORK, "name=x,gw-priority=0x8", "invalid gw-priority (0x8): invalid syntax"),
        (NETWORK, "name=x,gw-priority=" + "9" * 20, f"invalid gw-priority ({'9' * 20}): value out of range"),
        (NETWORK, 'name=x,"y', 'parse error on line 1, column 10: extraneous or missing " in quoted-field'),
        (NETWORK, '"a=x"b,c=d', 'parse error on line 1, column 5: extraneous or missing " in quoted-field'),
        (NETWORK, 'name=x,é"=y', 'parse error on line 1, column 10: bare " in non-quoted-field'),
    ],
)
def test_a_bad_item_is_refused_with_the_message_of_the_cli(kind, text, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        kind.parse(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "attachment"),
    [
        ("web", NetworkAttachment(target="web")),
        ("container:Web", NetworkAttachment(target="container:Web")),
        ("", NetworkAttachment(target="")),
        (
            'NAME=Web, alias = a,alias=b,ip=10.0.0.9,ip6=::9,mac-address=02:42:AC:11:00:02,"gw-priority=-5"',
            NetworkAttachment(
                target="web",
                aliases=("a", "b"),
                ipv4="10.0.0.9",
                ipv6="::9",
                mac_address="02:42:ac:11:00:02",
                gateway_priority=-5,
            ),
        ),
        (
            "name=web,driver-opt=k=v,driver-opt=k2=,link-local-ip=169.254.1.1",
            NetworkAttachment(
                target="web", driver_opts=(("k", "v"), ("k2", "")), link_local_ips=("169.254.1.1",)
            ),
        ),
    ],
)
def test_a_network_is_a_name_or_its_parts(text, attachment):
    assert parse_network(text) == attachment


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('a,"b""c"', ["a", 'b"c']),
        (",", ["", ""]),
    ],
)
def test_strings_take_several_from_one_text(text, items):
    assert STRINGS.split is not None
    assert STRINGS.split(text) == items
