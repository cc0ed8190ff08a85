"""Typed reading of one JSON object. What does not fit becomes a sentence in `problems`; reading goes on."""

from collections.abc import Mapping, Sequence
from typing import Any


def without_nulls(value: Any) -> Any:
    """The same JSON without keys whose value is null: to the service an explicit null is an absent key."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


class Fields:
    """One JSON object and where it stands, for messages. Every reader gives None for what is absent or wrong."""

    def __init__(self, values: Mapping[str, Any], problems: list[str], *, where: str) -> None:
        self._values = values
        self._where = where
        self.problems = problems

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        self._wrong(name, value, "must be a string")
        return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._wrong(name, value, f"must be an integer between {low} and {high}")
            return None
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of `allowed`, compared without case, in the spelling of `allowed`."""
        value = self._values.get(name)
        if value is None:
            return None
        folded = value.casefold() if isinstance(value, str) else None
        canonical = next((item for item in allowed if item.casefold() == folded), None)
        if canonical is None:
            self._wrong(name, value, f"must be one of {', '.join(allowed)}")
        return canonical

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._wrong(name, value, "must be a list of strings")
        return ()

    def strings(self) -> tuple[tuple[str, str], ...]:
        """Every pair of an object of strings, as `tags` is one."""
        for name, value in self._values.items():
            if not isinstance(value, str):
                self._wrong(name, value, "must be a string")
        return tuple((name, value) for name, value in self._values.items() if isinstance(value, str))

    def objects(self, name: str) -> tuple["Fields", ...]:
        value = self._values.get(name, [])
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            return tuple(
                Fields(item, self.problems, where=f"{self._where}{name}[{index}].") for index, item in enumerate(value)
            )
        self._wrong(name, value, "must be a list of objects")
        return ()

    def group(self, name: str) -> "Fields":
        value = self._values.get(name, {})
        if not isinstance(value, Mapping):
            self._wrong(name, value, "must be an object")
            value = {}
        return Fields(value, self.problems, where=f"{self._where}{name}.")

    def required(self, name: str) -> None:
        if name not in self._values:
            self.problems.append(f"The property '{self._where}{name}' is required.")

    def refuse(self, name: str, why: str) -> None:
        self.problems.append(f"The property '{self._where}{name}' {why}.")

    def _wrong(self, name: str, value: object, why: str) -> None:
        self.problems.append(f"The value '{value}' of '{self._where}{name}' {why}.")
