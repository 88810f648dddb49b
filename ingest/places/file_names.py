"""Names of files that come from outside (a manifest, a listing of S3, a setting), and the path that they may become.

Here: the one function that joins a folder and such a name. Not here: names that this program makes itself.
"""

from __future__ import annotations

from pathlib import Path


class UnsafeName(OSError):
    """A name that is not that of a file in its folder; the message names both."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(None, f"{name[:200]!r} {why}")

    def __str__(self) -> str:
        return str(self.strerror)


def check_name(name: str) -> None:
    """UnsafeName unless `name` is a relative path of plain folders: ``a/b.json``.

    Not ``/a``, ``a//b``, ``a/../b``, ``./a`` or ``a/``, and nothing with a NUL. Of the key ``spool//etc/x`` in S3 the
    prefix ``spool/`` leaves ``/etc/x``, and a folder joined to that would be ``/etc/x`` itself.
    """
    if "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise UnsafeName(name, "is no name of a file in a folder")


def path_in(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`; it need not exist. UnsafeName: see `check_name`; or a link leads out.

    Symbolic links are followed as long as what they name is in the folder, too. The folder itself may be a link.
    """
    check_name(name)
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UnsafeName(name, f"is a link that leads out of {folder}")
    return path
