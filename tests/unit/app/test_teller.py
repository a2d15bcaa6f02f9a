"""The nest's status: what is only told, and what makes it not ready."""

from types import SimpleNamespace

from agent.app.telling import Teller
from agent.core.outcome import Refused
from agent.domain.status import NestSummary, Reason
from tests.doubles.flight import loop_s, run_virtual


def test_an_idle_nest_with_a_spare_link_down_is_ready_and_says_so(make_nest):
    """Given an idle nest; when its spare link fails it stays ready, when its drone falls silent it is not."""

    async def main():
        nest = make_nest(assigned=False)
        ctx = nest.ctx
        ctx.station.problems = ()
        quiet = SimpleNamespace(reasons=(Reason(code="hub.set_aside", words="w"),))
        teller = Teller(ctx, nest.director, ctx.station, quiet, quiet, ctx.clock, lambda: ())
        await nest.run(lambda _: loop_s() > 5.0)
        nest.drone.problems = (Refused("link.down", "LTE: the drone is not heard on it"),)
        with_spare_down = teller.status()
        nest.drone.silent = True
        await nest.run(lambda _: loop_s() > 60.0)
        return with_spare_down, teller.status()

    with_spare_down, silent = run_virtual(main())
    assert with_spare_down.state is NestSummary.READY
    assert [reason.code for reason in with_spare_down.reasons] == ["link.down", "hub.set_aside", "hub.set_aside"]
    assert silent.state is NestSummary.NOT_READY
    assert "vehicle.silent" in {reason.code for reason in silent.reasons}
