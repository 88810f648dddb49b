"""Of which account an entry is: a parameter of its content type, ``application/json; account=123456789012``.

The content type is part of what tells two entries apart, of an entry's hash, of exports and of an inbox's files. So the
same bytes, sent for two accounts, are two entries, and an entry of no account is what it always was. Senders cannot set
it: of their own header only the type counts. A file that lies in a folder ``account=123456789012`` of an inbox is of
that account. Pure. What an account does to names is in `graphmodel.accounts`.
"""

from __future__ import annotations

from headwater.graphmodel.accounts import account_in, contradicted, is_account
from headwater.spline_bridge.errors import DecodeError, json_path

FOLDER = "account="  #: begins the name of a folder that holds what is of one account
_PARAMETER = "; account="


class OtherAccount(DecodeError):
    """A payload says that it is of another account than the one for which its sender may report."""


def typed(content_type: str, account: str | None) -> str:
    """The content type of an entry: as it is, or with the account."""
    return content_type if account is None else f"{content_type}{_PARAMETER}{account}"


def split_type(content_type: str) -> tuple[str, str | None]:
    """The inverse of `typed`. ValueError: what follows the type is no account."""
    plain, parameter, account = content_type.partition(_PARAMETER)
    if parameter and not is_account(account):
        raise ValueError("expected an account of lower-case letters, digits, dots, hyphens and underscores")
    return plain, account or None


def account_of(name: str) -> str | None:
    """The account in whose folder a file of an inbox lies; None: in no such folder. ValueError: it names no account."""
    folder, slash, _ = name.partition("/")
    if not slash or not folder.startswith(FOLDER):
        return None
    account = folder.removeprefix(FOLDER)
    if not is_account(account):
        raise ValueError("its folder names no account: 12 digits of AWS, or lower-case letters, digits and hyphens")
    return account


def check_account(account: str | None, said: object, *path: str | int) -> None:
    """OtherAccount: the AWS account that a payload says at `path` is not the one that its sender reports for."""
    if account is not None and isinstance(said, str) and contradicted(account, said.strip()):
        raise OtherAccount(
            f"it is of the account {said.strip()}, and its sender reports for the account {account} alone",
            json_path(path),
        )


def check_namespace(account: str | None, namespace: object, *path: str | int) -> None:
    """As `check_account`, for the namespace of a job."""
    if isinstance(namespace, str):
        check_account(account, account_in(namespace.strip()), *path)
