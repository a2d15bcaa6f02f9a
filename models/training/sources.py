"""What each picture source says, and what it leaves unsaid.

One row a source: its folder under the data root, its licence as stated, and for every label word what is known about a
picture that carries it. `None` means "not known", which is not the same as "no": a loss or a figure must leave it out.
This module knows no file format and reads nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

FLAME, SMOKE = 0, 1
BOX_CLASSES = ("flame", "smoke")


class Water(StrEnum):
    """What is known about the water in a picture."""

    MASK = "mask"  # a mask shows every pixel of water
    DRY = "dry"  # there is none
    SOME = "some"  # there is some, nobody drew where
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Truth:
    """What a label word says about a picture.

    `fire` is 1 where flame or smoke is in the picture, `smoke` where smoke is, `flood` where land lies under water.
    `boxes` names the box classes whose boxes are drawn; a class that is not in it says nothing about its boxes.
    `loose` marks boxes that are known to be incomplete: background then counts only far from any box.
    """

    fire: float | None = None
    smoke: float | None = None
    flood: float | None = None
    boxes: tuple[int, ...] = ()
    loose: bool = False
    water: Water = Water.UNKNOWN


@dataclass(frozen=True)
class Source:
    """One folder of pictures."""

    name: str
    folder: str
    licence: str
    truths: Mapping[str, Truth] = field(hash=False)
    default: Truth | None = None
    nadir: bool = False
    """Seen straight down: may be turned by any quarter."""
    fire_share: float = 0.0
    """Share of the fire network's training samples (normalised over the sources that exist). Far smoke is the hardest."""
    flood_share: float = 0.0
    mask_folder: str = "masks"
    boxes_say_all: bool = False
    """Everything visible is boxed, so the boxes also say whether there is flame or smoke."""

    def truth(self, label: str) -> Truth:
        """What `label` says. Raises KeyError for a word that the table does not have."""
        found = self.truths.get(label, self.default)
        if found is None:
            raise KeyError(f"{self.name}: label {label!r} has no row in the table of sources")
        return found


BOTH = (FLAME, SMOKE)
_NOTHING = Truth(fire=0, smoke=0, flood=0, boxes=BOTH)
_NOTHING_DRY = Truth(fire=0, smoke=0, flood=0, boxes=BOTH, water=Water.DRY)
_NATURAL_WATER = Truth(fire=0, smoke=0, flood=0, boxes=BOTH, water=Water.SOME)
_FIRE_PICTURE = Truth(fire=1, flood=0)
_FLOOD_PICTURE = Truth(fire=0, smoke=0, flood=1, boxes=BOTH, water=Water.SOME)
_AIDER = "AIDER: non-commercial and academic use only; web and agency pictures inside"
_HPWREN = "repository MIT, sister repository CC BY-NC-SA 4.0; camera pictures are HPWREN's"

