"""The composition root: opens every part and connects them. The only place that knows all of them."""

from agent.app.compose import serve

__all__ = ["serve"]
