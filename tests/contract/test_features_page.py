"""The catalogue page is the one that the code makes."""

from pathlib import Path

from euthymia.features.catalogue import families
from euthymia.features.catalogue_page import page

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_of_features_is_up_to_date():
    made = page(families())
    assert PAGE.read_text(encoding="utf-8") == made, "euthymia catalogue --out docs/features.md"
    for family in families().values():
        for feature in family.features:
            assert f"`{feature.name}`" in made
