"""A licence is known by its name, whatever its address looks like."""

import pytest

from kb.formats.licenses import license_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "cc-by-4.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/4.0", "cc-by-nc-nd-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode", "cc-by-4.0"),
        ("https://creativecommons.org/licenses/by/3.0/igo/", "cc-by-3.0-igo"),
        ("http://creativecommons.org/licenses/by-nc/2.0/uk/", "cc-by-nc-2.0-uk"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("https://www.springer.com/tdm", "https://www.springer.com/tdm"),
        (" ", None),
        (None, None),
    ],
)
def test_creative_commons_addresses_become_licence_names_and_others_stay(url, name):
    assert license_name(url) == name
