"""Titles as people write them, in seven languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.titles import DECIDES, read_title

_READ = [
    ("CEO", "c_level", "management"),
    ("Founder & CEO", "owner", "management"),
    ("Co-Founder and former CTO", "owner", "management"),
    ("CTO & Co-Founder", "owner", "engineering"),
    ("Vice President of Sales", "vp", "sales"),
    ("VP, Engineering", "vp", "engineering"),
    ("Senior Vice President, Marketing & Communications", "vp", "marketing"),
    ("Chief Revenue Officer", "c_level", "sales"),
    ("Chief Information Security Officer", "c_level", "security"),
    ("Managing Director", "c_level", "management"),
    ("Head of People & Culture", "head", "hr"),
    ("Head of Sales Operations", "head", "sales"),
    ("Head of Graduate Recruiting", "head", "hr"),
    ("Chief of Staff to the CEO", "head", "management"),
    ("General Counsel", "head", "legal"),
    ("Director, Sales", "director", "sales"),
    ("R&D Director", "director", "research"),
    ("Associate Director", "director", None),
    ("Purchasing Manager", "manager", "procurement"),
    ("Team Lead Backend", "manager", "engineering"),
    ("Lead Engineer", "senior", "engineering"),
    ("Product Manager", "senior", "product"),
    ("HR Business Partner", "senior", "hr"),
    ("Key Account Manager DACH", "senior", "sales"),
    ("Account Executive", "individual", "sales"),
    ("Partner Manager", "individual", None),
    ("Software Engineer", "individual", "engineering"),
    ("Data Scientist", "individual", "data"),
    ("Junior Developer", "junior", "engineering"),
    ("Intern, Business Development", "junior", "sales"),
    ("Leiterin Einkauf (m/w/d)", "head", "procurement"),
    ("Leiter*in IT-Sicherheit", "head", "security"),
    ("Vertriebsleiter", "head", "sales"),
    ("Teamleiterin Buchhaltung", "manager", "finance"),
    ("Geschäftsführer", "c_level", "management"),
    ("Geschaeftsfuehrerin Vertrieb", "c_level", "sales"),
    ("Geschäftsführender Gesellschafter", "owner", "management"),
    ("Mitglied des Vorstands", "c_level", "management"),
    ("Projektleiter Digitalisierung", "senior", "it"),
    ("Werkstudent im Marketing", "junior", "marketing"),
    ("PDG", "c_level", "management"),
    ("Directrice des ressources humaines", "director", "hr"),
    ("Directeur/trice Marketing", "director", "marketing"),
    ("Responsable des achats", "head", "procurement"),
    ("Chef de projet informatique", "senior", "it"),
    ("Vice-Président Ventes", "vp", "sales"),
    ("Directora general", "c_level", "management"),
    ("Director de Operaciones", "director", "operations"),
    ("Jefe de compras", "head", "procurement"),
    ("Desarrolladora de software", "individual", "engineering"),
    ("Amministratore delegato", "c_level", "management"),
    ("Responsabile acquisti", "head", "procurement"),
    ("Algemeen directeur", "c_level", "management"),
    ("Medewerker klantenservice", "individual", "support"),
    ("Diretor de Tecnologia", "director", "engineering"),
    ("Estagiária de RH", "junior", "hr"),
]


@pytest.mark.parametrize(("title", "seniority", "department"), _READ)
def test_a_title_names_rank_and_department(
    title: str, seniority: str, department: str | None
) -> None:
    found = read_title(title)
    assert (found.seniority, found.department) == (seniority, department)


@pytest.mark.parametrize(
    "title",
    [
        "Executive Assistant to the CEO",
        "CEO Assistant",
        "Assistenz der Geschäftsführung",
        "Assistante de direction",
        "Asistente del director general",
        "Office of the President",
        "Former CEO",
        "ex-CTO",
        "Ehemaliger Geschäftsführer",
        "Account Manager",
        "Office Manager",
    ],
)
def test_whoever_only_names_somebody_who_decides_does_not(title: str) -> None:
    assert not read_title(title).is_decision_maker


def test_who_decides_depends_on_how_large_the_company_is() -> None:
    founder = [read_title("Founder", employees=n).authority for n in (10, 500, 20_000)]
    assert founder == sorted(founder, reverse=True)
    assert founder[0] > founder[-1]
    assert read_title("VP Sales", 20_000).authority > read_title("Founder", 20_000).authority


@pytest.mark.parametrize("title", ["", "   ", "Astronaut", "???", "12345"])
def test_a_title_that_says_nothing_is_not_guessed_at(title: str) -> None:
    found = read_title(title)
    assert (found.seniority, found.department, found.confidence) == (None, None, 0.0)
    assert not found.evidence


def test_what_decided_is_quoted() -> None:
    assert read_title("Leiterin Einkauf").evidence == ("leiterin", "einkauf")


@given(st.text(max_size=400), st.none() | st.integers(0, 10**7))
def test_no_title_is_too_strange_to_be_read(title: str, employees: int | None) -> None:
    found = read_title(title, employees)
    assert 0 <= found.authority <= 1
    assert found.is_decision_maker == (found.authority >= DECIDES)
    assert (found.seniority is None) == (found.confidence == 0)
