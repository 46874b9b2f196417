"""What a sender is asked for, and when a viewer loses the pictures."""

from __future__ import annotations

from adapters.media.aiortc.bandwidth import FLOOR, SOUND, Room, asked_of


def seconds(
    room: Room, count: int, *, loss: float = 0.0, trip: float = 10.0, sent: int = 500_000, estimate: int = 0
) -> None:
    for _ in range(count):
        room.estimate = estimate
        room.heard(loss, trip, sent)


def test_an_unstrained_network_is_given_more_and_more() -> None:
    room = Room()
    seconds(room, 30, sent=2_000_000, estimate=2_500_000)
    assert room.share(1, 1) > 4_000_000


def test_the_allowance_stays_near_what_is_sent() -> None:
    room = Room()
    seconds(room, 100, sent=600_000)
    assert room.allowance <= 1_800_000


def test_a_low_estimate_is_no_limit_while_little_is_sent() -> None:
    room = Room()
    seconds(room, 10, sent=100_000, estimate=150_000)
    assert room.share(1, 1) > 1_000_000


def test_an_estimate_below_what_is_sent_is_one() -> None:
    room = Room()
    seconds(room, 1, sent=1_000_000, estimate=700_000)
    assert room.share(1, 1) == 700_000 - SOUND


def test_losses_lower_it() -> None:
    room = Room()
    seconds(room, 1, loss=0.4, sent=1_000_000)
    assert room.allowance == 800_000


def test_two_pictures_share() -> None:
    room = Room()
    seconds(room, 1, sent=1_000_000, estimate=700_000)
    assert room.share(2, 1) == (700_000 - SOUND) // 2


def test_the_lowest_viewer_counts_but_not_below_the_floor() -> None:
    assert asked_of([900_000, 400_000], 2_000_000) == 400_000
    assert asked_of([900_000, 10], 2_000_000) == FLOOR
    assert asked_of([], 2_000_000) == 2_000_000
    assert asked_of([9_000_000], 2_000_000) == 2_000_000


def test_below_the_floor_pictures_pause_after_two_seconds_and_come_back() -> None:
    room, now = Room(), 100.0
    paused_at = None
    for _ in range(10):
        seconds(room, 1, loss=0.3, sent=150_000, estimate=60_000)
        now += 1
        if room.decide(now, 1, 1):
            paused_at = paused_at or now
    assert paused_at == 103.0
    while room.decide(now, 1, 1):
        seconds(room, 1, loss=0.0, sent=0)
        now += 1
    assert now - paused_at == 8.0


def test_each_relapse_waits_longer() -> None:
    room, now, waits = Room(), 100.0, []
    for _ in range(6):
        while not room.decide(now, 1, 1):
            seconds(room, 1, loss=0.3, sent=150_000, estimate=60_000)
            now += 1
        began = now
        while room.decide(now, 1, 1):
            now += 1
        waits.append(now - began)
    assert waits == [8, 16, 32, 64, 64, 64]


def test_a_browser_that_estimates_nonsense_keeps_its_pictures() -> None:
    room, now = Room(), 100.0
    for _ in range(60):
        seconds(room, 1, loss=0.0, trip=20, sent=140_000, estimate=8_000)
        now += 1
        assert not room.decide(now, 1, 1)
