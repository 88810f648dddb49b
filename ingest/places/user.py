"""Who runs this process, for entries and lines that say who did something on this machine.

From the system, not from the environment, where everybody can write what they like.
"""

from __future__ import annotations

import os
import pwd


def user_name() -> str:
    """The name of the user; where there is none for the user id, as in a container, ``uid 10001``."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
