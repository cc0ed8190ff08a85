"""CEL expressions as validation rules use them: compiled once, evaluated over plain JSON.

Offered are the standard functions, the string functions, optional values, and the list functions isSorted, sum, min
and max. Kubernetes' other libraries (urls, addresses, quantities, sets, formats) are refused when a rule is compiled.
Fields are not typed by the schema: a field that does not exist is noticed when the rule runs, not before, and text is
text whatever its format. The cost of a rule is neither estimated nor limited.
"""

import functools
import itertools
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

_DYN = cel.Type.DYN


class CelInvalid(Exception):
    """An expression that does not compile; the text is the compiler's."""


@dataclass(frozen=True, slots=True)
class CelError:
    """An evaluation that came to no value, for example because a key is missing; `text` says why."""

    text: str


class Program:
    """One compiled expression over `self` and, in transition rules, `oldSelf`."""

    __slots__ = ("_compiled", "optional_old", "uses_old")

    def __init__(self, expression: str, *, optional_old: bool = False) -> None:
        self.uses_old = not _compiles(_ENVIRONMENTS["self"], expression)
        self.optional_old = optional_old and self.uses_old
        if self.uses_old:
            _compile(_ENVIRONMENTS["oldSelf"], expression)
        self._compiled = (
            _compile(_ENVIRONMENTS["optional"], _with_optional_old(expression))
            if self.optional_old
            else (_compile(_ENVIRONMENTS["oldSelf"], expression))
        )

    @property
    def gives(self) -> str:
        """The type the compiler infers: "bool", "string", ... or "dyn" where only evaluation can tell."""
        return str(self._compiled.return_type().name()).lower()

    def evaluate(self, value: Any, old: Any = None) -> Any:
        """The expression's value as plain JSON, or a CelError. `old` is None where there is no earlier value."""
        names = {"self": value, "oldSelf": old}
        if self.optional_old:
            names = {"self": value, "_old": old, "_has_old": old is not None}
        answer = self._compiled.eval(data=names)
        if answer.type() == cel.Type.ERROR:
            return CelError(str(answer.value()))
        return answer.plain_value()


class Pattern:
    """A regular expression of the RE2 kind, the one that Kubernetes uses, so that both accept the same."""

    __slots__ = ("_compiled",)

    def __init__(self, pattern: str) -> None:
        self._compiled = _compile(_ENVIRONMENTS["self"], f"self.matches({json.dumps(pattern, ensure_ascii=False)})")
        tried = self._compiled.eval(data={"self": ""})
        if tried.type() == cel.Type.ERROR:
            raise CelInvalid(str(tried.value()))

    def matches(self, text: str) -> bool:
        return bool(self._compiled.eval(data={"self": text}).value())


def _with_optional_old(expression: str) -> str:
    return f"cel.bind(oldSelf, _has_old ? optional.of(_old) : optional.none(), {expression}\n)"


def _compile(environment: Any, expression: str) -> Any:
    try:
        return environment.compile(expression)
    except RuntimeError as error:
        raise CelInvalid(str(error)) from error


def _compiles(environment: Any, expression: str) -> bool:
    try:
        environment.compile(expression)
    except RuntimeError:
        return False
    return True


def _is_sorted(items: Sequence[Any]) -> bool:
    return all(left <= right for left, right in itertools.pairwise(items))


def _sum(items: Sequence[Any]) -> Any:
    return functools.reduce(operator.add, items, 0)


_LIST_FUNCTIONS: Mapping[str, tuple[Callable[[Sequence[Any]], Any], Any]] = {
    "isSorted": (_is_sorted, cel.Type.BOOL),
    "sum": (_sum, _DYN),
    "min": (min, _DYN),
    "max": (max, _DYN),
}


def _environment(variables: Mapping[str, Any], *extensions: Any) -> Any:
    functions = [
        cel.FunctionDecl(
            name, [cel.Overload(f"list_{name}", gives, [cel.Type.List(_DYN)], is_member=True, impl=function)]
        )
        for name, (function, gives) in _LIST_FUNCTIONS.items()
    ]
    extensions = (ext_strings.ExtStrings(), ext_optional.ExtOptional(), *extensions)
    return cel.NewEnv(variables=variables, extensions=extensions, functions=functions)


_ENVIRONMENTS = {
    "self": _environment({"self": _DYN}),
    "oldSelf": _environment({"self": _DYN, "oldSelf": _DYN}),
    "optional": _environment({"self": _DYN, "_old": _DYN, "_has_old": cel.Type.BOOL}, ext_bindings.ExtBindings()),
}
