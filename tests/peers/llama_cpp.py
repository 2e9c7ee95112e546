"""llama.cpp from the source that its Python package carries: its own server, its quantiser and its converter.

The package's server runs on the same libraries, so that everything is built once.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

__all__ = ["install", "libraries", "program", "source"]

_BUILT = ("llama-quantize", "llama-server")
_CMAKE = (
    "-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",  # it would be downloaded
    "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_NUMBER=0",
)  # fmt: skip


def source(folder: Path) -> Path:
    """llama.cpp's own source within an environment."""
    return folder / "src" / "vendor" / "llama.cpp"


def libraries(folder: Path) -> Path:
    """What ``LLAMA_CPP_LIB_PATH`` names for the Python package."""
    return folder / "build" / "bin"


def program(folder: Path, name: str) -> Path:
    """A program that was built."""
    return libraries(folder) / name


def install(folder: Path, packages: list[str]) -> None:
    """Build in an environment that is there, then install the package without a build of its own."""
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    (package,) = packages
    plain = package.replace("[server]", "")
    download = folder / "download"
    subprocess.run([*pip, "download", "--quiet", "--no-deps", "--no-binary", plain.partition("==")[0], "-d",
                    str(download), plain], check=True)  # fmt: skip
    (packed,) = download.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(download, filter="data")
    (unpacked,) = (path for path in download.iterdir() if path.is_dir())
    unpacked.rename(folder / "src")
    build, cores = folder / "build", str(os.cpu_count() or 1)
    subprocess.run(["cmake", "-S", str(source(folder)), "-B", str(build), *_CMAKE], check=True)
    targets = [word for name in _BUILT for word in ("--target", name)]
    subprocess.run(["nice", "-n", "19", "cmake", "--build", str(build), "-j", cores, *targets], check=True)
    own = os.environ | {"CMAKE_ARGS": "-DLLAMA_BUILD=OFF"}
    subprocess.run([*pip, "install", "--quiet", f"{folder / 'src'}[server]"], check=True, env=own)
