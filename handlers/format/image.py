"""An image as the CLI's own type: what ``inspect --format`` sees."""

from handlers.format.container import CONFIG
from handlers.format.schema import (
    ANY,
    BOOL,
    EMPTY,
    INT,
    INT64,
    LABELS,
    TEXT,
    TEXTS,
    TIME,
    array,
    mapping,
    member,
    pointer,
    struct,
)

_HEALTHCHECK = struct(
    "v1.HealthcheckConfig",
    Test=member(TEXTS, "Test?"),
    Interval=member(INT64, "Interval?"),
    Timeout=member(INT64, "Timeout?"),
    StartPeriod=member(INT64, "StartPeriod?"),
    StartInterval=member(INT64, "StartInterval?"),
    Retries=member(INT, "Retries?"),
)
_CONFIG = struct(
    "v1.DockerOCIImageConfig",
    User=member(TEXT, "User?"),
    ExposedPorts=member(mapping(EMPTY), "ExposedPorts?"),
    Env=member(TEXTS, "Env?"),
    Entrypoint=member(TEXTS, "Entrypoint?"),
    Cmd=member(TEXTS, "Cmd?"),
    Volumes=member(mapping(EMPTY), "Volumes?"),
    WorkingDir=member(TEXT, "WorkingDir?"),
    Labels=member(LABELS, "Labels?"),
    StopSignal=member(TEXT, "StopSignal?"),
    ArgsEscaped=member(BOOL, "ArgsEscaped?"),
    Healthcheck=member(pointer(_HEALTHCHECK), "Healthcheck?"),
    OnBuild=member(TEXTS, "OnBuild?"),
    Shell=member(TEXTS, "Shell?"),
)
_PLATFORM = struct(
    "v1.Platform",
    Architecture=member(TEXT, "architecture"),
    OS=member(TEXT, "os"),
    OSVersion=member(TEXT, "os.version?"),
    OSFeatures=member(TEXTS, "os.features?"),
    Variant=member(TEXT, "variant?"),
)
_DESCRIPTOR = struct(
    "v1.Descriptor",
    MediaType=member(TEXT, "mediaType"),
    Digest=member(TEXT, "digest"),
    Size=member(INT64, "size"),
    URLs=member(TEXTS, "urls?"),
    Annotations=member(LABELS, "annotations?"),
    Data=member(TEXT, "data?"),
    Platform=member(pointer(_PLATFORM), "platform?"),
    ArtifactType=member(TEXT, "artifactType?"),
)
_MANIFEST = struct(
    "image.ManifestSummary",
    ID=TEXT,
    Descriptor=_DESCRIPTOR,
    Available=BOOL,
    Size=struct("struct { Content int64; Total int64 }", Content=INT64, Total=INT64),
    Kind=TEXT,
    ImageData=member(
        pointer(
            struct(
                "image.ImageProperties",
                Platform=_PLATFORM,
                Size=struct("struct { Unpacked int64 }", Unpacked=INT64),
                Containers=TEXTS,
            )
        ),
        "ImageData?",
    ),
    AttestationData=member(ANY, "AttestationData?"),
)
IMAGE = struct(
    "image.InspectResponse",
    ID=member(TEXT, "Id"),
    RepoTags=TEXTS,
    RepoDigests=TEXTS,
    Parent=TEXT,
    Comment=TEXT,
    Created=member(TEXT, "Created?"),
    Container=member(TEXT, "Container?"),
    ContainerConfig=member(pointer(CONFIG), "ContainerConfig?"),
    DockerVersion=TEXT,
    Author=TEXT,
    Config=pointer(_CONFIG),
    Architecture=TEXT,
    Variant=member(TEXT, "Variant?"),
    Os=TEXT,
    OsVersion=member(TEXT, "OsVersion?"),
    Size=INT64,
    VirtualSize=member(INT64, "VirtualSize?"),
    GraphDriver=struct("storage.DriverData", Data=LABELS, Name=TEXT),
    RootFS=struct("image.RootFS", Type=member(TEXT, "Type?"), Layers=member(TEXTS, "Layers?")),
    Metadata=struct("image.Metadata", LastTagTime=TIME),
    Descriptor=member(pointer(_DESCRIPTOR), "Descriptor?"),
    Manifests=member(array(_MANIFEST), "Manifests?"),
)
