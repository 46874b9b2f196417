"""The start page: strangers are welcomed, those who are signed in go where they work."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from webui.deps import AnyViewer, Uow
from webui.public import show
from webui.rendering import see_other

router = APIRouter()


@router.get("/")
async def home(request: Request, uow: Uow, viewer: AnyViewer) -> Response:
    if viewer.signed_in:
        return see_other("/desk" if viewer.staff else "/my")
    return show(request, "home/home.html", links=[])
