import pytest

from handlers.format.ports import ports


def port(private, public=0, ip="", kind="tcp"):
    return {"PrivatePort": private, "Type": kind} | ({"PublicPort": public, "IP": ip} if public else {})


ANY = "0.0.0.0"  # noqa: S104 - what docker shows


@pytest.mark.parametrize(
    ("published", "text"),
    [
        ([], ""),
        ([port(80)], "80/tcp"),
        ([port(83), port(81), port(80)], "80-81/tcp, 83/tcp"),
        ([port(80, 80, ANY), port(81, 81, ANY)], "0.0.0.0:80-81->80-81/tcp"),
        ([port(80, 8080, ANY), port(81, 8081, ANY)], "0.0.0.0:8080->80/tcp, 0.0.0.0:8081->81/tcp"),
        ([port(80, 80, ANY), port(80, 80, "::")], "0.0.0.0:80->80/tcp, [::]:80->80/tcp"),
        ([port(80, 80, ANY, "udp"), port(80, 80, ANY)], "0.0.0.0:80->80/tcp, 0.0.0.0:80->80/udp"),
        ([port(443), port(80, 8080, ANY)], "443/tcp, 0.0.0.0:8080->80/tcp"),
        ([port(1, kind="sctp"), port(2), port(3, kind="udp")], "1/sctp, 2/tcp, 3/udp"),
        (
            [port(80, 80, ANY), port(82, 82, ANY), port(83, 83, ANY)],
            "0.0.0.0:80->80/tcp, 0.0.0.0:82-83->82-83/tcp",
        ),
    ],
)
def test_neighbouring_ports_are_merged_and_sorted(published, text):
    assert ports(published) == text
