"""What the API answers about sets of key people."""

from typing import Literal

from pydantic import Field

from api.models import Answer


class KeyMember(Answer):
    """One person of a set, in the order of their choice."""

    place: int = Field(description="In the order of their choice, from 1; a place in the set, not a rank.")
    id: str = Field(description="Id for this audience and scan only.", examples=["7F3A09C1D2E4B5A6"])
    label: str = Field(description="Name after opt-in, else a pseudonym.", examples=["Person 7F3A"])
    named: bool = Field(description="Whether the label is a name.")
    team: str | None = Field(description="Null when unknown or under the minimum group.")
    so_far: float = Field(description="The number of the set up to and with this person, 0 to 1; nothing about the person alone.")


class KeySet(Answer):
    """People chosen as a set: the second is who adds most to the first, not who would be second alone."""

    kind: Literal["cover", "reach", "hold"] = Field(description="Know most, nearest to everybody, or hold the company together.")
    title: str
    reading: str = Field(description="What the number says.")
    members: list[KeyMember]
    before: float | None = Field(description="The number for nobody.")
    value: float | None = Field(description="The number for the whole set, 0 to 1; null where there is no set.")
    bound: float | None = Field(description="No set of so many people has more; null where nothing is proved.")
    by_degree: float | None = Field(description="The number for the people with the most contacts.")
    by_chance: float | None = Field(description="The number for so many people at random, on average.")
    reason: str | None = Field(description="Why there is no set.")


class KeyPeople(Answer):
    """Three ways in which a few people can be key together."""

    scan_id: str
    people: int = Field(description="People among whom they were chosen.")
    size: int
    sets: list[KeySet]
