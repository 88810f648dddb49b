"""``python -m headwater`` is the command ``headwater``."""

from __future__ import annotations

import sys
from pathlib import Path

# ``python -m`` puts the current folder first on the path of imports: a file `orjson.py` there would run as part of the
# server. (The command `headwater` does not look there, nor does Python with -P.) What PYTHONPATH names stays.
if not getattr(sys.flags, "safe_path", False) and sys.path[:1] in ([""], [str(Path.cwd())]):
    del sys.path[0]

from headwater.cli import main

if __name__ == "__main__":
    main()
