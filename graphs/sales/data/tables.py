"""Every table of the sales database, for who needs them all: migrations, grants, erasure."""

from graphs.sales.data.columns import Base
from graphs.sales.data.history import Event, Message, Model, Opportunity, Setting, Suppression
from graphs.sales.data.outreach import Campaign, Mailbox, Product, Touch
from graphs.sales.data.people import Company, Contact, Fact, Review

metadata = Base.metadata

__all__ = [
    "Campaign", "Company", "Contact", "Event", "Fact", "Mailbox", "Message", "Model",
    "Opportunity", "Product", "Review", "Setting", "Suppression", "Touch", "metadata",
]  # fmt: skip
