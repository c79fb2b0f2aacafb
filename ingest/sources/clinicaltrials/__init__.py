"""ClinicalTrials.gov API v2: registry entries with arms, outcomes, results and adverse events.

https://clinicaltrials.gov/data-api/about-api. No key. What is registered is read in `protocol`,
what is reported in `results`.
"""

from ingest.sources.clinicaltrials.client import (
    SOURCE,
    check,
    fetch_studies,
    search,
    to_record,
    to_records,
)

__all__ = ["SOURCE", "check", "fetch_studies", "search", "to_record", "to_records"]
