"""Small talk: greetings, thanks, moods, and questions to whoever answers rather than about the desk.

Sentences of each kind stand for it; a message is small talk as far as it is near one of them.
"""

from __future__ import annotations

import numpy as np

from core.kb.engine.arrays import Floats
from core.kb.engine.vectors import Sums, WordVectors
from core.kb.engine.words import words

_SENTENCES = """
hello there
good morning everyone
good evening to you
hey how are you doing today
how is it going
what is up
nice to meet you
long time no see
are you there
is anybody there
goodbye
bye for now
see you later
talk to you soon
have a nice day
good night and sleep well
thanks a lot
thank you so much for your help
much appreciated
that was very helpful
you are welcome
no problem
yes
yes that is right
of course
sounds good to me
alright then
okay go on
no
no not really
never mind
forget it
i do not want that
not now maybe later
stop it
wait a moment
i do not know
i am not sure
i understand
i see
what do you mean
why do you ask that
why do you need to know this
can you explain that again
tell me more about it
i want to know more
really
wow that is great
awesome you are the best
well done i like you
i love you
you are funny
haha that is so funny
this is boring
you are stupid
you are useless
shut up
i hate this
this is terrible
that is wrong
that did not help
you do not understand me at all
i am sad
i am so happy today
i am tired
i am angry with you
i had a bad day
i am bored
are you a robot
are you a real person or a machine
am i talking to a human
who are you
what is your name
what should i call you
how old are you
when is your birthday
where do you live
where do you come from
which country are you from
who made you
who is your boss
how were you built
how do you work
what can you do
what do you do all day
how can you help me
what are you good for
what is this all about
what is this bot for
which languages do you speak
do you speak my language
do you have friends
do you have a family
are you married
do you have feelings
are you smart
do you sleep
do you like people
what is your favourite colour
what do you like to eat
what do you think about me
do you know me
who am i
what is my name
do you remember me
tell me a joke
make me laugh
sing a song for me
tell me something interesting
let us chat a little
what is the weather like today
will it rain tomorrow
is it cold outside
what time is it
which day is it today
i am hungry
where can i eat something nice nearby
find me a good restaurant
what is the meaning of life
do you believe in god
who will win the election
do you follow the news
i do not care
i do not want to talk to you
just kidding
guess what
good joke
same to you
my name is john
i am from london
i am a teacher
sorry my mistake
excuse me
please help me
i need help
can you help me
i have a question
hello i have a problem
nothing
something else
both
anything
maybe
"""


class SmallTalk:
    """How near a message is to small talk."""

    def __init__(self, vectors: WordVectors) -> None:
        self._sums = Sums(vectors)
        self._rows = self._sums.rows([words(line) for line in _SENTENCES.strip().split("\n")])

    def nearness(self, said: list[str]) -> float:
        """-1 to 1: how near it is to the nearest sentence; 1 for a message without words."""
        if not said:
            return 1.0
        row: Floats = self._sums.rows([said])[0]
        return float(np.max(self._rows @ row))
