"""The database: engine, migrations, and one function per question or change."""
