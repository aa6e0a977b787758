"""Certificates of a simulated company: who holds which, from whom, until when; they tell nothing about who is planted."""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ona.simulate.staff import Staff, mix
from ona.tables import BADGES

CATALOGUE = (
    ("Azure Fundamentals", "Microsoft", "cloud;azure", "foundation", 0),
    ("Azure Administrator Associate", "Microsoft", "cloud;azure;operations", "associate", 365),
    ("Azure Solutions Architect Expert", "Microsoft", "cloud;azure;architecture", "expert", 365),
    ("Power BI Data Analyst Associate", "Microsoft", "analytics;reporting", "associate", 365),
    ("AWS Certified Cloud Practitioner", "Amazon Web Services", "cloud;aws", "foundation", 1095),
    ("AWS Certified Solutions Architect – Associate", "Amazon Web Services", "cloud;aws;architecture", "associate", 1095),
    ("AWS Certified DevOps Engineer – Professional", "Amazon Web Services", "cloud;aws;delivery", "professional", 1095),
    ("Google Cloud Associate Engineer", "Google Cloud", "cloud;gcp", "associate", 1095),
    ("Google Cloud Professional Data Engineer", "Google Cloud", "cloud;gcp;data", "professional", 730),
    ("Lean Six Sigma Yellow Belt", "ASQ", "quality;process", "yellow belt", 0),
    ("Lean Six Sigma Green Belt", "ASQ", "quality;process;statistics", "green belt", 0),
    ("Lean Six Sigma Black Belt", "ASQ", "quality;process;coaching", "black belt", 1095),
    ("Certified ScrumMaster", "Scrum Alliance", "agile;facilitation", "foundation", 730),
    ("Professional Scrum Master I", "Scrum.org", "agile;facilitation", "I", 0),
    ("Professional Scrum Product Owner I", "Scrum.org", "agile;product", "I", 0),
    ("SAFe Agilist", "Scaled Agile", "agile;scaling", "foundation", 365),
    ("Project Management Professional", "PMI", "project management", "professional", 1095),
    ("PRINCE2 Practitioner", "PeopleCert", "project management", "practitioner", 1095),
    ("ITIL 4 Foundation", "PeopleCert", "service management", "foundation", 1095),
    ("CISSP", "ISC2", "security;governance", "professional", 1095),
    ("CompTIA Security+", "CompTIA", "security", "foundation", 1095),
    ("Certified Kubernetes Administrator", "Linux Foundation", "containers;operations", "professional", 730),
    ("Tableau Desktop Specialist", "Salesforce", "analytics;visualisation", "specialist", 0),
    ("Salesforce Certified Administrator", "Salesforce", "crm", "associate", 365),
    ("Mental Health First Aider", "MHFA", "care;listening", "foundation", 1095),
)
"""Name, issuer, skills, level, days until it expires (0: never)."""

HOLDERS = 0.7
ASSERTED = 0.7  # of the badges of a table, those that its writer issued
STANDARDS = ("table", "ob2", "ob3")


def badges(staff: Staff) -> pa.Table:
    """Return BADGES: one to four certificates for about 70 % of the members.

    Returns
    -------
    pa.Table
        Sorted by badge id. A certificate past its date is ``expired``, the others have the status of how they are stated.
    """
    rng = np.random.default_rng(np.random.SeedSequence([staff.plan.seed, 4, staff.plan.people]))
    holder, kind = _holdings(staff.n_members, rng)
    issued = -rng.integers(20, 1500, holder.size)
    life = np.array([row[4] for row in CATALOGUE])[kind]
    standard = rng.choice(3, holder.size, p=[0.86, 0.07, 0.07])
    ends = np.datetime64(staff.plan.start + timedelta(days=staff.plan.days), "D")
    issued_on = np.datetime64(staff.plan.start, "D") + issued
    expires_on = issued_on + life
    columns = {
        "badge": mix(mix(np.arange(holder.size) + (staff.plan.seed + 1) * 31_000_003) ^ np.int64(0xBADBAD)),
        "person": staff.ids[holder],
        "name": [CATALOGUE[k][0] for k in kind],
        "issuer": [CATALOGUE[k][1] for k in kind],
        "standard": np.array(STANDARDS)[standard],
        "skills": [CATALOGUE[k][2].split(";") for k in kind],
        "level": [CATALOGUE[k][3] for k in kind],
        "issued_on": issued_on,
        "expires_on": pa.array(expires_on, mask=life == 0),
        "status": _status((life > 0) & (expires_on < ends), standard, rng),
    }
    return pa.Table.from_arrays([pa.array(columns[f.name]).cast(f.type) for f in BADGES.schema], schema=BADGES.schema).sort_by("badge")


def _holdings(members: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw holders and certificates, nobody the same one twice."""
    count = np.where(rng.random(members) < HOLDERS, rng.choice([1, 2, 3, 4], members, p=[0.4, 0.3, 0.2, 0.1]), 0)
    holder = np.repeat(np.arange(members), count)
    pairs = np.unique(holder * np.int64(100) + rng.integers(0, len(CATALOGUE), holder.size))
    return pairs // 100, pairs % 100


def _status(expired: npt.NDArray[np.bool_], standard: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.str_]:
    revoked = (standard == 0) & (rng.random(standard.size) < 0.01)
    in_table = np.where(rng.random(standard.size) < ASSERTED, "issuer-asserted", "holder-claimed")
    stated = np.where(standard == 0, in_table, "unknown")
    return np.where(expired, "expired", np.where(revoked, "revoked", stated))
