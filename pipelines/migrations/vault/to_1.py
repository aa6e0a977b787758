"""Schema 1 of the vault."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    """Make it out of nothing."""
    op.create_table(
        "vault_accounts",
        sa.Column("account", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("namespace", sa.String(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("alias", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
        sa.UniqueConstraint("token", "valid_from"),
    )
    with op.batch_alter_table("vault_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vault_accounts_person"), ["person"], unique=False)
    op.create_table(
        "vault_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("vault_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vault_links_account"), ["account"], unique=False)
        batch_op.create_index(batch_op.f("ix_vault_links_person"), ["person"], unique=False)
    op.create_table(
        "vault_persons",
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_table("vault_schema_version", sa.Column("version", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("version"))
    op.create_table("vault_tombstones", sa.Column("digest", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("digest"))
