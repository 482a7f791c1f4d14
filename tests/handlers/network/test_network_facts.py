"""How dangerous a network command is, what it names, which addresses belong together."""

import pytest

from handlers.catalogue import load
from handlers.context import segment
from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.parser import parse
from handlers.network.ipam import subnets
from permissions.verbs import Danger, Kind, Verb

BRIDGE = "com.docker.network.bridge"
ROOT = Danger.ROOT_EQUIVALENT


def operation(line):
    return parse(f"docker network {line}", load()).command.operation("box")


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("ls", Verb.LIST, Danger.SAFE),
        ("inspect n", Verb.REVEAL, Danger.SAFE),
        ("connect n c", Verb.CHANGE, Danger.INTERRUPTS),
        ("disconnect n c", Verb.CHANGE, Danger.INTERRUPTS),
        ("rm n", Verb.DESTROY, Danger.LOSES_DATA),
        ("prune", Verb.DESTROY, Danger.LOSES_DATA),
        ("create n", Verb.CREATE, Danger.SAFE),
        ("create --subnet 10.0.0.0/8 --ipv6 --internal --label a n", Verb.CREATE, Danger.SAFE),
        (
            f"create -o {BRIDGE}.enable_icc=false -o com.docker.network.driver.mtu=1400 n",
            Verb.CREATE,
            Danger.SAFE,
        ),
    ],
)
def test_a_plain_command_is_as_dangerous_as_its_kind(line, verb, danger):
    found = operation(line)
    assert (found.verb, found.danger) == (verb, danger)


@pytest.mark.parametrize(
    "line",
    [
        "create -d macvlan n",
        "create -d macvlan -o parent=eth0 n",
        "create -d ipvlan -o parent=eth0 n",
        "create -d host n",
        "create -d none n",
        "create -d overlay n",
        "create -d vendor/plugin:latest n",
        "create -d Bridge n",
        "create -d '' n",
        "create -o parent=eth0 n",
        "create --config-only -o parent=eth0 n",
        f"create -o {BRIDGE}.name=br0 n",
        f"create -o {BRIDGE}.gateway_mode_ipv4=nat-unprotected n",
        f"create -o {BRIDGE}.enable_icc=true -o {BRIDGE}.name=docker0 n",
        "create -o =x n",
        "create --ipam-driver plugin n",
        "create --config-from cfg n",
        "connect --driver-opt com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.forwarding=1 n c",
        "connect --driver-opt a=b n c",
    ],
)
def test_whatever_reaches_the_hosts_own_network_is_root(line):
    assert operation(line).danger is ROOT


def test_the_name_of_the_interface_in_the_container_is_its_own_matter():
    line = "connect --driver-opt com.docker.network.endpoint.ifname=eth7 n c"
    assert operation(line).danger is Danger.INTERRUPTS


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("connect --link db:pg --link :x n c", [("network", "n"), ("container", "c"), ("container", "db")]),
        ("disconnect n c", [("network", "n"), ("container", "c")]),
        ("create --config-from cfg n", [("network", "cfg"), ("network", "n")]),
        ("rm a b", [("network", "a"), ("network", "b")]),
        ("prune", []),
        ("ls", []),
    ],
)
def test_a_line_names_what_it_touches(line, names):
    assert [(str(one.kind), one.name) for one in operation(line).resources] == names


def test_the_kinds_are_those_of_policies():
    assert {one.kind for one in operation("connect n c").resources} == {Kind.NETWORK, Kind.CONTAINER}


def test_a_misspelt_disconnect_is_answered_with_the_line_that_was_meant():
    with pytest.raises(UsageFault) as refused:
        parse("docker network disconnet web-network web", load())
    assert refused.value.message == "docker: unknown command: docker network disconnet"
    assert refused.value.suggestion == "docker network disconnect web-network web"


def test_unset_families_stay_unset():
    command = parse("docker network create --ipv6=false n", load()).command
    again = type(command).model_validate_json(command.model_dump_json(exclude_unset=True))
    assert (again.ipv4, again.ipv6) == (None, False)
    assert again == command


