"""The command `kb`: the same questions as the API, and the jobs that fill the base."""

from api.cli.app import main

__all__ = ["main"]
