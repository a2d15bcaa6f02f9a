from tests.doubles.flight import make_nest

__all__ = ["make_nest"]
