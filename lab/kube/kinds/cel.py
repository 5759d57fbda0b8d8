"""CEL, the language of the rules in definitions and of webhooks' conditions, by Google's own implementation.

It is loaded when the first expression is compiled that nobody here knows otherwise, so that a cluster without
any starts as fast as before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

_PLACE = re.compile(r"^ERROR: <input>:\d+:\d+: ")
_STATUS = re.compile(r"^[A-Z_]+: ")
_NO_KEY = re.compile(r'^Key not found in map : "?(.*?)"?$')
_NO_OVERLOAD = re.compile(r"^No matching overloads found ?:? ?")


class Uncompilable(Exception):
    """Not a valid CEL expression, or one that this server does not support; says why."""

    def __init__(self, error: str) -> None:
        """`error` says where, as well."""
        super().__init__(error)
        self.is_syntax = "Syntax error" in error
        self.why = _PLACE.sub("", error).removesuffix(" (in container '')")


class EvaluationFailed(Exception):
    """An expression has no value, for example because a field is missing."""


class Expression:
    """A compiled expression."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Raises EvaluationFailed, in the words of Kubernetes where they differ."""
        result = self._compiled.eval(data=dict(variables))
        if result.type() == _library().Type.ERROR:
            raise EvaluationFailed(_worded(str(result.plain_value())))
        return result.plain_value()


@cache
def compiled(text: str, *variables: str) -> Expression:
    """An expression about variables of any type. Raises Uncompilable."""
    try:
        return Expression(text, _environment(variables).compile(text))
    except RuntimeError as error:
        lines = str(error).removesuffix(" [INVALID_ARGUMENT]").removeprefix("INVALID_ARGUMENT: ").splitlines()
        why = next((line for line in lines if line.startswith("ERROR: ")), lines[0])
        raise Uncompilable(why) from None


def _worded(error: str) -> str:
    text = _STATUS.sub("", error)
    text = _NO_KEY.sub(r"no such key: \1", text)
    return _NO_OVERLOAD.sub("no such overload: ", text)


@cache
def _library() -> Any:
    from cel_expr_python import cel

    return cel


@cache
def _environment(variables: tuple[str, ...]) -> Any:
    from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

    cel = _library()
    return cel.NewEnv(
        variables=dict.fromkeys(variables, cel.Type.DYN),
        extensions=[
            ext_bindings.ExtBindings(),
            ext_encoders.ExtEncoders(),
            ext_math.ExtMath(),
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
            cel.CelExtension("kubernetes", _declarations(cel)),
        ],
    )


def _declarations(cel: Any) -> list[Any]:
    from lab.kube.kinds.cel_functions import FUNCTIONS

    types = {name: getattr(cel.Type, name.upper()) for name in ("bool", "double", "dyn", "int", "string")}
    types["list"] = cel.Type.List(cel.Type.DYN)
    overloads: defaultdict[str, list[Any]] = defaultdict(list)
    for function in FUNCTIONS:
        overloads[function.name].append(
            cel.Overload(
                f"kubernetes_{function.name.replace('.', '_')}_{'_'.join(function.takes)}_{function.member}",
                types[function.gives],
                [types[name] for name in function.takes],
                function.member,
                function.call,
            )
        )
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]