SOURCES: tuple[Source, ...] = (
    Source(
        "hpwren_smoke",
        "fire/hpwren_smoke",
        _HPWREN,
        MappingProxyType({"smoke": Truth(fire=1, smoke=1, flood=0, boxes=BOTH)}),
        fire_share=0.24,
        flood_share=0.02,
    ),
    Source(
        "hpwren_nosmoke",
        "negatives/hpwren_nosmoke",
        _HPWREN,
        MappingProxyType({"none": _NOTHING}),
        fire_share=0.2,
        flood_share=0.03,
    ),
    Source(
        "kaggle_fire_boxes",
        "fire/kaggle_fire_boxes",
        "none stated for the boxes; pictures commonly given as CC0, not seen; web pictures",
        MappingProxyType({"fire": Truth(fire=1, flood=0, boxes=(FLAME,), loose=True)}),
        fire_share=0.12,
        flood_share=0.02,
    ),
    Source(
        "mendeley_forest",
        "fire/mendeley_forest",
        "original commonly cited as CC BY 4.0; not stated in the copy used",
        MappingProxyType({"fire": _FIRE_PICTURE, "none": _NOTHING}),
        fire_share=0.09,
        flood_share=0.05,
    ),
    Source(
        "leadingindia_forest",
        "fire/leadingindia_forest",
        "none stated; search-engine thumbnails of third parties' pictures",
        MappingProxyType({"fire": _FIRE_PICTURE, "none": _NOTHING}),
        fire_share=0.09,
        flood_share=0.04,
    ),
    Source(
        "aider_fire",
        "fire/aider_fire",
        _AIDER,
        MappingProxyType({"fire": _FIRE_PICTURE}),
        fire_share=0.1,
        flood_share=0.06,
    ),
    Source(
        "visifire_masks",
        "fire/visifire_masks",
        "none stated; clips carry a third party's mark",
        MappingProxyType({"fire": Truth(fire=1, flood=0, boxes=(FLAME,)), "none_masked": Truth(flood=0)}),
        fire_share=0.02,
    ),
    Source(
        "ucmerced_aerial",
        "negatives/ucmerced_aerial",
        "USGS National Map urban imagery, public domain",
        MappingProxyType(
            {
                **dict.fromkeys(("river", "harbor", "beach"), _NATURAL_WATER),
                **dict.fromkeys(("agricultural", "buildings", "chaparral", "forest", "freeway", "parkinglot"), _NOTHING_DRY),
                # Pools and ponds: little water, drawn by nobody.
                **dict.fromkeys(("denseresidential", "mediumresidential", "sparseresidential", "golfcourse"), _NOTHING),
            }
        ),
        nadir=True,
        fire_share=0.04,
        flood_share=0.11,
    ),
    Source(
        "alertwildfire",
        "negatives/alertwildfire",
        "none stated; ALERTWildfire and partners",
        MappingProxyType({"none": _NOTHING}),
        fire_share=0.03,
        flood_share=0.01,
    ),
    Source(
        "flood_area",
        "flood/flood_area",
        "none seen; press and agency pictures",
        MappingProxyType({"flood": Truth(fire=0, smoke=0, flood=1, boxes=BOTH, water=Water.MASK)}),
        fire_share=0.03,
        flood_share=0.40,
    ),
    Source(
        "aider_flood",
        "flood/aider_flood",
        _AIDER,
        MappingProxyType({"flood": _FLOOD_PICTURE}),
        fire_share=0.02,
        flood_share=0.14,
    ),
    Source(
        "louisiana_2016",
        "flood/louisiana_2016",
        "none stated; origin not named, looks like public NOAA or USGS imagery",
        MappingProxyType({"flood": _FLOOD_PICTURE, "normal": Truth(fire=0, smoke=0, flood=0, boxes=BOTH)}),
        nadir=True,
        fire_share=0.01,
        flood_share=0.08,
    ),
    Source(
        "rsscn7_land_water",
        "flood/rsscn7_land_water",
        "none stated; Google Earth crops",
        MappingProxyType(
            {"river_lake": _NATURAL_WATER, **dict.fromkeys(("grass", "field", "forest"), _NOTHING_DRY), "resident": _NOTHING}
        ),
        nadir=True,
        fire_share=0.02,
        flood_share=0.10,
    ),
)

_RENDERED = Truth(fire=0, smoke=0, flood=0, boxes=BOTH, water=Water.MASK)
SIMULATED = Source(
    "simulator",
    ".",
    "Apache-2.0: rendered by this project",
    MappingProxyType(
        {
            "none": _RENDERED,
            "flood": replace(_RENDERED, flood=1),
            "fire": replace(_RENDERED, fire=1, smoke=None),
        }
    ),
    fire_share=0.10,
    flood_share=0.20,
    mask_folder="masks_water",
    boxes_say_all=True,
)
"""The folder that `nest-sim dataset` writes; it lies where the command line says."""


def shares_of(model: str) -> dict[str, float]:
    """Each source's share of the training samples of `fire` or `flood`."""
    return {s.name: s.fire_share if model == "fire" else s.flood_share for s in (*SOURCES, SIMULATED)}


BY_NAME: Mapping[str, Source] = MappingProxyType({source.name: source for source in SOURCES})
