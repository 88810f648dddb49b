"""The one table from exceptions to kinds of errors (`headwater.faults`): what each layer answers for them.

Read by the HTTP API, the Gremlin endpoint, and the command line (`headwater.translation`). Exceptions of rooms above
this one (`headwater.errors`, `ingest.gremlin`) name their kind themselves, as a class attribute `fault`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from headwater.faults import Fault


@lru_cache(1)
def error_table() -> Mapping[type[Exception], Fault]:
    """Each public exception class, or a base of it. It imports every package: it is made when the first error comes."""
    from headwater.aws_bridge import glue, query_lineage, s3, session
    from headwater.graphmodel.name_patterns import InvalidPattern
    from headwater.graphmodel.naming_rules import InvalidRules
    from headwater.graphmodel.statements.errors import StatementError
    from headwater.graphstore import errors as store
    from headwater.ingest.fold.scan import NotReady
    from headwater.ingest.folder import spline_consumer
    from headwater.ingest.folder.answering import NeedsLedger
    from headwater.ingest.folder.bulk_loading import AlreadyThere
    from headwater.ingest.folder.stopping import Abandoned
    from headwater.ingest.graph import decoding, following, patience, recovery, writer
    from headwater.ingest.http.auth import TokensRequired
    from headwater.ingest.http.authenticator import SenderUnchecked, UnknownSender
    from headwater.ingest.http.tokens import TokensUnreadable
    from headwater.ingest.inbox.writing import InboxUnavailable
    from headwater.ingest.intake import bridge
    from headwater.ingest.intake.body import InvalidBody
    from headwater.ingest.ledger import entries as ledger
    from headwater.ingest.places.file_names import UnsafeName
    from headwater.ingest.places.file_storage import NotEmpty
    from headwater.ingest.places.yaml_file import InvalidYaml
    from headwater.openlineage_bridge import datazone
    from headwater.queries.answers import errors as questions
    from headwater.spline_bridge import consumer
    from headwater.spline_bridge.errors import DecodeError
    from headwater.spline_bridge.glue.versions import CannotAttach
    from headwater.sql_bridge.relations import Unreadable
    from headwater.web.joined import CannotJoin

    return {
        # the sender's
        questions.QueryError: Fault.INVALID,
        questions.UnknownQuery: Fault.NOT_FOUND,
        questions.NodeNotFound: Fault.NOT_FOUND,
        questions.GraphRebuilding: Fault.UNAVAILABLE,
        NeedsLedger: Fault.INVALID,
        StatementError: Fault.INVALID,
        DecodeError: Fault.INVALID,
        bridge.DecodeError: Fault.INVALID,
        InvalidBody: Fault.INVALID,  # with a status of its own
        UnknownSender: Fault.UNAUTHORISED,
        SenderUnchecked: Fault.UNAVAILABLE,
        store.InvalidRequest: Fault.INVALID,
        store.StepFailed: Fault.FAILED,
        store.ReadOnly: Fault.FORBIDDEN,
        store.Exceeded: Fault.TOO_MUCH,
        store.TimedOut: Fault.TIMED_OUT,
        store.EngineFailed: Fault.TOO_MUCH,  # seen where it found no memory
        glue.NoSuchJob: Fault.NOT_FOUND,
        query_lineage.InvalidRequest: Fault.INVALID,
        CannotAttach: Fault.INVALID,
        # the operator's
        InvalidPattern: Fault.SET_UP,
        InvalidRules: Fault.SET_UP,
        InvalidYaml: Fault.SET_UP,
        ledger.LedgerError: Fault.SET_UP,
        NotReady: Fault.SET_UP,
        following.CannotFollow: Fault.SET_UP,
        recovery.ForeignGraph: Fault.SET_UP,
        TokensRequired: Fault.SET_UP,
        TokensUnreadable: Fault.SET_UP,
        AlreadyThere: Fault.SET_UP,
        NotEmpty: Fault.SET_UP,
        UnsafeName: Fault.SET_UP,
        s3.NotAnS3Url: Fault.SET_UP,
        session.NotInstalled: Fault.SET_UP,
        session.WrongCall: Fault.SET_UP,
        # the store's, the disk's, AWS's
        ledger.LedgerUnavailable: Fault.UNAVAILABLE,
        InboxUnavailable: Fault.UNAVAILABLE,
        ledger.LedgerInUse: Fault.UNAVAILABLE,
        store.TransientError: Fault.UNAVAILABLE,
        store.InUse: Fault.UNAVAILABLE,
        store.Damaged: Fault.UNAVAILABLE,
        store.Denied: Fault.UNAVAILABLE,
        store.PermanentError: Fault.REFUSED,
        store.StoreError: Fault.REFUSED,
        session.AwsError: Fault.UNAVAILABLE,
        session.NotAllowed: Fault.SET_UP,
        following.GivenUp: Fault.UNAVAILABLE,  # another process writes in this one's place
        # ours, if one ever leaves the room where it is caught
        CannotJoin: Fault.OURS,
        Abandoned: Fault.OURS,
        decoding.Renamed: Fault.OURS,
        decoding.Erased: Fault.OURS,
        patience.Stopped: Fault.OURS,
        following.StartAgain: Fault.OURS,
        writer.GraphChanged: Fault.OURS,
        datazone.TooLarge: Fault.OURS,
        spline_consumer.NotFound: Fault.NOT_FOUND,
        consumer.NotInPlan: Fault.NOT_FOUND,
        consumer.TooLarge: Fault.TOO_MUCH,
        Unreadable: Fault.INVALID,
    }


def fault_of(error: BaseException | type[BaseException]) -> Fault | None:
    """The kind of an exception, by its own class or its nearest base that has one. None: not one of ours.

    None for a class of Python or of a library: where such an exception arrives, nobody expected it.
    """
    kind = error if isinstance(error, type) else type(error)
    named: Fault | None = getattr(kind, "fault", None)
    table = error_table()
    return named or next((table[base] for base in kind.__mro__ if base in table), None)


def explained_errors() -> tuple[type[Exception], ...]:
    """For an `except` clause: what tells its user all in one sentence. The others need a stack trace."""
    return tuple(kind for kind, fault in error_table().items() if fault is not Fault.OURS)
