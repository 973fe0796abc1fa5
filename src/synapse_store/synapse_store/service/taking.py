"""Runs that are taken up when a client asks for it: resumed, rerun, recovered. The runner does it, if there is one."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from synapse_core.cli.engines import engine_of
from synapse_store.runner import RunnerAway
from synapse_store.runner.orders import Order, Reply
from synapse_store.service.answers import Refusal, answer, conflict, no_run
from synapse_store.service.asking import Call
from synapse_store.service.runs import check, data_of

_NONE = "this service runs nothing: start it with --runner DIR, or type the command where the pipeline's code is"


async def runner(call: Call) -> web.Response:
    """Whether runs are taken up here."""
    return answer({"available": call.service.runner is not None})


async def engine(call: Call) -> web.Response:
    """Whether anybody runs the run."""
    found = await engine_of(call.service.store, await call.service.store.progress(call.run_id))
    return answer({"lives": found.lives, "gone": found.gone, "reported": found.reported})


async def resume(call: Call) -> web.Response:
    """A new run that reuses what this one has completed."""
    return await _new(call, Order("resume", call.run_id, call.body.params or {}, force=call.body.force))


async def rerun(call: Call) -> web.Response:
    """A new run that runs an action and what follows it anew."""
    asked = call.body
    return await _new(call, Order("rerun", call.run_id, asked.params or {}, asked.action, asked.force))


async def recover(call: Call) -> web.Response:
    """The same run, gone on with after its engine has died."""
    return answer(await data_of(call.service, await _taken(call, Order("recover", call.run_id))), 202)


async def _new(call: Call, order: Order) -> web.Response:
    run_id = await _taken(call, order)
    return answer(await data_of(call.service, run_id), 201, {"Location": f"/api/v1/runs/{run_id}"})


async def _taken(call: Call, order: Order) -> str:
    """The id of the run that is run now.

    Raises:
        Refusal: none is.
    """
    await check(call.service, order.run)
    if call.service.runner is None:
        raise conflict(_NONE)
    try:
        reply = await call.service.runner.ask(order)
    except RunnerAway as error:
        raise Refusal(503, error.message, headers={"Retry-After": "2"}) from None
    if reply.run is None:
        raise _refusal(order, reply)
    return reply.run


def _refusal(order: Order, reply: Reply) -> Refusal:
    if reply.why == "missing":
        return no_run(order.run)
    if reply.why == "wrong":
        return Refusal(422, "the params do not fit", reply.errors)
    more: dict[str, Any] = {"changed": True} if reply.why == "changed" else {}
    return conflict(reply.detail, **more)
