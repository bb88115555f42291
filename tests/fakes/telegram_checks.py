"""What Telegram refuses in a call, and in which words."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.telegram_html import text_of, units

GET_FILE_LIMIT, UPLOAD_LIMIT = 20 * 1024 * 1024, 50 * 1024 * 1024


class Refused(Exception):
    """An answer with ok=false."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


async def arguments_of(request: web.Request) -> dict[str, Any]:
    form = await request.post()
    found: dict[str, Any] = dict(request.query)
    for name, value in form.items():
        found[name] = (value.filename, value.file.read()) if isinstance(value, web.FileField) else value
    return found


def refusal(refused: Refused) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.retry_after is not None:
        body["parameters"] = {"retry_after": refused.retry_after}
    return web.json_response(body, status=refused.code)


def checked_text(arguments: dict[str, Any], name: str, limit: int) -> str:
    raw = arguments.get(name, "")
    try:
        text = text_of(raw) if arguments.get("parse_mode") == "HTML" else raw
    except ValueError as error:
        raise Refused(400, str(error)) from error
    if name == "text" and not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if units(text) > limit:
        raise Refused(400, f"Bad Request: {'message' if name == 'text' else 'message caption'} is too long")
    return text


def checked_upload(arguments: dict[str, Any], name: str) -> tuple[str, bytes]:
    reference = arguments.get(name)
    if isinstance(reference, str) and reference.startswith("attach://"):
        reference = arguments.get(reference.removeprefix("attach://"))
    if not isinstance(reference, tuple):
        raise Refused(400, "Bad Request: wrong file identifier")
    if len(reference[1]) > UPLOAD_LIMIT:
        raise Refused(413, "Request Entity Too Large")
    if not reference[1]:
        raise Refused(400, "Bad Request: file must be non-empty")
    return reference


def checked_rows(arguments: dict[str, Any]) -> list[list[dict[str, Any]]]:
    markup = json.loads(arguments.get("reply_markup") or "{}")
    rows: list[list[dict[str, Any]]] = markup.get("inline_keyboard", [])
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100 or any(len(row) > 8 for row in rows):
        raise Refused(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        check_button(button)
    return rows


def check_button(button: dict[str, Any]) -> None:
    if not button.get("text", "").strip():
        raise Refused(400, "Bad Request: text buttons are unallowed in the inline keyboard")
    kinds = [kind for kind in ("callback_data", "url", "copy_text") if kind in button]
    if len(kinds) != 1:
        raise Refused(400, "Bad Request: BUTTON_TYPE_INVALID")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
        raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    if "copy_text" in button and not 1 <= len(button["copy_text"]["text"]) <= 256:
        raise Refused(400, "Bad Request: BUTTON_COPY_TEXT_INVALID")
    if "url" in button:
        url = urlsplit(button["url"])
        if url.scheme not in {"http", "https", "tg"} or "." not in (url.hostname or ""):
            raise Refused(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")


def checked_webhook(arguments: dict[str, Any], *, plain: bool) -> tuple[str, str]:
    """Address and secret. `plain`: http is allowed, as a Bot API server of one's own has it."""
    url, secret = str(arguments.get("url", "")), str(arguments.get("secret_token", ""))
    parts = urlsplit(url)
    if not plain and (parts.scheme != "https" or (parts.port or 443) not in {80, 88, 443, 8443}):
        raise Refused(400, "Bad Request: bad webhook: an HTTPS URL must be provided for webhook")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise Refused(400, "Bad Request: secret token contains unallowed characters")
    return url, secret
