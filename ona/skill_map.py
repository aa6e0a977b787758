"""A small map of skills by the words that certificates use for them, with a code of O*NET where there is one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

Kind = Literal["hard", "soft"]
Found = Literal["exact", "close", "manual"]

OWN, ONET, ESCO = "own", "O*NET", "ESCO"

_CODED = re.compile(r"(?P<name>.+) \[(?P<code>[^\[\]]+)\]")


@dataclass(frozen=True)
class SkillTag:
    """What a word on a certificate means."""

    label: str
    kind: Kind
    framework: str  # own, O*NET, ESCO
    code: str
    match: Found
    confidence: float  # 1 = the very word, .9 = another word for it, .5 = not in the map


@dataclass(frozen=True)
class Course:
    """One row of the learning catalogue."""

    item: str
    skill: str
    minutes: int


# O*NET element ids are those of the Content Model's skills; everything else carries a code of our own.
_SOFT = """
active listening | 2.A.1.b | listening
writing | 2.A.1.c | business writing, technical writing
speaking | 2.A.1.d | public speaking, presenting, presentation
critical thinking | 2.A.2.a | analytical thinking
active learning | 2.A.2.b | learning agility
learning strategies | 2.A.2.c | learning to learn
monitoring | 2.A.2.d | progress monitoring
social perceptiveness | 2.B.1.a | perspective taking
coordination | 2.B.1.b | cross-team coordination
persuasion | 2.B.1.c | influencing
negotiation | 2.B.1.d | negotiating
instructing | 2.B.1.e | teaching, training delivery, training
service orientation | 2.B.1.f | customer service, customer focus
complex problem solving | 2.B.2.i | problem solving
judgment and decision making | 2.B.4.e | decision making
time management | 2.B.5.a | prioritisation
management of personnel resources | 2.B.5.d | people management, team leading
facilitation || moderation, workshop facilitation
coaching || peer coaching
mentoring || reverse mentoring
giving feedback || feedback
receiving feedback ||
conflict resolution || mediation
stakeholder management || stakeholder engagement
change management || organisational change
collaboration || teamwork
knowledge sharing || knowledge transfer
delegation ||
storytelling || data storytelling
intercultural communication || cross-cultural communication
care || mental health first aid, wellbeing
meeting management || running meetings
remote collaboration || distributed work
onboarding of colleagues || onboarding
retrospectives || lessons learned
crisis communication ||
interviewing ||
ethics || business ethics
inclusion || inclusive working
networking || community building
"""

_HARD = """
programming | 2.B.3.e | software development, coding
troubleshooting | 2.B.3.k | fault finding
quality control analysis | 2.B.3.m | quality control
systems analysis | 2.B.4.g |
systems evaluation | 2.B.4.h |
operations analysis | 2.B.3.a | requirements analysis
technology design | 2.B.3.b |
installation | 2.B.3.d |
equipment maintenance | 2.B.3.j | maintenance
repairing | 2.B.3.l | repair
mathematics | 2.A.1.e |
management of financial resources | 2.B.5.b | budgeting
management of material resources | 2.B.5.c | materials management
cloud || cloud computing
azure || microsoft azure
aws || amazon web services
gcp || google cloud, google cloud platform
architecture || solution architecture, cloud architecture
containers || kubernetes, docker
delivery || ci/cd, continuous delivery, devops
operations || it operations, system administration
networks || networking technology, computer networks
linux ||
python ||
java ||
javascript || typescript
c++ ||
sql || databases, relational databases
data || data engineering
data science || machine learning
statistics || applied statistics
analytics || data analysis
reporting || business intelligence
visualisation || data visualization, data visualisation
spreadsheets || excel
erp || sap
crm || salesforce
security || information security, cyber security, cybersecurity
governance || it governance, risk and compliance
privacy || data protection, gdpr
auditing || internal audit
testing || software testing, test automation
agile || scrum, kanban
scaling || scaled agile, safe
product || product ownership, product management
project management || prince2, pmp
service management || itil
process || process improvement
quality || six sigma, lean six sigma, quality management
lean manufacturing || lean
supply chain || logistics
procurement || purchasing
accounting || bookkeeping
controlling || management accounting
contract law || contracts
occupational safety || work safety, hse
first aid ||
electrical safety || electrical engineering
welding ||
cad || computer-aided design
user experience || ux, ux design, usability
"""


def tag(word: str, loaded: Mapping[str, SkillTag] | None = None) -> SkillTag:
    """Return what a word or a code means: from the map, from lists that an operator loaded, else the word as a skill of its own.

    A word may bring its code along, as ``Service Orientation [2.B.1.f]``; then the code decides where it is known. Where a list knows a
    skill of the map that has no code here, it lends its own.
    """
    wanted, known = canonical(word), loaded or {}
    coded = _CODED.fullmatch(wanted)
    keys = (coded["code"], coded["name"]) if coded else (wanted,)
    found = next((one for key in keys if (one := MAP.get(key) or CODES.get(key) or known.get(key))), None)
    if found is None:
        return SkillTag(keys[-1], "hard", OWN, _own_code(keys[-1]), "manual", 0.5)
    lent = known.get(found.label)
    return replace(found, framework=lent.framework, code=lent.code) if found.framework == OWN and lent else found


def skills_of(words: Iterable[str], loaded: Mapping[str, SkillTag] | None = None) -> tuple[str, ...]:
    """Return the skills behind the words of a certificate, each once, sorted."""
    return tuple(sorted({tag(word, loaded).label for word in words if word.strip()}))


def name_of(word: str) -> str:
    """Return a word without the code that it may bring along."""
    coded = _CODED.fullmatch(word)
    return coded["name"] if coded else word


def canonical(word: str) -> str:
    """Return a word in lower case with single blanks."""
    return " ".join(word.casefold().split())


def _own_code(label: str) -> str:
    return "own:" + label.replace(" ", "-")


def _parsed() -> dict[str, SkillTag]:
    found: dict[str, SkillTag] = {}
    sheets: tuple[tuple[Kind, str], ...] = (("soft", _SOFT), ("hard", _HARD))
    for kind, sheet in sheets:
        for line in sheet.strip().splitlines():
            label, code, others = (part.strip() for part in line.split("|"))
            framework = ONET if code else OWN
            found[label] = SkillTag(label, kind, framework, code or _own_code(label), "exact", 1.0)
            for other in filter(None, (word.strip() for word in others.split(","))):
                found[other] = SkillTag(label, kind, framework, code or _own_code(label), "close", 0.9)
    return found


MAP: Mapping[str, SkillTag] = MappingProxyType(_parsed())
"""Word → skill."""

CODES: Mapping[str, SkillTag] = MappingProxyType(
    {one.code.casefold(): one for one in MAP.values() if one.framework == ONET and one.match == "exact"}
)
"""Code in lower case → skill."""

LABELS: tuple[str, ...] = tuple(sorted({one.label for one in MAP.values()}))
"""Skills of the map."""
