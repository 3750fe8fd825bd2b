"""What the database has of a few people of a list, read at once and kept up to date in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from graphs.sales.data.history import Suppression
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.suppression import (
    PersonKey,
    find_persons,
    find_suppressions,
    make_person_keys,
)
from graphs.sales.lists.companies import read_mail_domain
from graphs.sales.lists.entries import Entry, Rejected

SEVERAL = "several people of this name are at the company; write an address or a profile"
_MOST_NAMESAKES = 20

Row = TypeVar("Row", Company, Contact)


class Known:
    """Companies, contacts and rules that some entries may meet.

    It finds what a query would find, also what the entries before have changed: nothing of that is
    in the database before `write`.
    """

    def __init__(self, session: AsyncSession, salt: str) -> None:
        self._session, self._salt = session, salt
        self._companies: dict[str, Company] = {}
        self._contacts: dict[str, Contact] = {}
        self._domains: dict[str, Company] = {}
        self._names: dict[str, list[Company]] = defaultdict(list)
        self._emails: dict[str, Contact] = {}
        self._profiles: dict[str, list[Contact]] = defaultdict(list)
        self._namesakes: dict[tuple[str, str], list[Contact]] = defaultdict(list)
        self._suppressions: Mapping[str, Suppression] = {}
        self._asked: set[PersonKey] = set()
        self._erased: set[PersonKey] = set()
        self._new_companies: list[Company] = []

    async def read(self, entries: Collection[Entry]) -> None:
        """Everything that the entries may meet; the rules last, since they may come any time."""
        for company in await self._read_companies(entries):
            self._keep_company(company)
        for contact in await self._read_contacts(entries):
            self.keep(contact)
        addresses = {each.email for each in entries} | {c.email for c in self._contacts.values()}
        self._suppressions = await find_suppressions(
            self._session, {each for each in addresses if each}, self._salt
        )
        keys = {key for each in entries for key in self._make_keys(each, self.find_company(each))}
        await self._ask(keys)

    def find_company(self, entry: Entry) -> Company | None:
        """By the domain that the list names, else by name, else by the domain of the address."""
        if entry.domain and (found := self._find_by_domain(entry.domain)):
            return found
        if entry.company:
            several = self._names[entry.company.lower()]
            is_other = bool(several and entry.domain and several[0].domain)
            if len(several) == 1 and not is_other:
                return several[0]
        domain = read_mail_domain(entry.email)
        return self._find_by_domain(domain) if domain and not entry.domain else None

    def find_contact(self, entry: Entry, company_id: str | None) -> Contact | None:
        """By address, else by profile, else by name and company where nothing speaks against it.

        Raises:
            Rejected: several people are meant by a name and a company alone.
        """
        if entry.email and (found := self.find_owner(entry.email)):
            return _follow(found, self._contacts)
        if url := entry.profile_url:
            same = [each for each in self._profiles[url] if each.profile_url == url]
            if same:
                return _follow(min(same, key=lambda each: each.id), self._contacts)
        if not entry.name or not company_id:
            return None
        several = self._list_namesakes(company_id, entry.name.lower())
        fitting = [each for each in several if entry.may_be(each.email, each.profile_url)]
        if len(fitting) > 1 and not entry.keys:
            raise Rejected(SEVERAL)
        return fitting[0] if len(fitting) == 1 else None

    def find_owner(self, email: str) -> Contact | None:
        """Who has the address, also one that was merged into another."""
        found = self._emails.get(email)
        return found if found is not None and found.email == email else None

    def find_suppression(self, address: str) -> Suppression | None:
        """The rule that forbids writing to an address of the entries or the contacts."""
        return self._suppressions.get(address)

    async def is_erased(self, entry: Entry, company: Company | None) -> bool:
        """Whether they asked to be erased, whatever they are found with."""
        keys = set(self._make_keys(entry, company))
        # A company that is as new as they are may have another name in another row.
        await self._ask(keys - self._asked)
        return bool(keys & self._erased)

    def add_company(self, company: Company) -> None:
        """One that is new."""
        self._new_companies.append(company)
        self._keep_company(company)

    def keep(self, contact: Contact) -> None:
        """One that is new, or has changed."""
        self._contacts[contact.id] = contact
        if contact.email:
            self._emails[contact.email] = contact
        if contact.profile_url:
            self._profiles[contact.profile_url].append(contact)
        if contact.company_id and contact.name:
            self._namesakes[contact.company_id, contact.name.lower()].append(contact)

    async def write(self) -> None:
        """New companies, then the people who work there."""
        fields = [attribute.key for attribute in Company.__mapper__.column_attrs]
        rows = [{name: getattr(each, name) for name in fields} for each in self._new_companies]
        if rows:
            await self._session.execute(insert(Company), rows)
        self._session.add_all(self._contacts.values())
        await self._session.flush()

    def _keep_company(self, company: Company) -> None:
        self._companies[company.id] = company
        if company.domain:
            self._domains[company.domain] = company
        if company.merged_into is None:
            self._names[company.name.lower()].append(company)

    def _find_by_domain(self, domain: str) -> Company | None:
        """The company, or the one that it was merged into."""
        found = self._domains.get(domain)
        return _follow(found, self._companies) if found else None

    def _list_namesakes(self, company_id: str, name: str) -> Sequence[Contact]:
        found = {
            each.id: each
            for each in self._namesakes[company_id, name]
            if each.company_id == company_id and each.name.lower() == name
        }
        several = [found[key] for key in sorted(found) if found[key].merged_into is None]
        return several[:_MOST_NAMESAKES]

    def _make_keys(self, entry: Entry, company: Company | None) -> Sequence[PersonKey]:
        """What is known again of somebody whose address is another one now, or none."""
        places = [entry.company or "", entry.domain or "", read_mail_domain(entry.email) or ""]
        if company:
            places += [company.name, company.domain or ""]
        return make_person_keys(
            self._salt,
            name=entry.name or "",
            profile_url=entry.profile_url or "",
            companies=places,
        )

    async def _ask(self, keys: Collection[PersonKey]) -> None:
        self._asked |= set(keys)
        self._erased |= await find_persons(self._session, keys)

    async def _read_companies(self, entries: Collection[Entry]) -> Collection[Company]:
        domains = {each for one in entries for each in (one.domain, read_mail_domain(one.email))}
        names = {each.company for each in entries if each.company}
        named = Company.merged_into.is_(None) & _is_one_of(Company.name, names)
        query = select(Company).where(or_(Company.domain.in_(domains - {None}), named))
        return await self._follow_all(Company, await self._session.scalars(query))

    async def _read_contacts(self, entries: Collection[Entry]) -> Collection[Contact]:
        emails = {each.email for each in entries if each.email}
        profiles = {each.profile_url for each in entries if each.profile_url}
        names = {each.name for each in entries if each.name}
        sought = [
            Contact.email.in_(emails),
            Contact.profile_url.in_(profiles),
            Contact.company_id.in_(self._companies) & _is_one_of(Contact.name, names),
        ]
        rows = [
            row
            for condition in sought
            for row in await self._session.scalars(select(Contact).where(condition))
        ]
        return await self._follow_all(Contact, rows)

    async def _follow_all(self, table: type[Row], rows: Iterable[Row]) -> Collection[Row]:
        """With the rows that took the place of these."""
        known = {row.id: row for row in rows}
        asked: set[str] = set()
        while (
            missing := {r.merged_into or "" for r in known.values()} - known.keys() - asked - {""}
        ):
            asked |= missing
            following = await self._session.scalars(select(table).where(table.id.in_(missing)))
            known |= {row.id: row for row in following}
        return known.values()


def _follow(row: Row, known: Mapping[str, Row]) -> Row:
    """The row that took this one's place."""
    seen = {row.id}
    while row.merged_into and row.merged_into not in seen:
        seen.add(row.merged_into)
        if row.merged_into not in known:
            break
        row = known[row.merged_into]
    return row


def _is_one_of(column: InstrumentedAttribute[str], names: Collection[str]) -> ColumnElement[bool]:
    """In any case; as it is written too, since not every database knows all letters."""
    return or_(func.lower(column).in_({each.lower() for each in names}), column.in_(names))
