"""What holds of every state that anybody is shown, whatever was killed meanwhile.

Pure: nested states as clients fold them go in, sentences about what is wrong come out. ``work``
says which traces its changes leave.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.work import FIRST_PAIR, SINGLE, UNDONE

State = Mapping[str, Any]
Place = tuple[str, str]

_SECRET = re.compile(r"secret-of-(\d+)-")


def leaks(event: Any, user_id: int) -> list[str]:
    """Return what an event, a payload or an error tells *user_id* of others' notes."""
    owners = set(_SECRET.findall(event if isinstance(event, str) else json.dumps(event)))
    return [f"a note of {owner} was sent to {user_id}" for owner in sorted(owners - {str(user_id)})]


def halves(state: State) -> list[str]:
    """Return the transactions of which *state* shows a part."""
    found = []
    pairs: dict[str, list[State]] = defaultdict(list)
    for task in state["tasks"]:
        if task["title"].startswith(("pair", "own pair")):
            pairs[task["title"].removesuffix("!")].append(task)
    if len({task["title"].endswith("!") for task in state["tasks"]}) > 1:
        found.append("what two versions render is mixed")
    for title, tasks in pairs.items():
        if len(tasks) != 2:
            found.append(f"{title!r} has {len(tasks)} tasks")
        stamps = {(task["description"], task["position"]) for task in tasks}
        if len(stamps) != 1:
            found.append(f"{title!r} was written in halves: {sorted(stamps)}")
    audits = {state["description"]}
    for task in pairs[FIRST_PAIR]:
        for item in task["checklist"]:
            if item["text"].startswith("audit"):
                audits.add(item["text"].removeprefix("audit "))
    if len(audits) != 1:
        found.append(f"an audit was written in halves: {sorted(audits)}")
    if UNDONE in json.dumps(state):
        found.append("what was taken back is shown")
    places = [place for place, _ in instances(state) if place[0] in ("comments", "checklist")]
    for place in {place for place in places if places.count(place) > 1}:
        found.append(f"{place} is in two places at once")
    return found


def instances(state: State) -> Iterator[tuple[Place, State]]:
    """Yield every instance of a board, by the list it is in and its id."""
    yield ("project", state["id"]), state
    people = [state["owner"], *(membership["user"] for membership in state["memberships"])]
    for membership in state["memberships"]:
        yield ("memberships", membership["id"]), membership
    for task in state["tasks"]:
        yield ("tasks", task["id"]), task
        people += [task["assignee"]] if task["assignee"] else []
        for name in ("checklist", "comments", "notes", "labels"):
            for item in task[name]:
                yield (name, item["id"]), item
        people += [comment["author"] for comment in task["comments"]]
    for person in people:
        yield ("people", person["id"]), person


def numbers(state: State) -> dict[Place, int]:
    """Return the numbers that only ever grow, by instance."""
    found: dict[Place, int] = {}
    for place, item in instances(state):
        match place[0]:
            case "project":
                found[place] = int(float(item["budget"]))
            case "tasks" | "checklist":
                found[place] = item["position"]
            case "comments" | "notes":
                found[place] = int(item["body"].split()[0])
            case "people":
                found[place] = int(item["firstName"].split()[0])
            case "labels":
                found[place] = int(item["name"].split()[0])
    return found


def staying(state: State) -> set[Place]:
    """Return what never comes back once it has gone: it is deleted, it cannot have left."""
    singles = (task for task in state["tasks"] if task["title"].removesuffix("!") == SINGLE)
    return {("tasks", task["id"]) for task in singles}


@dataclass
class Memory:
    """What one client was shown until now."""

    numbers: dict[Place, int] = field(default_factory=dict)
    shown: set[Place] = field(default_factory=set)
    gone: set[Place] = field(default_factory=set)

    def look(self, state: State) -> list[str]:
        """Take the next state; return what has gone back or has come back."""
        found = []
        for place, number in numbers(state).items():
            former = self.numbers.get(place, number)
            if number < former:
                found.append(f"{place} went back from {former} to {number}")
            self.numbers[place] = number
        there = staying(state)
        found += [f"{place} was deleted and is back" for place in sorted(there & self.gone)]
        self.gone |= self.shown - there
        self.shown = there
        return found

    def copy(self) -> Memory:
        """Return what was known at this moment."""
        return Memory(dict(self.numbers), set(self.shown), set(self.gone))
