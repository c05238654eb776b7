"""The command line (Typer): thin doors to the services."""
