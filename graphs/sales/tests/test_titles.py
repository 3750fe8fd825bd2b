"""Titles as people write them, in seven languages."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.titles import DECIDES, is_title, read_title

_FRESH = Path(__file__).parent / "samples" / "fresh_titles.toml"
_MOST_MISSED, _MOST_TAKEN = 0.05, 0.03
_TITLES = [
    "CEO", "Chief Happiness Officer", "Founder", "Co-Founder & CTO", "Owner", "Partner",
    "Tax Partner", "Partner at Northwind", "Managing Partner, Berlin", "Partner Manager EMEA",
    "Head of Brand", "Brand Manager", "Senior Brand Strategist & Manager", "VP Product",
    "VP Sales US", "Director, IT", "IT Director", "IT Manager", "Head of AI", "Community Manager",
    "Content Editor", "Staff Engineer", "Staff Software Engineer", "Lead Engineer", "Lead QA",
    "Team Lead", "Tech Lead", "Engineer, Sr.", "Controls Engineer", "Principal",
    "Principal Consultant", "SAP Expert", "Expert comptable", "Social Media Manager",
    "Personal Assistant", "Contact Center Manager", "Call Center Agent", "Customer Success",
    "Customer Support", "Sales", "Marketing", "Sales & Marketing", "Marketing and Communications",
    "Human Resources", "Finance", "Legal", "HR", "IT", "Vertrieb", "Vertrieb Innendienst",
    "Marketing DACH", "Einkauf", "Geschäftsführer Acme GmbH", "Vorstand der Acme AG",
    "CEO, Acme Inc.", "Assistant to our CEO", "Children's Services Manager", "Lagerleiter",
    "Lagerist", "Personalleiterin", "Personalreferent", "Produktmanagerin", "Datenanalyst",
    "Rechtsanwältin", "Referentin der Geschäftsleitung", "Commercial", "Technico-commerciale",
    "Chargée de mission", "Chargé d'affaires", "Responsable des achats", "Associé",
    "Associée gérante", "Directrice générale", "Chef de produit", "Socio", "Socia directora",
    "Jefa de ventas", "Comercial", "Responsable de personal", "Diretor de I&D", "Dona da empresa",
    "Sócio", "Capo reparto", "Socio fondatore", "Titolare", "Addetta alle vendite",
    "Verkoper binnendienst", "Inkoper", "Medewerker klantenservice", "Teamleider", "Hoofd inkoop",
    "Student Assistant", "Executive Assistant", "Intern", "Intern, Marketing",
    "Graduate Engineer", "Buyer", "Media Buyer", "Agent", "Developer",
    "Developer Advocate Manager", "Designer", "UX Designer", "Financial Controller", "Associate",
    "Research Fellow", "Executive Director", "Sales Executive", "Head Chef", "Department Head",
    "Head Nurse", "Assistente de direção", "Werkstudent (m/w/d)", "Leiter*in Produktion",
    "Datenschutzbeauftragter und Leiter Recht", "General Manager, Brand GmbH", "Data & Analytics",
    "Key Account Management", "Regional Sales Director - Nordics", "Frontend Developer (React)",
    "Growth Lead", "Ressources humaines", "Direttore commerciale",
    "Werkzeugmechaniker und Schichtleiter", "IS Manager", "IS Director", "Manager, IS",
    "A/B Testing Manager", "A&R Manager", "No-Code Developer", "MIT Fellow", "How-to Editor",
    "Meet & Greet Manager", "CEO, You Inc.", "President & CEO, We Are Social", "CEO bei Wir Online",
    "Partner at She Capital", "Founder at Our World", "VP, Sales at You Inc.",
    "Directrice des opérations, Nous Lib", "Developer Relations", "Developer II", "Buyer II",
    "Marketing Specialist II", "Specialist III, Payroll", "Commercial B2B", "Commercial terrain",
    "Associate Professor", "Executive Producer", "Principal Investigator", "People & Culture",
    "People and Culture", "Research & Development", "Chargée RH", "Chargé communication",
    "Personalerin", "Personalbuchhalter", "Lagerhelfer", "Lagerkoordinatorin", "Produktexperte",
    "Produkttester", "Datenschutzexpertin", "Datenschutzjurist", "Volljuristin", "Rechtspflegerin",
    "Rechtsassessor", "Rechtsreferendarin", "Syndikusrechtsanwalt", "Datenerfasserin", "Paralegal",
    "Helfer", "Expertin für Statik",
]  # fmt: skip
_OTHERS = [
    "Brand", "Brand X", "Brand GmbH", "Our Brand", "Brand Story", "Maria Brand",
    "Hans Brand & Söhne", "Products", "Produkte", "Platform", "Community", "Content",
    "Mobile App", "Mobile", "Read about it", "It all began in 2010", "She loves data and coffee",
    "Data Processing Agreement", "Security Policy", "Sales Cloud", "Marketing Hub",
    "Product Hunt", "Design Studio Berlin", "Growth Capital Partners", "Ai Weiwei", "Ai Nguyen",
    "Karl Lagerfeld", "Dona Smith", "Lager 3", "Lagerbestand", "Social", "Social Worker's Union",
    "Social responsibility", "Société Générale", "Society of Arts", "Sociology", "Personal data",
    "Personalized offers", "Personality", "Datenblatt", "Datenschutzerklärung", "Produktfinder",
    "Produktkatalog", "Rechtsform", "Referenties", "Head office", "Head Office Berlin",
    "Lead time", "Lead generation", "Staff login", "Our staff", "Free of charge",
    "Charge your car", "Commercial vehicles", "Commercial real estate", "Senior living",
    "Partner program", "Partner login", "Become a partner", "Find a partner", "Meet our founder",
    "Read what our CEO says", "CEO's letter", "Buyer's guide", "Executive summary",
    "Expert advice", "Ask an expert", "Agent Provocateur", "User agent", "Text Editor",
    "Developer portal", "For Developers", "Designer furniture", "Student discount",
    "Graduate program", "Capo Verde", "Principal Financial", "Fellow Products",
    "Why work with our engineers?", "Our managers are trained by experts.", "We need a developer",
    "Talk to an expert", "Hire a developer", "Unser Chef kocht", "Wir suchen Ingenieure",
    "Notre directeur vous répond", "Intern: Login", "Technology", "Network", "Process", "People",
    "Factory", "It", "Pr", "Ti amo", "Plant", "Lab", "Ventilation", "Heading home", "A",
    "Astronaut", "New York", "Acme Robotics", "Brand Guidelines", "Data sheet",
    "The Data Company", "IT-Systemhaus Müller", "Growth Marketing Agency", "Contact sales",
    "Design system", "Engineering blog", "Director's cut", "Security", "Social Impact",
    "Become A Partner", "Find The Right Partner", "Hire Top Developer", "Developer, Join Our Team",
    "Partner, Log In", "WE ARE HIRING: Sales Manager", "What is a product manager",
    "IS THE CEO HERE", "The CEO is here", "Kim Lee, We Are Managers", "Partner at your side",
    "Partner, die wir lieben", "A/B Testing", "Meet & Greet", "Developer II Portal", "No-Code",
    "Batterie chargée", "Charge", "Extra charge", "Helfer finden",
    "Expertenrat", "Experte fragen", "Juristische Hinweise", "Datenerfassung", "Lagerhalle",
    "Developer, Apply Now!", "Read: Head of Sales leaves", "Meet “the CEO”",
    "Personaldaten", "Produktinformation", "Rechtsweg", "Rechtsanwaltskanzlei",
]  # fmt: skip
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
    ("Personaler (m/w/d)", "individual", "hr"),
    ("Personalerin", "individual", "hr"),
    ("Personalbuchhalter", "individual", "hr"),
    ("Lagerhelfer", "individual", "operations"),
    ("Produktexperte", "senior", "product"),
    ("Datenschutzexperte", "senior", "legal"),
    ("Datenschutzjurist", "individual", "legal"),
    ("Wirtschaftsjuristin", "individual", "legal"),
    ("Rechtspfleger", "individual", "legal"),
    ("Rechtsassessorin", "individual", "legal"),
    ("Datenerfasserin", "individual", "data"),
    ("Chargée RH", "individual", "hr"),
    ("Developer Relations", "individual", "engineering"),
    ("Principal Investigator", "senior", "research"),
    ("Head of Research & Development", "head", "research"),
    ("Director, People & Culture", "director", "hr"),
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


@pytest.mark.parametrize("text", _TITLES)
def test_a_text_that_is_a_title_is_told(text: str) -> None:
    assert is_title(text)


@pytest.mark.parametrize("text", _OTHERS)
def test_a_word_of_a_title_does_not_make_one(text: str) -> None:
    assert not is_title(text)


def test_texts_that_no_rule_was_made_for_are_told_as_well() -> None:
    fresh = tomllib.loads(_FRESH.read_text(encoding="utf-8"))
    missed = [text for text in fresh["titles"] if not is_title(text)]
    taken = [text for text in fresh["others"] if is_title(text)]
    assert len(missed) <= _MOST_MISSED * len(fresh["titles"]), missed
    assert len(taken) <= _MOST_TAKEN * len(fresh["others"]), taken


@pytest.mark.parametrize(
    "word", ["Social Worker", "Personalized Medicine", "Lagerfeld", "Head Office", "Referenties"]
)
def test_a_word_that_only_begins_like_one_of_a_title_says_nothing(word: str) -> None:
    assert read_title(word).confidence == 0


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
    assert found.confidence or not is_title(title)
