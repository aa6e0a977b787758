"""The reader's choice of a language: asked for in the address, kept in a cookie, or told by the browser."""

from babel import negotiate_locale
from fastapi import Request

from pipelines.languages import NAMES, Language, language

__all__ = ["COOKIE", "NAMES", "PARAMETER", "Language", "chosen", "language", "switched"]

COOKIE = "ona_lang"
PARAMETER = "lang"


def chosen(request: Request) -> Language:
    """Return the language that the reader asked for in the address, earlier, or by their browser."""
    asked = (request.query_params.get(PARAMETER), request.cookies.get(COOKIE))
    return language(next((code for code in asked if code in NAMES), None) or _accepted(request.headers.get("accept-language", "")))


def switched(request: Request) -> str | None:
    """Return the language that this request chose to keep."""
    code = request.query_params.get(PARAMETER)
    return code if code in NAMES else None


def _accepted(header: str) -> str:
    ranked = sorted((_quality(part) for part in header.split(",")[:20]), key=lambda pair: -pair[0])
    wanted = [code for quality, code in ranked if quality > 0]
    return negotiate_locale(wanted, list(NAMES), sep="-") or next(iter(NAMES))


def _quality(part: str) -> tuple[float, str]:
    code, _, weight = part.partition(";q=")
    try:
        return float(weight or 1), code.strip().lower()
    except ValueError:
        return 0.0, ""
