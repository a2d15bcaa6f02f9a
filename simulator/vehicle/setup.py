"""What a vehicle is made of before it starts.

Values only; knows nothing of how they are used.
"""

from dataclasses import dataclass

from simulator.vehicle.craft import Ground, Place


@dataclass(frozen=True, slots=True)
class Setup:
    """What a vehicle is made of.

    Attributes:
        place: where it stands.
        seed: of all noise.
        boot_s: from start until the position is good.
        unix_boot_s: product time at start, Unix seconds.
        ground: terrain, or None for flat ground at home's altitude.
        parameters: overrides, name to value.
        charge: of the battery at start, 0..1.
    """

    place: Place
    seed: int = 1
    boot_s: float = 42.0
    unix_boot_s: float = 0.0
    ground: Ground | None = None
    parameters: tuple[str, ...] = ()
    charge: float = 1.0
