from tests.doubles.flight_nest import make_nest

__all__ = ["make_nest"]
