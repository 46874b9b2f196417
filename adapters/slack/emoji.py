"""Slack names its emoji; elsewhere they are characters. Most names are Unicode's own, the rest is here."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_TABLE = """
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|tada 🎉|heart ❤️|white_check_mark ✅|heavy_check_mark ✔️|x ❌|warning ⚠️|eyes 👀
joy 😂|smile 😄|smiley 😃|grinning 😀|grin 😁|laughing 😆|satisfied 😆|sweat_smile 😅|rolling_on_the_floor_laughing 🤣
slightly_smiling_face 🙂|upside_down_face 🙃|wink 😉|blush 😊|innocent 😇|heart_eyes 😍|star-struck 🤩|kissing_heart 😘
yum 😋|stuck_out_tongue 😛|stuck_out_tongue_winking_eye 😜|thinking_face 🤔|neutral_face 😐|expressionless 😑
no_mouth 😶|smirk 😏|unamused 😒|face_with_rolling_eyes 🙄|grimacing 😬|relieved 😌|pensive 😔|sleepy 😪|sleeping 😴
mask 😷|sunglasses 😎|nerd_face 🤓|confused 😕|worried 😟|slightly_frowning_face 🙁|white_frowning_face ☹️
open_mouth 😮|hushed 😯|astonished 😲|flushed 😳|fearful 😨|cold_sweat 😰|cry 😢|sob 😭|scream 😱|confounded 😖
persevere 😣|disappointed 😞|sweat 😓|weary 😩|tired_face 😫|triumph 😤|rage 😡|angry 😠|smiling_imp 😈|skull 💀
hankey 💩|poop 💩|clown_face 🤡|ghost 👻|robot_face 🤖|wave 👋|raised_hand ✋|hand ✋|ok_hand 👌|v ✌️|crossed_fingers 🤞
point_left 👈|point_right 👉|point_up_2 👆|point_down 👇|point_up ☝️|fist ✊|punch 👊|facepunch 👊|clap 👏|raised_hands 🙌
open_hands 👐|handshake 🤝|pray 🙏|muscle 💪|brain 🧠|shrug 🤷|facepalm 🤦|bow 🙇|raising_hand 🙋
man-shrugging 🤷‍♂️|woman-shrugging 🤷‍♀️|man-facepalming 🤦‍♂️|woman-facepalming 🤦‍♀️|saluting_face 🫡|melting_face 🫠
orange_heart 🧡|yellow_heart 💛|green_heart 💚|blue_heart 💙|purple_heart 💜|black_heart 🖤|white_heart 🤍
broken_heart 💔|two_hearts 💕|sparkling_heart 💖|heartpulse 💗|heartbeat 💓|hearts ♥️|100 💯|boom 💥|collision 💥
dizzy 💫|sweat_drops 💦|dash 💨|zzz 💤|speech_balloon 💬|thought_balloon 💭|star ⭐|star2 🌟|sparkles ✨|zap ⚡|fire 🔥
sunny ☀️|cloud ☁️|umbrella ☔|snowflake ❄️|coffee ☕|tea 🍵|beer 🍺|beers 🍻|pizza 🍕|cake 🍰|birthday 🎂|gift 🎁
balloon 🎈|confetti_ball 🎊|trophy 🏆|first_place_medal 🥇|soccer ⚽|dart 🎯|rocket 🚀|airplane ✈️|car 🚗|house 🏠
office 🏢|hospital 🏥|watch ⌚|phone ☎️|telephone ☎️|iphone 📱|computer 💻|desktop_computer 🖥️|printer 🖨️|keyboard ⌨️
email ✉️|envelope ✉️|e-mail 📧|mailbox 📫|package 📦|pencil2 ✏️|pencil 📝|memo 📝|book 📖|books 📚|bookmark 🔖
clipboard 📋|calendar 📆|date 📅|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|pushpin 📌
paperclip 📎|link 🔗|lock 🔒|unlock 🔓|key 🔑|hammer 🔨|wrench 🔧|hammer_and_wrench 🛠️|gear ⚙️|bulb 💡|battery 🔋
electric_plug 🔌|mag 🔍|mag_right 🔎|bell 🔔|no_bell 🔕|loudspeaker 📢|mega 📣|hourglass ⌛|hourglass_flowing_sand ⏳
alarm_clock ⏰|stopwatch ⏱️|timer_clock ⏲️|rotating_light 🚨|construction 🚧|sos 🆘|no_entry ⛔|no_entry_sign 🚫
question ❓|grey_question ❔|exclamation ❗|heavy_exclamation_mark ❗|bangbang ‼️|interrobang ⁉️|o ⭕|recycle ♻️
ballot_box_with_check ☑️|negative_squared_cross_mark ❎|heavy_plus_sign ➕|heavy_minus_sign ➖|information_source ℹ️
arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️|arrows_counterclockwise 🔄|repeat 🔁|rewind ⏪|fast_forward ⏩
red_circle 🔴|large_blue_circle 🔵|large_yellow_circle 🟡|large_green_circle 🟢|white_circle ⚪|black_circle ⚫
white_square ⬜|black_large_square ⬛|white_large_square ⬜|checkered_flag 🏁|triangular_flag_on_post 🚩
bug 🐛|turtle 🐢|snail 🐌|bee 🐝|cat 🐱|dog 🐶|unicorn_face 🦄|monkey_face 🐵|see_no_evil 🙈|hear_no_evil 🙉
speak_no_evil 🙊|four_leaf_clover 🍀|seedling 🌱|evergreen_tree 🌲|sunflower 🌻|rose 🌹|earth_africa 🌍|rainbow 🌈
zero 0️⃣|one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|copyright ©️
registered ®️|tm ™️|hash #️⃣|de 🇩🇪|gb 🇬🇧|us 🇺🇸|fr 🇫🇷|es 🇪🇸|it 🇮🇹|jp 🇯🇵|cn 🇨🇳|kr 🇰🇷|ru 🇷🇺
"""
_CHARACTERS = {
    name: character
    for line in _TABLE.strip().split("\n")
    for name, character in (entry.split(" ", 1) for entry in line.split("|"))
}
_TONES = {str(number): chr(0x1F3FB + number - 2) for number in range(2, 7)}
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")
_CUSTOM = re.compile(r":([\w+'-]{1,100}):")


def shown(name: str, unicode: str = "") -> str:
    """An emoji by Slack's name of it; one that only that workspace has stays a name."""
    base, _sep, tone = name.partition("::skin-tone-")
    character = _decoded(unicode) or _CHARACTERS.get(base) or _by_unicode(base)
    if not character:
        return f":{name}:" if name else ""
    return character if unicode or tone not in _TONES else character.rstrip("\ufe0f") + _TONES[tone]


