"""One message to one person by SMTP: encrypted unless the server is this machine, and sure of what became of it."""

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ona.errors import ConnectorError, SettingsError

TIMEOUT = 20.0
FIRST_PERMANENT = 500
"""Answers from here on mean never, those below mean later (RFC 5321, section 4.2.1)."""


class Mail(BaseModel):
    """The server that takes the mail of this service."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(min_length=1, max_length=253, description="Server that takes the mail.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port: 587 with starttls, 465 with tls.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls or tls; none is for a server on this machine alone."
    )
    sender: str = Field(pattern=r"^[^\s@<>\r\n]+@[^\s@<>\r\n]+$", description="Address that the mail comes from.")
    user: str = Field(default="", description="User at the server; empty means that none is asked for.")
    password: SecretStr | None = Field(default=None, description="Only as ONA_MAIL__PASSWORD, never in the file.")
    password_file: Path | None = Field(default=None, description="File that holds the password, readable by its owner alone.")
    authority: Path | None = Field(default=None, description="PEM file of the authority behind the server's certificate, if no public one.")

    @model_validator(mode="after")
    def _encrypted(self) -> "Mail":
        if self.security == "none" and not _is_this_machine(self.host):
            raise ValueError("security none would send addresses in the clear: set starttls or tls, or use a server on this machine")
        return self


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"
    LATER = "later"  # the server did not take it and said to try again
    NEVER = "never"  # the server will not take it
    UNSURE = "unsure"  # the line broke after the text was sent: it may have been taken


class Courier:
    """An open line to the server."""

    def __init__(self, line: smtplib.SMTP) -> None:
        """Keep the line."""
        self._line = line

    def hand_over(self, message: EmailMessage) -> Fate:
        """Give one message to the server; never raises for what it answers, and never says to whom it went."""
        try:
            for code in (self._line.mail(str(message["From"]))[0], self._line.rcpt(str(message["To"]))[0]):
                if code not in (250, 251):
                    self._reset()
                    return _refused(code)
        except (smtplib.SMTPException, OSError):
            return Fate.LATER
        return self._data(message)

    def _data(self, message: EmailMessage) -> Fate:
        try:
            code = self._line.data(message.as_bytes(policy=message.policy.clone(linesep="\r\n")))[0]
        except smtplib.SMTPDataError as error:  # refused before the text was sent
            self._reset()
            return _refused(error.smtp_code)
        except (smtplib.SMTPException, OSError):
            return Fate.UNSURE
        return Fate.SENT if code == 250 else _refused(code)

    def _reset(self) -> None:
        try:
            self._line.rset()
        except (smtplib.SMTPException, OSError):
            self._line.close()  # the next message finds the line gone, and waits


@contextmanager
def courier(mail: Mail) -> Iterator[Courier]:
    """Open a line to the server, encrypted and signed in as the settings say.

    Raises ConnectorError when the server is away, does not encrypt, or refuses the user.
    """
    line = _opened(mail)
    try:
        yield Courier(line)
    finally:
        try:
            line.quit()
        except (smtplib.SMTPException, OSError):
            line.close()


def _opened(mail: Mail) -> smtplib.SMTP:
    password = _password(mail)
    try:
        trust = _trust(mail)
        if mail.security == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT, context=trust)
        else:
            line = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT)
        try:
            if mail.security == "starttls":
                line.starttls(context=trust)
            line.ehlo_or_helo_if_needed()
            if mail.user:
                line.login(mail.user, password)
        except BaseException:
            line.close()
            raise
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectorError(f"The mail server cannot be used ({_kind(error)}). Look at [mail] in ona.toml.") from None
    return line


def _kind(error: Exception) -> str:
    """Name a fault by its kind: the server's own words may hold addresses."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it does not offer encryption or sign-in"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it refused the user"
    return "its certificate is not trusted" if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__


def _trust(mail: Mail) -> ssl.SSLContext:
    found = ssl.create_default_context(cafile=mail.authority)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


def _password(mail: Mail) -> str:
    if mail.password is not None:
        return mail.password.get_secret_value()
    if mail.password_file is None:
        return ""
    try:
        if mail.password_file.stat().st_mode & 0o077:
            raise SettingsError(f"The file {mail.password_file} can be read by others. Run: chmod 600 {mail.password_file}")
        return mail.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The file {mail.password_file} cannot be read. Look at password_file of [mail] in ona.toml.") from None


def _refused(code: int) -> Fate:
    return Fate.NEVER if code >= FIRST_PERMANENT else Fate.LATER


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
