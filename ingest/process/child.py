"""A function of Headwater in a process of its own, whose imports do not look into the current folder.

``python -m`` and ``python -c`` put the current folder first on the path of imports, so that a file ``orjson.py`` there
would run as part of a server. A child is started by the path of this file instead, and loads the package that this
file belongs to, wherever that is installed.

Read by both sides: `command` makes the command line, and as a script (`_main`) it is what runs in the child.
"""

from __future__ import annotations

import sys

__all__ = ["FIRST_VICTIM", "SECOND_VICTIM", "belong_to_parent", "command"]

_PR_SET_PDEATHSIG = 1  #: prctl(2)
#: When memory is used up, Linux ends the process with the highest score (proc(5), oom_score_adj; 0 is ordinary): the
#: work on one body first, then the graph's, which is started again, and the server last.
FIRST_VICTIM, SECOND_VICTIM = 800, 400


def command(function: str, *arguments: str) -> list[str]:
    """The command line that calls `function` ("module:name") with the list of `arguments` and exits with its result.

    The function takes a list of texts and returns an exit code.
    """
    return [sys.executable, __file__, function, *arguments]


def belong_to_parent(score: int) -> None:
    """Called in the child, first of all: SIGINT and SIGTERM are the parent's, which ends this process in its own time.

    On Linux the system kills the child with the thread that started it, whatever it does at that moment, and by
    `score` before others when memory is used up.
    """
    import signal
    from contextlib import suppress

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - no import
        file.write(str(score))


def _main() -> int:
    # Python put the folder of this file on the path, where `server` and others lie that are no top-level modules.
    # With -P or PYTHONSAFEPATH (3.11) it did not. This comes before any import, which would look there.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    from importlib import import_module, util

    package = __file__.replace("\\", "/").rpartition("/ingest/process/")[0]
    spec = util.spec_from_file_location("headwater", f"{package}/__init__.py", submodule_search_locations=[package])
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None, "a path that ends in .py has a loader"
    headwater = util.module_from_spec(spec)
    sys.modules["headwater"] = headwater
    spec.loader.exec_module(headwater)

    module, _, function = sys.argv[1].partition(":")
    code: int = getattr(import_module(module), function)(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(_main())
