"""The one collection that every table of the service database belongs to."""

import sqlalchemy as sa

METADATA = sa.MetaData()
