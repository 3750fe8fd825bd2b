"""typing's TypedDict as pydantic can describe it before Python 3.12: by typing_extensions. Pure."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

import typing_extensions

_make: Any = typing_extensions.TypedDict


def translate(given: Any) -> Any:
    """The same type, with a twin in the place of each TypedDict of typing's, however deep."""
    if _is_typed_dict(given):
        return _make_twin(given)
    origin, inner = get_origin(given), get_args(given)
    if origin is None or not inner:
        return given
    if origin is Annotated:
        return Annotated[(translate(inner[0]), *inner[1:])]
    translated = tuple(translate(each) for each in inner)
    if translated == inner:
        return given
    if origin in (Union, types.UnionType):
        return Union[translated]  # noqa: UP007 - of types that are known at run time alone
    return origin[translated]


def _is_typed_dict(given: Any) -> bool:
    return typing.is_typeddict(given) and type(given).__module__ == "typing"


def _make_twin(given: Any) -> Any:
    hints = typing.get_type_hints(given, include_extras=True)
    fields = {name: _make_field(given, name, hint) for name, hint in hints.items()}
    twin = _make(given.__name__, fields)
    twin.__doc__, twin.__module__ = given.__doc__, given.__module__
    return twin


def _make_field(given: Any, name: str, hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Required, NotRequired):
        return origin[translate(inner[0])]
    mark: Any = Required if name in given.__required_keys__ else NotRequired
    return mark[translate(hint)]