@pytest.mark.parametrize(
    ("texts", "ranges", "gateways", "auxiliary", "found"),
    [
        ((), (), (), {}, []),
        (("what it is",), (), (), {}, [{"Subnet": "what it is"}]),
        (
            ("10.1.0.0/16", "fd00::/8"),
            ("10.1.5.0/24",),
            ("fd00::1", "10.1.0.1"),
            {"a": "10.1.0.5", "b": "fd00::5"},
            [
                {
                    "Subnet": "10.1.0.0/16",
                    "IPRange": "10.1.5.0/24",
                    "Gateway": "10.1.0.1",
                    "AuxiliaryAddresses": {"a": "10.1.0.5"},
                },
                {"Subnet": "fd00::/8", "Gateway": "fd00::1", "AuxiliaryAddresses": {"b": "fd00::5"}},
            ],
        ),
        (("10.0.0.0/016",), (), ("10.0.0.1",), {}, [{"Subnet": "10.0.0.0/016", "Gateway": "10.0.0.1"}]),
        (
            ("::ffff:10.0.0.0/112",),
            (),
            ("10.0.0.1",),
            {},
            [{"Subnet": "::ffff:10.0.0.0/112", "Gateway": "10.0.0.1"}],
        ),
        (("10.0.0.0/8", "::/0"), (), (), {}, [{"Subnet": "10.0.0.0/8"}, {"Subnet": "::/0"}]),
    ],
)
def test_addresses_are_put_where_they_belong(texts, ranges, gateways, auxiliary, found):
    assert [subnet.json() for subnet in subnets(texts, ranges, gateways, auxiliary)] == found


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("--ip-range 10.0.0.0/24", "every ip-range or gateway must have a corresponding subnet"),
        ("--gateway 10.0.0.1", "every ip-range or gateway must have a corresponding subnet"),
        ("--subnet 10.0.0.0/16,10.0.1.0/24", "multiple overlapping subnet configuration is not supported"),
        ("--subnet 10.0.1.0/24,10.0.0.0/16", "multiple overlapping subnet configuration is not supported"),
        ("--subnet 10.0.0.0/16 --subnet abc", "invalid subnet: invalid CIDR address: abc"),
        (
            "--subnet 10.0.0.0/255.255.0.0 --gateway 10.0.0.1",
            "invalid subnet: invalid CIDR address: 10.0.0.0/255.255.0.0",
        ),
        ("--subnet 010.0.0.0/16 --gateway 10.0.0.1", "invalid subnet: invalid CIDR address: 010.0.0.0/16"),
        ("--subnet 10.0.0.0/33 --gateway 10.0.0.1", "invalid subnet: invalid CIDR address: 10.0.0.0/33"),
        ("--subnet fe80::%eth0/64 --gateway fe80::1", "invalid subnet: invalid CIDR address: fe80::%eth0/64"),
        ("--subnet 10.0.0.0/16 --ip-range 10.0.0.5", "invalid CIDR address: 10.0.0.5"),
        ("--subnet 10.0.0.0/16 --ip-range 10.1.0.0/24", "no matching subnet for range 10.1.0.0/24"),
        ("--subnet 10.0.0.0/16 --gateway abc", "no matching subnet for gateway abc"),
        ("--subnet 10.0.0.0/16 --gateway 10.0.0.0/x", "invalid CIDR address: 10.0.0.0/x"),
        ("--subnet fd00::/8 --gateway 10.0.0.1", "no matching subnet for gateway 10.0.0.1"),
        ("--aux-address a", "no matching subnet for aux-address "),
        (
            "--subnet 10.0.0.0/16 --aux-address a=fe80::1%eth0",
            "no matching subnet for aux-address fe80::1%eth0",
        ),
        (
            "--subnet 10.0.0.0/16,10.1.0.0/16 --gateway 10.0.0.1,10.0.0.2",
            "cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/16)",
        ),
        (
            "--subnet 10.0.0.0/16,10.1.0.0/16 --ip-range 10.0.0.0/24,10.0.1.0/24",
            "cannot configure multiple ranges (10.0.1.0/24, 10.0.0.0/24) on the same subnet (10.0.0.0/16)",
        ),
    ],
)
def test_addresses_that_do_not_belong_together_are_refused_in_the_clis_words(options, why):
    with pytest.raises(UsageFault) as refused:
        parse(f"docker network create {options} n", load())
    fault = refused.value
    assert (fault.message, fault.reason, fault.exit_code) == (why, Reason.BAD_VALUE, 1)
    assert fault.hint


@pytest.mark.parametrize("name", ["../containers/web/kill", "a/../../info", "."])
def test_a_name_cannot_reach_another_endpoint(name):
    with pytest.raises(Fault, match="invalid name"):
        segment(name)
    assert operation(f"rm {name}").resources[0].name == name
