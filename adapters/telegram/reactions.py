"""The reactions that Telegram lets bots give: a fixed list, one on a message."""

from __future__ import annotations

SENT = "👌"
FAILED = "🤷"
"""Telegram's list has neither ✅ nor ⚠️: these stand for delivered and not delivered."""
_LIST = (
    "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 "
    "😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"
)
_ALLOWED = frozenset(_LIST.split())
_TONES = dict.fromkeys(range(0x1F3FB, 0x1F400))


def allowed(emoji: str) -> str:
    """The reaction as Telegram spells it, without skin tones; empty when it has none such."""
    bare = emoji.replace("\ufe0f", "").translate(_TONES)
    return bare if bare in _ALLOWED else ""
