"""A bounded queue before a sink that may be slow, and sinks themselves.

Alerts go in; a sink formats them and hands them to its transport. Behind a queue, a thread of its own does that:
whoever writes waits for room at most as long as was allowed, then the alert is dropped and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wiretropy.inert import inert
from wiretropy.limits import ALERT_QUEUE, SINK_CLOSE_S
from wiretropy.policy.alert import Alert
from wiretropy.sinks.transport import Transport


@dataclass(frozen=True, slots=True)
class Format:
    """How alerts become bytes.

    Attributes
    ----------
    record : callable
        One alert as one record.
    header : callable, optional
        What stands before the first record of a file.
    """

    record: Callable[[Alert], bytes]
    header: Callable[[Alert], bytes] | None = None


@dataclass(slots=True)
class Delivery:
    """What became of alerts.

    Attributes
    ----------
    sent : int
        Handed over.
    failed : int
        Refused by the receiver.
    dropped : int
        Left out because the queue was full, or at the end of the time for closing.
    reason : str
        Why the latest failed; inert text.
    """

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    reason: str = ""


class Sink(Protocol):
    """Where alerts go."""

    spec: str
    delivery: Delivery

    def write(self, alert: Alert) -> None:
        """Take one alert."""

    def reopen(self) -> None:
        """Open files and connections anew before the next alert, as on SIGHUP; safe within a signal handler."""

    def close(self, deadline_s: float = SINK_CLOSE_S) -> None:
        """Hand over what waits, at most for so long, and let go of what is open."""


class DirectSink:
    """Hands alerts over at once; failures raise `OSError`."""

    def __init__(self, spec: str, form: Format, transport: Transport) -> None:
        self.spec, self.delivery = spec, Delivery()
        self._form, self._transport = form, transport

    def write(self, alert: Alert) -> None:
        """Take one alert."""
        header = b"" if self._form.header is None else self._form.header(alert)
        self._transport.send(self._form.record(alert), header=header)
        self.delivery.sent += 1

    def reopen(self) -> None:
        """Open files and connections anew before the next alert."""
        self._transport.reopen()

    def close(self, deadline_s: float = SINK_CLOSE_S) -> None:
        """Let go of what is open."""
        self._transport.close()


class QueuedSink:
    """Puts a bounded queue before another sink; its failures are counted.

    Parameters
    ----------
    inner : DirectSink
        Where alerts go in the end.
    capacity : int
        Alerts that may wait.
    wait_s : float
        How long a full queue may hold up whoever writes; 0 drops at once.
    """

    def __init__(self, inner: DirectSink, *, capacity: int = ALERT_QUEUE, wait_s: float = 0.0) -> None:
        self.spec, self.delivery = inner.spec, inner.delivery
        self._inner, self._capacity, self._wait_s = inner, capacity, wait_s
        self._waiting: deque[Alert] = deque()
        self._is_busy = self._is_closing = False
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name=f"alerts to {inner.spec}", daemon=True)
        self._worker.start()

    def write(self, alert: Alert) -> None:
        """Take one alert, or drop and count it."""
        with self._changed:
            if self._changed.wait_for(lambda: len(self._waiting) < self._capacity, self._wait_s):
                self._waiting.append(alert)
                self._changed.notify_all()
            else:
                self.delivery.dropped += 1

    def reopen(self) -> None:
        """Open files and connections anew before the next alert."""
        self._inner.reopen()

    def flush(self, deadline_s: float) -> bool:
        """Wait until everything was handed over; whether that was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, deadline_s)

    def close(self, deadline_s: float = SINK_CLOSE_S) -> None:
        """Hand over what waits, at most for so long; the rest is dropped and counted."""
        is_done = self.flush(deadline_s)
        with self._changed:
            # What is under way may still arrive, but nobody will be there to see it.
            self.delivery.dropped += len(self._waiting) + self._is_busy
            self._waiting.clear()
            self._is_closing = True
            self._changed.notify_all()
        if is_done:
            self._worker.join()

    def _work(self) -> None:
        while (alert := self._next()) is not None:
            try:
                self._inner.write(alert)
            except OSError as error:
                self.delivery.failed += 1
                self.delivery.reason = inert(error.strerror or str(error))
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
        self._inner.close()

    def _next(self) -> Alert | None:
        """The next alert, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            if not self._waiting:
                return None
            self._is_busy = True
            alert = self._waiting.popleft()
            self._changed.notify_all()
            return alert
