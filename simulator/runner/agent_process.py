"""Runs the agent that ships, on a loop and a clock that go faster than the computer's.

The one place where agent and simulator meet: it composes both and changes nothing in either.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from agent.app import serve
from agent.config.load import load
from agent.core.clock import Clock, TimeBase
from agent.core.errors import NestError
from simulator.loops import ScaledLoop


def main() -> None:
    """Command line: ``-c FILE --time-base RATE@EPOCH``."""
    parser = argparse.ArgumentParser(description="the nest's agent on an accelerated clock")
    parser.add_argument("-c", "--config", type=Path, required=True)
    parser.add_argument("--time-base", type=TimeBase.parse, required=True)
    arguments = parser.parse_args()
    base: TimeBase = arguments.time_base
    try:
        with asyncio.Runner(loop_factory=lambda: ScaledLoop(base.rate)) as runner:
            runner.run(serve(load(arguments.config), Clock(base)))
    except NestError as error:
        print(f"nest-agent: {error}", file=sys.stderr)  # noqa: T201 the command line's own voice
        sys.exit(2)


if __name__ == "__main__":
    main()
