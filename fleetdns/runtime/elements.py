"""A list's body cut into its elements while it arrives: megabytes are never held, or decoded, at once.

What is cut out is not looked into: whoever decodes it learns whether it is valid. What is left over, the envelope, is
the list without its elements. Where both are valid JSON the body was, and said the same.
"""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec

_AT_ONCE = 1 << 16  # bytes; what they hold is decoded in 2 ms, then the event loop is let go
_DEEP = 24  # brackets in brackets; an object of Kubernetes' has twelve

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BETWEEN = rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+'
_TOKEN = re.compile(rb"(\s++)|" + _STRING + rb'|[{}\[\]:,]|[^\s"{}\[\]:,]++', re.DOTALL)
# Up to the next bracket that stands in no string: one match for each, however much lies between them.
_BRACKET = re.compile(_BETWEEN + rb"([{}\[\]])", re.DOTALL)
_OPENING = b"{["
_QUOTE = ord('"')
_ELEMENT_OR_END, _ELEMENT, _COMMA = "element or end", "element", "comma or end"  # what comes next in the list


def _bracketed(depth: int) -> bytes:
    """The pattern of a pair of brackets with whatever is in them, so many pairs deep."""
    pattern = rb"[{\[]" + _BETWEEN + rb"[}\]]"
    for _ in range(depth - 1):
        pattern = rb"[{\[]" + _BETWEEN + rb"(?:" + pattern + _BETWEEN + rb")*+[}\]]"
    return pattern


# A whole element in one match, where it has come whole and is not deeper than that.
_WHOLE = re.compile(_bracketed(_DEEP), re.DOTALL)

# Elements of one kind begin alike, with a bracket and the same name.
_BEGINNING = re.compile(rb'\{"[^"\\]*+":')
_SEVERAL = msgspec.json.Decoder(list[msgspec.Raw])
_TRIES = 2  # places where the last whole element may end; a wrong one costs about as much as the right one


class Malformed(Exception):
    """The body is no list."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one element from another without its bytes: those of equal fingerprint are equal."""

    length: int
    digest: bytes


def fingerprint(raw: bytes | bytearray | memoryview) -> Fingerprint:
    """The fingerprint of an element's bytes."""
    return Fingerprint(len(raw), hashlib.sha256(raw).digest())


@dataclass(slots=True)
class Element:
    """One element as it came."""

    raw: bytes
    _known: Fingerprint | None = field(default=None, compare=False, repr=False)

    @property
    def fingerprint(self) -> Fingerprint:
        """Found when first asked for: not everybody does."""
        if self._known is None:
            self._known = fingerprint(self.raw)
        return self._known


def _values(listed: memoryview) -> list[Element]:
    """Those of a JSON list without its brackets; none where it is something else."""
    try:
        return [Element(bytes(raw)) for raw in _SEVERAL.decode(b"".join((b"[", listed, b"]")))]
    except (ValueError, RecursionError):  # msgspec's errors
        return []


async def cut(
    chunks: AsyncIterator[bytes],
    name: str,
    *,
    take: Callable[[Element], None],
    expected: Callable[[], Fingerprint | None] = lambda: None,
) -> bytes:
    """Give each element of the list `name` to `take` as it arrives, and let others run now and then; the envelope.

    `expected`: which element probably comes next. Raises Malformed, and what reading the chunks and `take` raise: only
    when it returns was the list whole.
    """
    elements = Elements(name)

    def take_whole() -> None:
        while (element := elements.take(expected())) is not None:
            take(element)

    async for chunk in chunks:
        for start in range(0, len(chunk), _AT_ONCE):
            elements.feed(memoryview(chunk)[start : start + _AT_ONCE])
            take_whole()
            await asyncio.sleep(0)
    elements.end()
    take_whole()
    return elements.envelope


