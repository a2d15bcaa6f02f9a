"""The thermal camera, and how hot is hot."""

from pydantic import Field

from agent.config.camera import CameraSection
from agent.config.section import Section


class ThermalSection(Section):
    """A radiometric thermal camera: one that tells temperatures, 16 bit a pixel."""

    source: str = "http://127.0.0.1:8092/raw.mjpg"
    """http:// (multipart stream of 16-bit PNG) or a folder of 16-bit PNG or TIFF pictures."""
    camera: CameraSection = CameraSection(width_px=640, height_px=512, horizontal_fov_deg=45.0, colour=False)
    """Its geometry; it hangs in the gimbal beside the colour camera."""
    kelvin_per_count: float = Field(default=0.01, gt=0, le=10)
    """Temperature of one count of the picture."""
    zero_c: float = Field(default=-273.15, ge=-300, le=100)
    """Temperature of count 0."""
    hot_c: float = Field(default=90.0, ge=30, le=600)
    """Hotter than this is a hot spot, whatever is around it."""
    contrast_c: float = Field(default=30.0, ge=3, le=300)
    """Hotter than its surroundings by so much is a hot spot."""
    surely_fire_c: float = Field(default=250.0, ge=100, le=1500)
    """No roof, engine or chimney head seen from the air is so hot: what is, is never explained away."""
    roof_most_c: float = Field(default=85.0, ge=30, le=200)
    """A roof or rock that the sun heats stays below this."""
    engine_most_c: float = Field(default=130.0, ge=40, le=300)
    """A bonnet or an exhaust seen from the air stays below this."""