def name_of(character: str) -> str:
    """Slack's name of an emoji, or of `:name:`; empty when it has none that we know."""
    if (custom := _CUSTOM.fullmatch(character)) is not None:
        return custom.group(1)
    tone = _SKIN.search(character)
    base = _SKIN.sub("", character)
    name = _names().get(base.replace("\ufe0f", "")) or _unicode_name(base)
    if name and tone is not None:
        return f"{name}::skin-tone-{ord(tone.group()) - 0x1F3FB + 2}"
    return name


@cache
def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, character in _CHARACTERS.items():
        found.setdefault(character.replace("\ufe0f", ""), name)
    return found


def _by_unicode(name: str) -> str:
    """Where Slack's name is Unicode's own."""
    try:
        character = unicodedata.lookup(name.replace("_", " ").replace("-", " "))
    except KeyError:
        return ""
    return character if _is_emoji(character) else ""


def _unicode_name(text: str) -> str:
    character = text.replace("\ufe0f", "")
    if len(character) != 1 or not _is_emoji(character):
        return ""
    return unicodedata.name(character, "").lower().replace(" ", "_")


def _is_emoji(character: str) -> bool:
    return len(character) == 1 and (ord(character) >= 0x1F300 or 0x2600 <= ord(character) <= 0x27BF)


def _decoded(unicode: str) -> str:
    """`1f44d-1f3fb` as characters."""
    if not re.fullmatch(r"[0-9a-fA-F]{2,6}(?:-[0-9a-fA-F]{2,6}){0,9}", unicode):
        return ""
    points = [int(one, 16) for one in unicode.split("-")]
    return "".join(map(chr, points)) if all(p < 0x110000 and not 0xD800 <= p < 0xE000 for p in points) else ""
