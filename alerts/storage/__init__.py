"""Where alerts, groups, what was told and what is on its way are kept: SQLAlchemy Core on SQLite or PostgreSQL."""
