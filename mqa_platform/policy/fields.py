"""The types that every section of a policy is made of.

Belongs here: the base of all models and the constrained scalars they share. Does not belong here: a
section (``models``, ``icp``, ``identity``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*\.[a-z][a-z0-9-]+$")]
Ratio = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1, le=3650)]


class Model(BaseModel):
    """Every part of a policy: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
