"""The section `explanation` of config.yaml."""

from __future__ import annotations

from pydantic import Field, field_validator

from monitor.config.section import Section
from monitor.describe.catalogue import open_catalogue
from monitor.errors import CatalogueError


class ExplanationConfig(Section):
    """How it is said what an event sounded like."""

    language: str = Field(
        default="en",
        max_length=35,
        description="Language of the sentences: `en`, `de`, or any that has a catalogue (docs/words.md).",
    )

    @field_validator("language")
    @classmethod
    def _check(cls, language: str) -> str:
        try:
            open_catalogue(language)
        except CatalogueError as error:
            raise ValueError(str(error)) from error
        return language
