"""A web service that alerts are posted to as JSON, one request each.

Redirections are not followed. A service that does not answer, or answers 408, 429 or 5xx, is asked again a few times
with growing pauses; other answers than 2xx are final.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import Any

from wiretropy.limits import SINK_TIMEOUT_S, WEBHOOK_TRIES


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that points elsewhere is an error."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


class WebhookTransport:
    """Posts records.

    Parameters
    ----------
    url : str
        An http or https address.
    timeout_s : float
        Longest wait for an answer.
    tries : int
        Requests for one record.
    pause_s : float
        Wait before the second request; it doubles with each.
    """

    def __init__(
        self, url: str, *, timeout_s: float = SINK_TIMEOUT_S, tries: int = WEBHOOK_TRIES, pause_s: float = 0.5
    ) -> None:
        self._url, self._timeout_s, self._tries, self._pause_s = url, timeout_s, tries, pause_s
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, record: bytes, *, header: bytes = b"") -> None:
        """Post one record."""
        for number in range(1, self._tries + 1):
            try:
                self._post(record)
            except (OSError, http.client.HTTPException) as error:
                if number == self._tries or not _may_pass(error):
                    raise OSError(str(error) or type(error).__name__) from error
            else:
                return
            time.sleep(self._pause_s * 2 ** (number - 1))

    def reopen(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""

    def _post(self, record: bytes) -> None:
        request = urllib.request.Request(  # noqa: S310 - open_sink takes http and https only
            self._url,
            data=record,
            headers={"Content-Type": "application/json", "User-Agent": "wiretropy"},
            method="POST",
        )
        with self._opener.open(request, timeout=self._timeout_s):
            pass


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return error.code in (408, 429) or error.code >= 500
    return True
