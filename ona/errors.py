"""Errors by the recovery they allow: what was seen, what was expected, what to do next."""


class OnaError(Exception):
    """Base of every error that this project raises on purpose; its text never holds personal data."""


class SettingsError(OnaError):
    """The operator's configuration or key is wrong; fix it and start again."""


class TableError(OnaError):
    """Data breaks the schema of its table or file."""


class ConnectorError(OnaError):
    """A connected system could not be read."""


class AccessError(ConnectorError):
    """A connected system refused the token; renew it and pull again."""


class RateLimitError(ConnectorError):
    """A connected system asks to wait.

    Parameters
    ----------
    retry_after
        Seconds until the next call may succeed.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep the pause beside the sentence."""
        super().__init__(message)
        self.retry_after = retry_after


class TryLaterError(OnaError):
    """The machine cannot go on now (disk full, another scan running); the same call may succeed later."""


class NotEnoughDataError(OnaError):
    """Too little was observed to say anything; an answer, not a fault."""


class NotFoundError(OnaError):
    """Missing, or hidden from this viewer: the two are never told apart."""


class ForbiddenError(OnaError):
    """The viewer's role has no such right; says nothing about any object."""


class NoRoleError(ForbiddenError):
    """Whoever signed in holds no role here."""


class SignInRefusedError(OnaError):
    """The identity provider's answer, a link or a token cannot be believed; says never which part."""


class TooManyError(OnaError):
    """Asked too often.

    Parameters
    ----------
    retry_after
        Seconds until the next attempt is taken.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        """Keep the pause beside the sentence."""
        super().__init__(message)
        self.retry_after = retry_after


class ConflictError(OnaError):
    """The state of the thing asked about does not allow this step: decided already, closed, or asked by the same person."""


class SuppressedError(OnaError):
    """A number about fewer people than the minimum group is withheld."""


class TooLargeError(OnaError):
    """The method cannot be computed at this size; the message names the one to use instead."""
