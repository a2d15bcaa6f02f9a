"""The configuration: one tree, one file, units in names. See ``tree.py``; a file is read by ``load.py``."""

from agent.config.tree import Config

__all__ = ["Config"]
