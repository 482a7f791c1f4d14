"""A tiny image without any registry: a static busybox and links to it, imported as one layer."""
# ruff: noqa: S603 - busybox and apt-get are run with arguments of our own

import io
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import docker

from scripts.packages import SetupError, as_root, program, say

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
FOLDERS = ("bin", "etc", "tmp", "root", "var/www")
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "var/www/index.html": b"hello from docktalk's tiny image\n",
}


def make_tiny_image(client: docker.APIClient, name: str, cache: Path, labels: Sequence[str] = ()) -> None:
    """Make the engine know `name`, an image with busybox's sh, sleep, httpd and the rest in /bin.

    Args:
        client: The engine's low-level client.
        name: `repository:tag`.
        cache: Where the program is kept when it had to be fetched.
        labels: `key=value` each.

    Raises:
        SetupError: No static busybox is to be had, or it is of another architecture than the engine.
    """
    architecture = client.version()["Arch"]
    if MACHINES.get(platform.machine()) != architecture:
        raise SetupError(f"the engine runs {architecture} programs, this machine {platform.machine()}")
    repository, _, tag = name.partition(":")
    changes = ['CMD ["/bin/sh"]', "ENV PATH=/bin", *(f"LABEL {label}" for label in labels)]
    client.import_image_from_data(_layer(_static_busybox(cache)), repository, tag, changes)


def _layer(busybox: Path) -> bytes:
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, content in {"bin/busybox": busybox.read_bytes(), **FILES}.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(entry, io.BytesIO(content))
        for applet in sorted(set(listed) - {"busybox"}):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return layer.getvalue()


def _static_busybox(cache: Path) -> Path:
    for path in (program("busybox"), cache / "busybox/bin/busybox", cache / "busybox/usr/bin/busybox"):
        if path is not None and Path(path).exists() and _is_static(Path(path)):
            return Path(path)
    return _fetch_busybox(cache)


def _is_static(path: Path) -> bool:
    # A dynamic program names its loader (/lib/ld-…) in the first pages.
    return b"/ld-" not in path.read_bytes()[:4096]


def _fetch_busybox(cache: Path) -> Path:
    """Take the program out of Debian's package without installing it: it would replace another busybox."""
    apt = program("apt-get")
    if apt is None:
        raise SetupError("a static busybox is needed in PATH to make the tiny image")
    say("fetching busybox-static (apt, not installed)")
    folder = cache / "busybox"
    folder.mkdir(parents=True, exist_ok=True)
    fetch = [apt, "-qq", "download", "busybox-static"]
    if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode != 0:
        subprocess.run(as_root(apt, "-qq", "update"), check=False, stdout=subprocess.DEVNULL)
        if subprocess.run(fetch, cwd=folder, check=False, stdout=subprocess.DEVNULL).returncode != 0:
            raise SetupError("apt-get could not download busybox-static; put a static busybox into PATH")
    package = max(folder.glob("*.deb"))
    subprocess.run([program("dpkg-deb") or "dpkg-deb", "-x", package, folder], check=True)
    return next(path for path in (folder / "bin/busybox", folder / "usr/bin/busybox") if path.exists())
