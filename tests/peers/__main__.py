"""Make the environments of frameworks that cannot live beside us: ``.peers/<name>`` from ``<name>.txt``, once each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[1] / ".peers"


def main() -> None:
    for wanted in sorted(HERE.glob("*.txt")):
        folder = PEERS / wanted.stem
        done = folder / ".made"  # written last, and holds what it was made from
        if done.is_file() and done.read_text() == wanted.read_text():
            print(f"{wanted.stem}: ready")
            continue
        print(f"{wanted.stem}: installing (a minute or two) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(wanted)], check=True)
        done.write_text(wanted.read_text())


if __name__ == "__main__":
    main()
