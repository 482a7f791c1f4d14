import pytest

from handlers.grammar.ports import MAX_PORTS, PortMapping, parse_expose, parse_publish


def mapping(port, host_port="", host_ip=""):
    return PortMapping(port=port, host_port=host_port, host_ip=host_ip)


@pytest.mark.parametrize(
    ("spec", "mappings"),
    [
        ("80", [mapping("80/tcp")]),
        ("8080:80", [mapping("80/tcp", "8080")]),
        ("080:080", [mapping("80/tcp", "80")]),
        (":80", [mapping("80/tcp")]),
        ("0:80", [mapping("80/tcp", "0")]),
        ("53:53/UDP", [mapping("53/udp", "53")]),
        ("80/sctp/x", [mapping("80/sctp")]),
        ("80/", [mapping("80/tcp")]),
        ("127.0.0.1:8080:80", [mapping("80/tcp", "8080", "127.0.0.1")]),
        ("127.0.0.1::80", [mapping("80/tcp", "", "127.0.0.1")]),
        ("[::1]:8080:80", [mapping("80/tcp", "8080", "::1")]),
        ("::1:8080:80", [mapping("80/tcp", "8080", "::1")]),
        ("8000-8001:80-81", [mapping("80/tcp", "8000"), mapping("81/tcp", "8001")]),
        ("80-81", [mapping("80/tcp"), mapping("81/tcp")]),
        ("8000-8010:80", [mapping("80/tcp", "8000-8010")]),
        ("target=80", [mapping("80/tcp")]),
        ("target=53,published=5353,protocol=udp,mode=host", [mapping("53/udp", "5353")]),
    ],
)
def test_a_specification_maps_ports_as_docker_maps_them(spec, mappings):
    assert list(parse_publish([spec])) == mappings


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no port specified: <empty>"),
        ("80:", "no port specified: 80:<empty>"),
        ("abc", "invalid containerPort: abc"),
        ("8080:abc", "invalid containerPort: abc"),
        ("65536", "invalid containerPort: 65536"),
        ("+80", "invalid containerPort: +80"),
        ("-1:80", "invalid hostPort: -1"),
        ("80-:80", "invalid hostPort: 80-"),
        (" 80:80", "invalid hostPort:  80"),
        ("8002-8000:80", "invalid hostPort: 8002-8000"),
        ("8000-8001:80-85", "invalid ranges specified for container and host Ports: 80-85 and 8000-8001"),
        ("80:80:80:80", "invalid IP address: 80:80"),
        ("localhost:80:80", "invalid IP address: localhost"),
        ("[fe80::1%eth0]:80:80", "invalid IP address: fe80::1%eth0"),
        ("[::1:80:80", "invalid IP address [::1: address [::1:: missing ']' in address"),
        ("[::1]x:80:80", "invalid IP address [::1]x: address [::1]x:: missing port in address"),
        ("80/foo", "invalid proto: foo"),
        ("published=80", "no port specified: 80:/tcp<empty>"),
        ("target=80,foo", "invalid publish opts format (should be name=value but got 'foo')"),
    ],
)
def test_a_bad_specification_is_refused_with_the_message_of_the_cli(spec, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        parse_publish([spec])
    assert str(refused.value) == message


def test_exposed_ports_are_listed_once_each():
    assert parse_expose(["80", "80-81/udp", "80/tcp", "90/foo"]) == ("80/tcp", "80/udp", "81/udp", "90/foo")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("80:80", "invalid port format for --expose: 80:80"),
        ("", "invalid range format for --expose: , error: empty string specified for ports"),
        ("/tcp", "invalid range format for --expose: /tcp, error: empty string specified for ports"),
        (
            "abc",
            'invalid range format for --expose: abc, error: strconv.ParseUint: parsing "abc": invalid syntax',
        ),
        ("90-80", "invalid range format for --expose: 90-80, error: invalid range specified for port: 90-80"),
    ],
)
def test_a_bad_port_to_expose_is_refused_with_the_message_of_the_cli(spec, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared below
        parse_expose([spec])
    assert str(refused.value) == message


def test_short_options_cannot_ask_for_endless_ports():
    assert len(parse_publish(["1-65535"])) <= MAX_PORTS
    for parse in (parse_publish, parse_expose):
        specs = [f"1-65535/{protocol}" for protocol in ("tcp", "udp", "sctp")]
        with pytest.raises(ValueError, match="more than"):
            parse(specs)


def test_ranges_that_lie_in_each_other_are_not_written_out_again_and_again():
    with pytest.raises(ValueError, match="more than"):
        parse_expose([f"{first}-65535" for first in range(1, 400)])
    assert len(parse_expose(["1-65535"] * 3)) == 65_535
    assert parse_expose(["80-90", "85-95"]) == tuple(f"{port}/tcp" for port in range(80, 96))
