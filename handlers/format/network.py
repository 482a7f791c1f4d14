"""A network as the CLI's own type: what ``inspect --format`` sees."""

from handlers.format.schema import BOOL, INT, LABELS, TEXT, TEXTS, TIME, array, mapping, member, struct

_RANGE = struct(
    "network.IPAMConfig",
    Subnet=member(TEXT, "Subnet?"),
    IPRange=member(TEXT, "IPRange?"),
    Gateway=member(TEXT, "Gateway?"),
    AuxAddress=member(LABELS, "AuxiliaryAddresses?"),
)
_ENDPOINT = struct(
    "network.EndpointResource",
    Name=TEXT,
    EndpointID=TEXT,
    MacAddress=TEXT,
    IPv4Address=TEXT,
    IPv6Address=TEXT,
)
_TASK = struct("network.Task", Name=TEXT, EndpointID=TEXT, EndpointIP=TEXT, Info=LABELS)
_SERVICE = struct("network.ServiceInfo", VIP=TEXT, Ports=TEXTS, LocalLBIndex=INT, Tasks=array(_TASK))
NETWORK = struct(
    "network.Inspect",
    Name=TEXT,
    ID=member(TEXT, "Id"),
    Created=TIME,
    Scope=TEXT,
    Driver=TEXT,
    EnableIPv4=BOOL,
    EnableIPv6=BOOL,
    IPAM=struct("network.IPAM", Driver=TEXT, Options=LABELS, Config=array(_RANGE)),
    Internal=BOOL,
    Attachable=BOOL,
    Ingress=BOOL,
    ConfigFrom=struct("network.ConfigReference", Network=TEXT),
    ConfigOnly=BOOL,
    Containers=mapping(_ENDPOINT),
    Options=LABELS,
    Labels=LABELS,
    Peers=member(array(struct("network.PeerInfo", Name=TEXT, IP=TEXT)), "Peers?"),
    Services=member(mapping(_SERVICE), "Services?"),
)
