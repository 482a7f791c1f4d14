"""A volume as the CLI's own type: what ``inspect --format`` sees."""

from handlers.format.schema import ANY, INT64, LABELS, TEXT, mapping, member, pointer, struct
from handlers.format.values import PointerType

VOLUME = struct(
    "volume.Volume",
    ClusterVolume=member(PointerType("*volume.ClusterVolume", ANY), "ClusterVolume?"),
    CreatedAt=member(TEXT, "CreatedAt?"),
    Driver=TEXT,
    Labels=LABELS,
    Mountpoint=TEXT,
    Name=TEXT,
    Options=LABELS,
    Scope=TEXT,
    Status=member(mapping(ANY), "Status?"),
    UsageData=member(pointer(struct("volume.UsageData", RefCount=INT64, Size=INT64)), "UsageData?"),
)
