"""An image as the CLI's own type: what ``inspect --format`` sees."""

from dataclasses import replace

from handlers.format.container import CONFIG, GRAPH_DRIVER, HEALTHCHECK, PLATFORM_OF_IMAGE
from handlers.format.schema import (
    ANY,
    BOOL,
    EMPTY,
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

_HEALTHCHECK = replace(HEALTHCHECK, name="v1.HealthcheckConfig")
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
_DESCRIPTOR = struct(
    "v1.Descriptor",
    MediaType=member(TEXT, "mediaType"),
    Digest=member(TEXT, "digest"),
    Size=member(INT64, "size"),
    URLs=member(TEXTS, "urls?"),
    Annotations=member(LABELS, "annotations?"),
    Data=member(TEXT, "data?"),
    Platform=member(pointer(PLATFORM_OF_IMAGE), "platform?"),
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
                Platform=PLATFORM_OF_IMAGE,
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
    GraphDriver=GRAPH_DRIVER,
    RootFS=struct("image.RootFS", Type=member(TEXT, "Type?"), Layers=member(TEXTS, "Layers?")),
    Metadata=struct("image.Metadata", LastTagTime=TIME),
    Descriptor=member(pointer(_DESCRIPTOR), "Descriptor?"),
    Manifests=member(array(_MANIFEST), "Manifests?"),
)