class Elements:
    """Feed it the body in chunks of any size, and take what is whole after each; `end` says that no more will come.

    `name`: of the list's field, spelled without escapes.
    """

    def __init__(self, name: str) -> None:
        self._opens_list = (f'"{name}"'.encode(), b":", b"[")
        self._buffer = bytearray()
        self._at = 0  # everything before it has been taken
        self._scanned = 0  # how far behind _at the element that begins there has been looked through
        self._depth = 0  # brackets of that element that are still open there
        self._is_inside = False  # between the brackets of the list
        self._awaits = _ELEMENT_OR_END
        self._depth_outside = 0  # open brackets of the envelope
        self._recent = (b"", b"", b"", b"")  # its last tokens
        self._is_ended = False
        self._envelope = bytearray()
        self._ahead: deque[Element] = deque()  # found already; all of them stand before _at
        self._may_look_ahead = False

    def feed(self, chunk: bytes | memoryview) -> None:
        """The next bytes of the body."""
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += chunk
        # Once for each chunk, and not for an element that goes on through many: it would be read anew with each.
        self._may_look_ahead = len(self._buffer) <= 2 * _AT_ONCE

    def end(self) -> None:
        """The body has come to its end."""
        self._is_ended = True

    @property
    def envelope(self) -> bytes:
        """The body without the elements. Raises Malformed while it is not whole: call it after the last element."""
        if self._is_inside or self._ahead or self._at < len(self._buffer):
            raise Malformed("the list ends in the middle")
        return bytes(self._envelope)

    def take(self, expected: Fingerprint | None = None) -> Element | None:
        """The next element; None: not before more has been fed, or never. Raises Malformed.

        `expected`: of the object that probably comes next. Where it does, nothing is looked through: an object says
        itself where it ends, so equal bytes are the same object.
        """
        if self._ahead:
            return self._ahead.popleft()
        if not self._is_before_element():
            return None
        if expected is None and self._look_ahead():
            return self._ahead.popleft()
        if expected is not None and len(self._buffer) - self._at < expected.length and not self._is_ended:
            return None
        if expected is not None and self._fingerprint(expected.length) == expected:
            return self._taken(expected.length, expected)
        length = self._length()
        return None if length is None else self._taken(length)

    def _look_ahead(self) -> bool:
        """Find many elements in one go: all before the last one here that begins like the first. False: none was.

        That an element ends before it is a guess, as elements hold objects and texts too. It is proven where all that
        stands before is JSON values with commas between them: a value says itself where it ends.
        """
        if not self._may_look_ahead or self._scanned:
            return False
        self._may_look_ahead = False
        beginning = _BEGINNING.match(self._buffer, self._at)
        if beginning is None:
            return False
        end = len(self._buffer)
        for _ in range(_TRIES):
            end = self._buffer.rfind(b"}," + beginning[0], self._at, end)
            if end < 0:
                return False
            with memoryview(self._buffer) as view, view[self._at : end + 1] as some:
                self._ahead.extend(_values(some))
            if self._ahead:
                self._at, self._awaits = end + 1, _COMMA
                return True
        return False

    def _taken(self, length: int, known: Fingerprint | None = None) -> Element:
        with memoryview(self._buffer) as view:
            raw = bytes(view[self._at : self._at + length])
        self._at += length
        self._scanned = self._depth = 0
        self._awaits = _COMMA
        return Element(raw, known)

    def _fingerprint(self, length: int) -> Fingerprint:
        with memoryview(self._buffer) as view, view[self._at : self._at + length] as element:
            return fingerprint(element)

    def _length(self) -> int | None:
        """Of the element that begins here; None: its end has not come yet."""
        if self._buffer[self._at] not in _OPENING:
            return self._length_of_scalar()
        if not self._scanned and (whole := _WHOLE.match(self._buffer, self._at)):
            return whole.end() - self._at
        while bracket := _BRACKET.match(self._buffer, self._at + self._scanned):
            self._scanned = bracket.end() - self._at
            self._depth += 1 if bracket[1] in _OPENING else -1
            if self._depth == 0:
                return self._scanned
        return None

    def _length_of_scalar(self) -> int | None:
        scalar = _TOKEN.match(self._buffer, self._at)
        if scalar is None:
            return None
        is_whole = self._is_ended or scalar.end() < len(self._buffer) or self._buffer[self._at] == _QUOTE
        return scalar.end() - self._at if is_whole else None

    def _is_before_element(self) -> bool:
        """Go on to where the next element begins, as far as that has come."""
        while token := _TOKEN.match(self._buffer, self._at):
            if token[1] and self._is_inside:
                self._at = token.end()
            elif not self._is_inside:
                self._leave_over(token[0], token.end(), is_space=bool(token[1]))
            elif self._awaits != _COMMA and token[0] not in (b",", b"]", b":", b"}"):
                return True
            elif token[0] == b"]" and self._awaits != _ELEMENT:
                self._is_inside = False
            elif token[0] == b"," and self._awaits == _COMMA:
                self._at, self._awaits = token.end(), _ELEMENT
            else:
                raise Malformed("something else than a list of elements")
        return False

    def _leave_over(self, token: bytes, end: int, *, is_space: bool) -> None:
        """Something of the envelope; where it opens the list, elements follow."""
        self._envelope += token
        self._at = end
        if is_space:
            return
        self._recent = (*self._recent[1:], token)
        self._depth_outside += token in (b"{", b"[")
        self._depth_outside -= token in (b"}", b"]")
        if self._depth_outside == 2 and self._recent[1:] == self._opens_list and self._recent[0] in (b"{", b","):
            self._is_inside, self._awaits = True, _ELEMENT_OR_END
