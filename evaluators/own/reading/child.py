"""The process that reads files: one path a line on its standard input, one JSON object a line on its output.

It is started by :mod:`evaluators.own.reading.readers` as ``python -m evaluators.own.reading.child``.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from data.store.errors import PlumblineError
from evaluators.own.reading.refused import RefusedError

__all__ = ["main"]

MEMORY = 2_000_000_000  # bytes of addresses that reading may take, the libraries' own among them
_SHUT = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.fork",
    "ctypes.",
    "shutil.",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _import_readers()
    _limit()
    sys.addaudithook(_shut)
    for line in sys.stdin.buffer:
        answers.write(json.dumps(_answer(Path(json.loads(line)["path"]))) + "\n")
        answers.flush()


def _import_readers() -> None:
    """What the libraries load when imported is neither the file's cost nor kept from them."""
    import charset_normalizer  # noqa: F401
    import docx  # noqa: F401
    import lxml.etree  # noqa: F401
    import markdown_it  # noqa: F401
    import pypdf  # noqa: F401

    import evaluators.own.reading.one_file  # noqa: F401


def _answer(path: Path) -> dict[str, Any]:
    from evaluators.own.reading.one_file import read_file

    try:
        return read_file(path)
    except RefusedError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"reading it takes more than {MEMORY // 1_000_000} MB of memory"}
    except RecursionError:
        return {"refused": "it is nested without end"}
    except PlumblineError as error:
        return {"refused": error.what}
    except Exception as error:  # noqa: BLE001 -- a defect that one file brings out costs that file
        return {"refused": f"its reader gave up: {type(error).__name__}"}


def _limit() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
            with suppress(ValueError, OSError):  # not every system lets itself be limited so
                resource.setrlimit(limit, (most, most))


def _shut(event: str, arguments: tuple[Any, ...]) -> None:
    """No connection, no program, no file written: nothing a document could ask for needs them."""
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITES):
            raise RefusedError("reading it would write a file")
    elif event.startswith(_SHUT):
        raise RefusedError("reading it would start a program or open a connection")


if __name__ == "__main__":
    main()
