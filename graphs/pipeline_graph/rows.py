"""What the stages left in the database, and the campaign that they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from graphs.pipeline_graph.selection import Candidate, Rank
from graphs.sales.data import Database
from graphs.sales.data.once import insert_once
from graphs.sales.data.outreach import Campaign, Product
from graphs.sales.data.people import Company, Contact

# A company's contacts beyond these are not looked at: the pipeline writes to a few of them.
MOST_CONTACTS = 100


async def open_campaign(
    database: Database, campaign_id: str, product_id: str | None, mailbox_id: str | None,
    now: datetime,
) -> str | None:  # fmt: skip
    """The campaign's row is there afterwards; gives the product that it is about.

    Raises:
        ValueError: it names a product or a mailbox that is not there.
    """
    try:
        async with database.begin() as session:
            if product_id and await session.get(Product, product_id) is None:
                raise ValueError(f"No product {product_id} is in the database: load it first.")
            await insert_once(
                session, Campaign, id=campaign_id, name=campaign_id, product_id=product_id,
                mailbox_id=mailbox_id, policy={}, created_at=now,
            )  # fmt: skip
            row = await session.get_one(Campaign, campaign_id)
    except IntegrityError:
        raise ValueError(f"No mailbox {mailbox_id} is in the database: load it first.") from None
    return product_id or row.product_id


async def list_contacts(
    database: Database, company_id: str, *, with_address: bool = False
) -> list[str]:
    """Ids of a company's contacts that were merged into no other."""
    query = select(Contact.id).where(Contact.company_id == company_id)
    query = query.where(Contact.merged_into.is_(None)).order_by(Contact.id).limit(MOST_CONTACTS)
    if with_address:
        query = query.where(Contact.email.is_not(None))
    async with database.read() as session:
        return list(await session.scalars(query))


async def list_candidates(
    database: Database,
    company_ids: Sequence[str],
    fits: Mapping[str, str],
    ranks: Mapping[str, Rank],
) -> list[Candidate]:
    """Every contact of the companies, with what is known of it."""
    query = select(Contact, Company).join(Company, Contact.company_id == Company.id)
    query = query.where(Company.id.in_(company_ids), Contact.merged_into.is_(None))
    async with database.read() as session:
        rows = (await session.execute(query)).all()
    return [
        _make_candidate(contact, company, fits.get(company.id, ""), ranks.get(contact.id))
        for contact, company in rows
    ]


def _make_candidate(contact: Contact, company: Company, fit: str, rank: Rank | None) -> Candidate:
    known = rank or Rank(
        decides=bool(contact.is_decision_maker),
        authority=contact.authority_score or 0.0,
        barred="",
    )
    return Candidate(
        contact_id=contact.id,
        company_id=company.id,
        company=company.name,
        title=contact.title or "",
        has_address=bool(contact.email),
        email_status=contact.email_status or "",
        score=contact.score,
        tier=contact.tier or "",
        fit=fit,
        **known,
    )
