"""Everything raised on purpose; each class means another thing to the person who has to act."""


class KBError(Exception):
    """Root of all errors raised on purpose; the message is one sentence fit to show a user."""


class NotFound(KBError):
    """No such work, study, result or node."""


class InvalidInput(KBError):
    """Change what was sent; the message says what was received and what would do."""


class NotEstimable(KBError):
    """These data do not determine the statistic that was asked for."""


class Conflict(KBError):
    """Contradicts what is recorded; a person decides."""


class Unauthorized(KBError):
    """The request may not write: token missing or wrong, or it comes from a foreign page."""


class StoreUnavailable(KBError):
    """The database is locked, full or unreachable; nothing was changed."""


class SourceUnavailable(KBError):
    """A source did not answer, or asked for patience; waiting may help.

    `retry_after_s` is the wait the source asked for, None where it said nothing.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceRejected(KBError):
    """A source refused or sent something that is no answer; waiting will not help."""
