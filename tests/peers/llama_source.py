"""llama.cpp twice: its own server ready-built in a wheel, and what its Python package builds from its source.

The wheel of xllamacpp has the server and no tools. The source package of llama-cpp-python carries all of llama.cpp: the
converter runs as it is, and the library is built on which the package's own server runs, and which quantises.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

__all__ = ["build", "converter", "install", "libraries"]

_SOURCE = "llama-cpp-python==0.3.36"
_CMAKE = (
    "-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_NUMBER=0",
)  # fmt: skip


def converter(folder: Path) -> Path:
    """The program that writes GGUF, within an environment."""
    return _source(folder) / "convert_hf_to_gguf.py"


def libraries(folder: Path) -> Path:
    """What ``LLAMA_CPP_LIB_PATH`` names for the Python package."""
    return folder / "build" / "bin"


def install(folder: Path, packages: list[str]) -> None:
    """The server in its wheel, and the source beside it for the converter's sake."""
    subprocess.run([*_pip(folder), "install", "--quiet", *packages], check=True)
    _unpack(folder, _SOURCE)


def build(folder: Path, packages: list[str]) -> None:
    """Build in an environment that is there, then install the package without a build of its own."""
    (package,) = packages
    _unpack(folder, package.replace("[server]", ""))
    built, cores = folder / "build", str(os.cpu_count() or 1)
    subprocess.run(["cmake", "-S", str(_source(folder)), "-B", str(built), *_CMAKE], check=True)
    making = ["cmake", "--build", str(built), "-j", cores, "--target", "llama"]
    subprocess.run(["nice", "-n", "19", *making], check=True)
    own = os.environ | {"CMAKE_ARGS": "-DLLAMA_BUILD=OFF"}
    subprocess.run([*_pip(folder), "install", "--quiet", f"{folder / 'src'}[server]"], check=True, env=own)


def _source(folder: Path) -> Path:
    return folder / "src" / "vendor" / "llama.cpp"


def _pip(folder: Path) -> list[str]:
    return [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]


def _unpack(folder: Path, package: str) -> None:
    """The source of a package from the index as ``src``, without a build."""
    download = folder / "download"
    binaries = ["--no-deps", "--no-binary", package.partition("==")[0]]
    subprocess.run([*_pip(folder), "download", "--quiet", *binaries, "-d", str(download), package], check=True)
    (packed,) = download.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(download, filter="data")
    (unpacked,) = (path for path in download.iterdir() if path.is_dir())
    unpacked.rename(folder / "src")
    shutil.rmtree(download)
