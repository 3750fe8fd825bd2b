"""The first schema: people, outreach, history, and the salt of address hashes."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from graphs.sales.data.columns import Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "sales_companies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("industry", sa.String(length=120), nullable=True),
        sa.Column("category", sa.String(length=120), nullable=True),
        sa.Column("size", sa.String(length=40), nullable=True),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.Column("provenance", Json, nullable=False),
        sa.Column("merged_into", sa.String(length=64), nullable=True),
        sa.Column("enriched_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_companies_pkey")),
        sa.UniqueConstraint("domain", name=op.f("sales_companies_domain_key")),
    )
    op.create_table(
        "sales_events",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("contact_id", sa.String(length=64), nullable=True),
        sa.Column("company_id", sa.String(length=64), nullable=True),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("touch_id", sa.String(length=64), nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_events_pkey")),
        sa.UniqueConstraint("key", name=op.f("sales_events_key_key")),
    )
    op.create_index("sales_events_by_contact", "sales_events", ["contact_id", "kind"], unique=False)
    op.create_index("sales_events_by_kind", "sales_events", ["kind", "at"], unique=False)
    op.create_table(
        "sales_mailboxes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("bounce_domain", sa.String(length=253), nullable=True),
        sa.Column("smtp", Json, nullable=False),
        sa.Column("imap", Json, nullable=False),
        sa.Column("password_env", sa.String(length=128), nullable=True),
        sa.Column("daily_cap", sa.Integer(), nullable=False),
        sa.Column("min_gap_seconds", sa.Integer(), nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("window", Json, nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("last_send_at", Instant(), nullable=True),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("folders", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_mailboxes_pkey")),
        sa.UniqueConstraint("address", name=op.f("sales_mailboxes_address_key")),
    )
    op.create_table(
        "sales_models",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("weights", Json, nullable=False),
        sa.Column("metrics", Json, nullable=False),
        sa.Column("promoted_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_models_pkey")),
        sa.UniqueConstraint("name", "version", name="sales_models_once"),
    )
    op.create_table(
        "sales_products",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("value_proposition", sa.Text(), nullable=False),
        sa.Column("icp", Json, nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_products_pkey")),
    )
    op.create_table(
        "sales_reviews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("left_id", sa.String(length=64), nullable=False),
        sa.Column("right_id", sa.String(length=64), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_reviews_pkey")),
        sa.UniqueConstraint("entity", "left_id", "right_id", name="sales_reviews_once"),
    )
    op.create_table(
        "sales_settings",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("sales_settings_pkey")),
    )
    op.create_table(
        "sales_suppressions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=253), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_suppressions_pkey")),
        sa.UniqueConstraint("kind", "value", "scope", name="sales_suppressions_once"),
    )
    op.create_table(
        "sales_campaigns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("product_id", sa.String(length=64), nullable=True),
        sa.Column("mailbox_id", sa.String(length=64), nullable=True),
        sa.Column("policy", Json, nullable=False),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["sales_mailboxes.id"], name=op.f("sales_campaigns_mailbox_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["sales_products.id"], name=op.f("sales_campaigns_product_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_campaigns_pkey")),
    )
    op.create_table(
        "sales_contacts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("email_status", sa.String(length=16), nullable=True),
        sa.Column("title", sa.String(length=300), nullable=True),
        sa.Column("seniority", sa.String(length=40), nullable=True),
        sa.Column("department", sa.String(length=60), nullable=True),
        sa.Column("is_decision_maker", sa.Boolean(), nullable=True),
        sa.Column("authority_score", sa.Double(), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("profile_url", sa.Text(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("timezone", sa.String(length=60), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("basis", sa.String(length=40), nullable=False),
        sa.Column("consent", Json, nullable=True),
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.Column("provenance", Json, nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("tier", sa.String(length=1), nullable=True),
        sa.Column("score_version", sa.String(length=80), nullable=True),
        sa.Column("merged_into", sa.String(length=64), nullable=True),
        sa.Column("enriched_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["sales_companies.id"], name=op.f("sales_contacts_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_contacts_pkey")),
        sa.UniqueConstraint("email", name=op.f("sales_contacts_email_key")),
    )
    op.create_index(
        op.f("sales_contacts_company_id_ix"), "sales_contacts", ["company_id"], unique=False
    )
    op.create_table(
        "sales_facts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["sales_companies.id"], name=op.f("sales_facts_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_facts_pkey")),
        sa.UniqueConstraint("company_id", "kind", "digest", name="sales_facts_once"),
    )
    op.create_index("sales_facts_by_kind", "sales_facts", ["company_id", "kind"], unique=False)
    op.create_table(
        "sales_touches",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.String(length=64), nullable=True),
        sa.Column("touch_no", sa.Integer(), nullable=True),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("mailbox_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("message_id", sa.String(length=400), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("template", sa.String(length=80), nullable=True),
        sa.Column("in_reply_to", sa.String(length=400), nullable=True),
        sa.Column("refs", Json, nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("handed_at", Instant(), nullable=True),
        sa.Column("retry_at", Instant(), nullable=True),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["sales_campaigns.id"], name=op.f("sales_touches_campaign_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["sales_contacts.id"], name=op.f("sales_touches_contact_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["sales_mailboxes.id"], name=op.f("sales_touches_mailbox_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_touches_pkey")),
        sa.UniqueConstraint("campaign_id", "contact_id", "touch_no", name="sales_touches_once"),
        sa.UniqueConstraint("key", name=op.f("sales_touches_key_key")),
        sa.UniqueConstraint("message_id", name=op.f("sales_touches_message_id_key")),
        sa.UniqueConstraint("token", name=op.f("sales_touches_token_key")),
    )
    op.create_index(
        "sales_touches_by_mailbox", "sales_touches", ["mailbox_id", "sent_at"], unique=False
    )
    op.create_index("sales_touches_by_state", "sales_touches", ["state", "retry_at"], unique=False)
    op.create_index(
        op.f("sales_touches_contact_id_ix"), "sales_touches", ["contact_id"], unique=False
    )
    op.create_table(
        "sales_messages",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mailbox_id", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.String(length=64), nullable=True),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("touch_id", sa.String(length=64), nullable=True),
        sa.Column("message_id", sa.String(length=400), nullable=True),
        sa.Column("in_reply_to", sa.String(length=400), nullable=True),
        sa.Column("refs", Json, nullable=False),
        sa.Column("matched_by", sa.String(length=16), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=24), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["sales_campaigns.id"], name=op.f("sales_messages_campaign_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["sales_contacts.id"], name=op.f("sales_messages_contact_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["sales_mailboxes.id"], name=op.f("sales_messages_mailbox_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["touch_id"], ["sales_touches.id"], name=op.f("sales_messages_touch_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_messages_pkey")),
        sa.UniqueConstraint("key", name=op.f("sales_messages_key_key")),
    )
    op.create_index(
        "sales_messages_by_contact", "sales_messages", ["contact_id", "at"], unique=False
    )
    op.create_index(
        op.f("sales_messages_message_id_ix"), "sales_messages", ["message_id"], unique=False
    )
    op.create_table(
        "sales_opportunities",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("company_id", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.String(length=64), nullable=True),
        sa.Column("campaign_id", sa.String(length=64), nullable=True),
        sa.Column("product_id", sa.String(length=64), nullable=True),
        sa.Column("message_id", sa.String(length=64), nullable=True),
        sa.Column("stage", sa.String(length=24), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("owner_task", Json, nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["sales_campaigns.id"], name=op.f("sales_opportunities_campaign_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["sales_companies.id"], name=op.f("sales_opportunities_company_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["sales_contacts.id"], name=op.f("sales_opportunities_contact_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["sales_messages.id"], name=op.f("sales_opportunities_message_id_fk")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["sales_products.id"], name=op.f("sales_opportunities_product_id_fk")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sales_opportunities_pkey")),
    )
    op.create_index(
        op.f("sales_opportunities_company_id_ix"),
        "sales_opportunities",
        ["company_id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_opportunities_contact_id_ix"),
        "sales_opportunities",
        ["contact_id"],
        unique=False,
    )

    settings = sa.table("sales_settings", sa.column("name"), sa.column("value"))
    op.bulk_insert(settings, [{"name": "address_salt", "value": secrets.token_hex(32)}])
