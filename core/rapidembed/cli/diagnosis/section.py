"""What a part of the doctor's report consists of."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Section:
    """Facts, and what follows from them.

    Attributes:
        title: what was looked at.
        facts: names and values.
        problems: what keeps the library from working, or working as asked, each with its remedy.
        notes: what is worth knowing.
    """

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
