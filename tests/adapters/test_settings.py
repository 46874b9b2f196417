"""What an adapter reads from the environment stands in the page of settings."""

from __future__ import annotations

import importlib

import pytest

from tests.adapters import contract


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.names.add(name)
        return default


@pytest.mark.parametrize("folder", list(contract.folders()))
def test_every_setting_is_documented(folder: str) -> None:
    module = importlib.import_module(f"adapters.{folder}.settings")
    asked = Asked()
    module.Settings.of(asked)
    told = {name for name, *_rest in getattr(module, "ENVIRONMENT", ())}
    assert asked.names - {"DESKBELL_PUBLIC_URL"} == told
