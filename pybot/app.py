"""The application: its routes, and the services that are open while it runs."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from pybot.auth import Identity, LocalHostOnly, RequireIdentity
from pybot.config import Settings
from pybot.context import context_of, viewer_key
from pybot.downloads import outputs
from pybot.endpoint.limits import ConnectionLimits, QueryLimits
from pybot.endpoint.view import GraphQLView
from pybot.schema.root import build_schema
from pybot.schema.server import SIGN_OUT_PATH
from pybot.services.container import Services, open_services
from pybot.sign_out import SignOut
from pybot.web import web_app

# The back ends without which no request can be answered; the failure of others is reported only. A
# Redis that takes no writes is not among them: users must be able to delete what fills it.
REQUIRED = ("loops", "redis")


def create_app(settings: Settings, on_failure: Callable[[str], object] | None = None) -> Starlette:
    """The whole application for one set of settings; any number can live in one process.

    `on_failure` is called once when a background loop has failed: the process is to end.
    """
    view = _graphql(settings)
    sign_out = SignOut(settings.sign_out_url, view.close_user) if settings.sign_out_url else None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Services]]:
        async with open_services(settings, on_failure) as services:
            if sign_out is not None:
                services.hub.on_notice.append(sign_out.heard)
            yield {"services": services}
            await view.close_all()
            if sign_out is not None:
                await sign_out.aclose()

    identity = Identity(header=settings.user_id_header, local_user=settings.local_user)
    middleware = [Middleware(RequireIdentity, identity=identity)]
    if settings.local_user:
        middleware.insert(0, Middleware(LocalHostOnly))
    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", _readyz),
            Route("/graphql", view),
            WebSocketRoute("/graphql", view),
            Route("/outputs/{output_id}", outputs, methods=["GET", "HEAD"]),
            *([Route(SIGN_OUT_PATH, sign_out.answer, methods=["GET"])] if sign_out else []),
            Mount("/", web_app(graphiql=settings.graphiql)),
        ],
        middleware=middleware,
        lifespan=lifespan,
    )


def _graphql(settings: Settings) -> GraphQLView:
    limits = settings.limits
    schema = build_schema(
        QueryLimits(
            depth=limits.max_query_depth,
            aliases=limits.max_query_aliases,
            cost=limits.max_query_cost,
        )
    )
    return GraphQLView(
        schema,
        context_of,
        max_body_size=limits.max_body_size,
        connections=ConnectionLimits(
            per_user=limits.max_sockets,
            operations=limits.max_subscriptions,
            max_age=limits.socket_max_age,
            send_timeout=limits.send_timeout,
        ),
        allowed_origins=settings.allowed_origins,
        user_key=viewer_key,
    )


async def _healthz(_: Request) -> Response:
    """Answer 200: the process is alive."""
    return PlainTextResponse("ok\n")


async def _readyz(request: Request) -> Response:
    """Whether requests can be answered, and what is wrong with each back end."""
    services: Services = request.state.services
    state = await services.readiness.check()
    failing = next((name for name in REQUIRED if state[name] != "ok"), None)
    body = {"ready": failing is None, "failing": failing, "backends": state}
    return JSONResponse(body, status_code=503 if failing else 200)
