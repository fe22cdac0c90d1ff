"""A judge over an OpenAI-compatible service: asks ``/chat/completions`` for a grade of one passage.

It proposes; whether a grade counts is for a person to say. The key goes into one header of each request and
nowhere else: redirects are not followed, and no message of an error repeats what was sent.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rankscope.core.documents import Document
from rankscope.errors import Cancelled, ModelError, SettingsError

__all__ = ["OpenAiJudge", "Proposal"]

GRADES = range(4)
_MOST_BYTES = 4 * 2**20
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the model proposes for one passage."""

    grade: int
    reason: str


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow none: the answer then is the redirect itself, as an error."""


class OpenAiJudge:
    """Asks ``model`` at ``endpoint`` by ``rubric``. Safe to use from one thread at a time.

    ``wait`` sleeps between two tries and says whether the wait was cut short, as ``Event.wait`` does.
    Raises SettingsError for an endpoint that is no http address, and for a key that would leave this machine
    unencrypted.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        rubric: str,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 3,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        parts = _split(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise SettingsError(
                f"judge.endpoint is {endpoint!r:.120}, expected an http or https address.",
                remedy='For instance "http://localhost:8000/v1", with no name or password in it.',
            )
        if key is not None and not key.isascii():
            raise SettingsError("the judge's key holds characters that no header can carry.")
        if key is not None and parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise SettingsError(
                f"judge.endpoint is {endpoint!r:.120}: the key would go over the network unencrypted.",
                remedy="Use an https address, or no key.",
            )
        self.model = model
        self.host = parts.netloc
        self._url = endpoint.rstrip("/") + "/chat/completions"
        self._rubric = rubric
        self._key = key
        self._timeout_s, self._retries, self._wait = timeout_s, retries, wait
        self._opener = build_opener(_NoRedirects)
        self._temperature = True
        self._draw = random.Random()  # noqa: S311  # spreads retries, nothing more

    @property
    def name(self) -> str:
        """The judge's name: model and rubric, since another rubric makes another judge."""
        digest = hashlib.sha256(self._rubric.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.model}#{digest[:6]}"

    @property
    def sends_key(self) -> bool:
        """Whether requests carry a key."""
        return self._key is not None

    def propose(self, query: str, document: Document) -> Proposal:
        """A grade for one passage, of which everything is sent.

        Raises ModelError where the service cannot be reached or answers without a grade, Cancelled where
        a wait was cut short.
        """
        material = json.dumps({"query": query, "title": document.title, "passage": document.text})
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": self._rubric},
                {"role": "user", "content": material},
            ],
        }
        answer = self._ask(request)
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise ModelError(f"the judge at {self.host} answered without a message.")
        return self._read(text)

    def _read(self, text: str) -> Proposal:
        """The last JSON object in the text that holds a grade; models like to think aloud before it."""
        decoder = json.JSONDecoder()
        found: Proposal | None = None
        place = text.find("{")
        while place >= 0:
            try:
                value, end = decoder.raw_decode(text, place)
            except (ValueError, RecursionError):
                end = place + 1
            else:
                found = _proposal(value) or found
            place = text.find("{", end)
        if found is None:
            raise ModelError(
                f"the judge at {self.host} answered without a grade of 0 to 3.",
                remedy='Its rubric must ask for {"grade": 0, "reason": "..."}.',
            )
        return found

    def _ask(self, request: dict[str, Any]) -> Any:
        """The service's answer; asks again after a 429, a 5xx or a broken connection."""
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                return self._once(request)
            except HTTPError as error:
                with error:
                    said = error.read(2_000).decode("utf-8", "replace")
                if error.code == 400 and self._temperature and "temperature" in said:
                    self._temperature = False  # some models take none
                    return self._ask(request)
                if last or not (error.code == 429 or error.code >= 500):
                    raise self._refusal(error.code) from None
                self._pause(attempt, error.headers.get("Retry-After"))
            except (URLError, HTTPException, OSError) as error:
                if last:
                    reason = error.reason if isinstance(error, URLError) else error
                    raise ModelError(
                        f"the judge at {self.host} cannot be reached: {str(reason) or type(error).__name__}.",
                        remedy="Check judge.endpoint in rankscope.toml, and that the service runs.",
                    ) from None
                self._pause(attempt, None)
        raise AssertionError("every try returns or raises")

    def _once(self, request: Mapping[str, Any]) -> Any:
        body = {**request, "temperature": 0} if self._temperature else request
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        sent = Request(self._url, json.dumps(body).encode("ascii"), headers, method="POST")  # noqa: S310
        with self._opener.open(sent, timeout=self._timeout_s) as response:
            raw = response.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ModelError(f"the judge at {self.host} answered more than {_MOST_BYTES >> 20} MiB.")
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise ModelError(f"the judge at {self.host} answered something that is not JSON.") from None

    def _refusal(self, code: int) -> ModelError:
        remedies = {
            401: "Check the key in the environment variable that judge.key_env names.",
            403: "Check the key in the environment variable that judge.key_env names.",
            404: "Check judge.endpoint and judge.model in rankscope.toml.",
            429: "The service asks for patience: try again later.",
        }
        return ModelError(f"the judge at {self.host} answered {code}.", remedy=remedies.get(code, ""))

    def _pause(self, attempt: int, retry_after: str | None) -> None:
        """Longer after each try, spread so that callers part; what the service asks for comes first."""
        seconds = _FIRST_WAIT_S * 2**attempt * (1 + self._draw.random() / 2)
        asked = _seconds(retry_after)
        if self._wait(min(max(seconds, asked), _LONGEST_WAIT_S)):
            raise Cancelled("the judge was told to stop.")


def _split(endpoint: str) -> SplitResult:
    try:
        return urlsplit(endpoint)
    except ValueError:  # brackets that hold no address
        return SplitResult("", "", "", "", "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proposal(value: object) -> Proposal | None:
    if not isinstance(value, dict):
        return None
    grade, reason = value.get("grade"), value.get("reason")
    if isinstance(grade, str) and grade.strip().isdecimal():
        grade = int(grade)
    if isinstance(grade, float) and grade.is_integer():
        grade = int(grade)
    if isinstance(grade, bool) or not isinstance(grade, int) or grade not in GRADES:
        return None
    return Proposal(grade, reason if isinstance(reason, str) else "")


def _seconds(text: str | None) -> float:
    """What a ``Retry-After`` header asks for: seconds, or a date; 0 where it says neither."""
    if not text:
        return 0.0
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return 0.0
