"""Judging studies and bodies of evidence: tools as data, GRADE, completeness of reporting."""
