"""Passages that would answer but for one constraint: another year, version, population or direction.

Neighbours that an index finds are mostly about other things, so a model trained on them alone learns
subjects and not conditions. Here a number or a word that the query and its answer share is changed in the
answer, which then answers another question. Made from the training texts and from nothing else.
"""

from __future__ import annotations

import random
import re

__all__ = ["near_miss"]

_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)*(?!\d|\.\d)")
_WORD = re.compile(r"[a-z]+")

_OPPOSITES = """
adult child, adults children, adult pediatric, adults infants, men women, man woman, male female, boys girls,
mother father, son daughter, brother sister, elderly infants, pregnant breastfeeding, employee contractor,
employees contractors, buyer seller, teacher student, teachers students, landlord tenant,
increase decrease, increased decreased, before after, enable disable, enabled disabled, install uninstall,
create delete, add remove, insert delete, start stop, open close, lock unlock, push pull, upload download,
import export, encode decode, encrypt decrypt, compress extract, read write, show hide, get set, buy sell,
allow deny, true false, minimum maximum, min max, first last, next previous, earliest latest, highest lowest,
largest smallest, oldest youngest, newer older, new existing, single multiple, required optional,
mandatory optional, success failure, positive negative, benign malignant, acute chronic, oral intravenous,
symptoms treatments, causes treatments, prevention diagnosis, internal external, public private, local remote,
primary secondary, upper lower, inner outer, left right, top bottom, horizontal vertical, north south,
east west, northern southern, eastern western, static dynamic, synchronous asynchronous, serial parallel,
ascending descending, input output, client server, source destination, parent child, row column, rows columns,
user group, users groups, file folder, files folders, string integer, list array, json xml, mysql postgresql,
windows linux, windows macos, python ruby, javascript java, domestic international, annual monthly,
daily weekly, week month, month year, morning evening, summer winter, hot cold, warm cold, american british,
french german, english spanish, january july, march october
"""

_OTHERS: dict[str, tuple[str, ...]] = {}
for _pair in _OPPOSITES.replace("\n", " ").split(","):
    _left, _right = _pair.split()
    _OTHERS[_left] = (*_OTHERS.get(_left, ()), _right)
    _OTHERS[_right] = (*_OTHERS.get(_right, ()), _left)


def near_miss(query: str, answer: str, rng: random.Random) -> str | None:
    """``answer`` with one shared number or word changed throughout; None where nothing can be changed."""
    numbers = set(_NUMBER.findall(query)) & set(_NUMBER.findall(answer))
    words = set(_WORD.findall(query.lower())) & set(_WORD.findall(answer.lower())) & _OTHERS.keys()
    shared = sorted(numbers) + sorted(words)
    if not shared:
        return None
    chosen = rng.choice(shared)
    if chosen in numbers:
        other = _other_number(chosen, rng)
        changed = _NUMBER.sub(lambda match: other if match[0] == chosen else match[0], answer)
    else:
        other = rng.choice(_OTHERS[chosen])
        pattern = re.compile(rf"\b{chosen}\b", re.IGNORECASE)
        changed = pattern.sub(lambda match: _cased(other, match[0]), answer)
    return None if changed == answer else changed


def _other_number(number: str, rng: random.Random) -> str:
    """A number of the same look: a year a few years away, a version with one part moved."""
    parts = number.split(".")
    place = rng.randrange(len(parts))
    value = int(parts[place])
    step = rng.choice((-5, -3, -2, -1, 1, 2, 3, 5)) * max(1, 10 ** (len(parts[place]) - 2))
    is_year = len(number) == 4 and number[:2] in {"18", "19", "20"}
    if is_year:
        step = rng.choice((-10, -5, -3, -2, -1, 1, 2, 3, 5, 10))
    parts[place] = str(value + step if value + step >= 0 else value + abs(step))
    return ".".join(parts)


def _cased(word: str, model: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word.capitalize() if model[:1].isupper() else word
