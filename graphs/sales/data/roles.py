"""One database role per pool, with the rights its graphs need and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

READ = "SELECT"
APPEND = "SELECT, INSERT"
WRITE = "SELECT, INSERT, UPDATE"
ALL = "SELECT, INSERT, UPDATE, DELETE"

# capability -> table -> rights. Only the owner of the database erases people and makes tables.
GRANTS: Mapping[str, Mapping[str, str]] = {
    "discovery": {
        "companies": WRITE,
        "contacts": WRITE,
        "facts": WRITE,
        "suppressions": READ,
        "products": READ,
        "settings": READ,
        "schema_version": READ,
    },
    "enrichment": {
        "companies": WRITE,
        "contacts": WRITE,
        "facts": ALL,
        "reviews": ALL,
        "touches": WRITE,
        "messages": WRITE,
        "events": WRITE,
        "opportunities": WRITE,
        "suppressions": APPEND,
        "settings": READ,
        "schema_version": READ,
    },
    "classification": {
        "companies": WRITE,
        "contacts": WRITE,
        "facts": WRITE,
        "products": READ,
        "campaigns": READ,
        "touches": READ,
        "messages": WRITE,
        "events": APPEND,
        "models": WRITE,
        "settings": READ,
        "schema_version": READ,
    },
    "email": {
        "companies": READ,
        "contacts": WRITE,
        "facts": READ,
        "products": READ,
        "mailboxes": WRITE,
        "campaigns": WRITE,
        "touches": WRITE,
        "messages": WRITE,
        "events": APPEND,
        "suppressions": APPEND,
        "opportunities": READ,
        "models": READ,
        "settings": READ,
        "schema_version": READ,
    },
    "orchestration": {
        "companies": READ,
        "contacts": READ,
        "facts": READ,
        "products": READ,
        "campaigns": WRITE,
        "touches": READ,
        "messages": READ,
        "events": APPEND,
        "opportunities": WRITE,
        "settings": READ,
        "schema_version": READ,
    },
}


def make_role(capability: str) -> str:
    """The role's name."""
    return f"sales_{capability.replace('-', '_')}"


def render_grants(capability: str) -> Iterator[str]:
    """The statements that give a role what it needs; the role is there already."""
    role = make_role(capability)
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    for table, rights in GRANTS[capability].items():
        yield f"REVOKE ALL ON sales_{table} FROM {role}"
        yield f"GRANT {rights} ON sales_{table} TO {role}"


async def apply_roles(engine: AsyncEngine, passwords: Mapping[str, str]) -> list[str]:
    """Make or mend the role of each pool; `passwords` are those of roles that may log in.

    Gives the names of the roles. A role without a password cannot log in, and can be granted to
    one that does.
    """
    async with engine.begin() as connection:
        for capability in GRANTS:
            role = make_role(capability)
            query = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
            if not await connection.scalar(query, {"role": role}):
                await connection.execute(text(f"CREATE ROLE {role}"))
            if password := passwords.get(capability):
                quoted = await connection.scalar(text("SELECT quote_literal(:p)"), {"p": password})
                statement = f"ALTER ROLE {role} LOGIN PASSWORD {quoted}"
                await connection.exec_driver_sql(statement.replace("%", "%%"))
            for statement in render_grants(capability):
                await connection.execute(text(statement))
    return [make_role(capability) for capability in GRANTS]
