"""Steps from the schema of an older book to that of this Holdfast; Alembic is loaded only where one is due."""
