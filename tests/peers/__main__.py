"""Make the environments of frameworks that cannot live beside us: ``.peers/<name>`` from ``<name>.txt``, once each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.peers import llama_source

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[1] / ".peers"


def main() -> None:
    names = sys.argv[1:] or [path.stem for path in sorted(HERE.glob("*.txt"))]
    for name in names:
        wanted = (HERE / f"{name}.txt").read_text()
        folder = PEERS / name
        done = folder / ".made"  # written last, and holds what it was made from
        if done.is_file() and done.read_text() == wanted:
            print(f"{name}: ready")
            continue
        print(f"{name}: installing ({_TAKES.get(name, 'a minute or two')}) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        _INSTALL.get(name, _install)(folder, wanted.split())
        done.write_text(wanted)


def _install(folder: Path, packages: list[str]) -> None:
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *packages], check=True)


_INSTALL: dict[str, Callable[[Path, list[str]], None]] = {
    "llama-cpp": llama_source.build,
    "llama-server": llama_source.install,
}
_TAKES = {"llama-cpp": "it is built from its source, which takes two cores half an hour"}


if __name__ == "__main__":
    main()
