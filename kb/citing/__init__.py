"""References and cites in any CSL style.

    style = styles.style("apa")
    document = Document(style, [item_from_csl(raw) for raw in csl_json])
    [as_text(runs) for runs in document.references()]

docs/citing.md says what is corrected over citeproc-py, and why.
"""
