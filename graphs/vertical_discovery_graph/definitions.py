"""What a vertical is: files of TOML beside this one, and those of a folder that the pool names."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FOLDER = "SALES_VERTICALS"
_OURS = Path(__file__).with_name("verticals")
_LARGEST = 100_000
_Word = Annotated[str, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)]


class Vertical(BaseModel):
    """One kind of company.

    `queries` are asked of the search service, `directories` are public pages that list companies.
    A company is one of them whose first page has at least `least` different `signs` and none of
    the words `against`. `category` is what such a company is called in the database.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Word
    category: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    queries: tuple[_Word, ...] = Field((), max_length=20)
    directories: tuple[Annotated[str, StringConstraints(max_length=2000)], ...] = Field(
        (), max_length=20
    )
    geography: str = Field("", max_length=200)
    least: int = Field(2, ge=1, le=20)
    signs: tuple[_Word, ...] = Field(min_length=1, max_length=300)
    against: tuple[_Word, ...] = Field((), max_length=300)


def load_vertical(slug: str, environment: Mapping[str, str] = os.environ) -> Vertical:
    """The vertical of that name; the pool's own folder comes first.

    Raises:
        ValueError: there is none, or its file cannot be read; the text says which there are.
    """
    files = list_files(environment)
    if slug not in files:
        raise ValueError(f"vertical_slug is {slug[:80]!r}; there are {', '.join(sorted(files))}.")
    path = files[slug]
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has over {_LARGEST} bytes")
        return Vertical.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise ValueError(
            f"The vertical in {path.name} is invalid: {where}: {first['msg']}"
        ) from None
    except (OSError, ValueError) as error:
        raise ValueError(f"The vertical in {path.name} cannot be read: {error}") from None


def list_files(environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Slug -> file.

    Raises:
        ValueError: the folder that the pool names is none.
    """
    own = environment.get(FOLDER)
    if own and not Path(own).is_dir():
        raise ValueError(f"{FOLDER} is {own!r}, which is no folder.")
    folders = [_OURS, *([Path(own)] if own else [])]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}
