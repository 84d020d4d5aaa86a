"""What the demo board says: people, labels, and projects with their tasks.

Plain values, no database. The first projects and tasks are written by hand; ``project(n)`` and
``task(…)`` go on from there with made-up ones, so a board of any size can be asked for.
"""

from dataclasses import dataclass
from decimal import Decimal
from random import Random


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str
    last_name: str


@dataclass(frozen=True)
class TaskText:
    title: str
    description: str = ""
    labels: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()  # (username, body)
    note: tuple[str, str] | None = None  # (username, body)


@dataclass(frozen=True)
class ProjectText:
    """A project; *members* are usernames with roles, the owner first."""

    name: str
    description: str
    status: str
    members: tuple[tuple[str, str], ...]
    budget: Decimal | None
    due_in_days: int | None
    progress: float  # roughly the share of tasks that are done
    tasks: tuple[TaskText, ...] = ()


PEOPLE = (
    Person("ada", "Ada", "Lovelace"),
    Person("grace", "Grace", "Hopper"),
    Person("linus", "Linus", "Bergström"),
    Person("margaret", "Margaret", "Hamilton"),
)

LABELS = {
    "accessibility": "#0e7490",
    "bug": "#d1242f",
    "design": "#8250df",
    "documentation": "#1f6feb",
    "hardware": "#7d4e00",
    "legal": "#57606a",
    "people": "#bf3989",
    "purchase": "#9a6700",
    "quick win": "#1a7f37",
    "research": "#0969da",
}

PROJECTS = (
    ProjectText(
        name="Harbour Museum website",
        description="A new site with timed tickets, opening before the autumn exhibition.",
        status="active",
        members=(("ada", "owner"), ("grace", "editor"), ("margaret", "viewer")),
        budget=Decimal("48000.00"),
        due_in_days=41,
        progress=0.4,
        tasks=(
            TaskText(
                "Interview six visitors at the ticket desk",
                "Ask how they found the opening hours and what made them queue.",
                ("research",),
                ("Write the questions", "Agree on a Saturday with the desk", "Sum up on one page"),
                (
                    ("grace", "Four of six looked for parking first. We had that on page three."),
                    ("ada", "Then parking goes on the front page. Thank you for doing these."),
                ),
            ),
            TaskText(
                "Choose a ticket provider",
                "Three offers are in. Refunds and group bookings decide.",
                ("purchase", "legal"),
                (
                    "Compare fees per ticket",
                    "Try a refund in each sandbox",
                    "Have the contract read",
                ),
                (
                    ("ada", "The cheapest one cannot refund single tickets of a group."),
                    ("margaret", "Then it is not the cheapest. The board will understand."),
                ),
                ("ada", "Ask for the charity discount before signing. Last year it was 20 %."),
            ),
            TaskText(
                "Draw the front page for phones",
                "Opening hours, today's tickets and how to get here, without scrolling.",
                ("design",),
                ("Sketch three versions", "Show them at the desk"),
                (("grace", "Version B. People found the tickets without being told."),),
            ),
            TaskText(
                "Write alternative texts for the collection",
                "About 340 pictures. The curators have descriptions for half of them.",
                ("accessibility", "documentation"),
                ("Import the curators' texts", "Split the rest among volunteers", "Proofread"),
                (
                    ("margaret", "Two volunteers from the archive would like to help."),
                    ("grace", "Wonderful, I will prepare a short guide with examples."),
                ),
            ),
            TaskText(
                "Show remaining places for each time slot",
                "Red is not enough: say it in words as well.",
                ("accessibility",),
                (),
                (("ada", "Can we show 'last places' below ten? The desk does that."),),
                ("grace", "The provider caches the numbers for 60 seconds. Test at 10:00 sharp."),
            ),
            TaskText(
                "Fix the broken map on older iPads",
                "The reading room has four of them and they are not going away.",
                ("bug", "hardware"),
                (),
                (("grace", "It is the web font. Without it the map appears."),),
            ),
            TaskText(
                "Translate ticket pages into German and French",
                "",
                ("documentation",),
                ("Freeze the English text", "Order the translation", "Check on a phone"),
            ),
            TaskText(
                "Redirect the old addresses",
                "School books print links to the old site. None of them may end in a 404.",
                ("quick win",),
                ("List addresses from the server logs", "Map the hundred most visited"),
            ),
            TaskText(
                "Rehearse the launch with the ticket desk",
                "A quiet Monday, with printed tickets as a fallback.",
                ("people",),
            ),
            TaskText(
                "Write a one-page handbook for editors",
                "How to change opening hours, and whom to call when it goes wrong.",
                ("documentation",),
            ),
        ),
    ),
    ProjectText(
        name="Warehouse label printers",
        description="Fourteen printers leave the serial server before it leaves us.",
        status="active",
        members=(("grace", "owner"), ("linus", "editor")),
        budget=Decimal("9250.50"),
        due_in_days=12,
        progress=0.6,
        tasks=(
            TaskText(
                "Map every printer, cable and port",
                "Follow the cables. The drawing from 2016 is not to be trusted.",
                ("hardware", "documentation"),
                ("Hall A", "Hall B", "Loading bay"),
                (
                    ("linus", "Found a fifteenth printer behind the pallet wrapper. It prints."),
                    ("grace", "Of course it does. Put it on the list."),
                ),
            ),
            TaskText(
                "Order network cards for the older models",
                "Nine pieces plus one spare.",
                ("purchase", "hardware"),
                (),
                (("grace", "Delivered, except for two that follow on Thursday."),),
            ),
            TaskText(
                "Print the same label from both systems and compare",
                "Barcodes must scan from one metre away.",
                ("research",),
                ("Shipping label", "Shelf label", "Dangerous goods"),
                (("linus", "Shelf labels come out 2 mm low. The offset is in the driver."),),
                ("linus", "The offset is 16 dots at 203 dpi, not 15. Trust the ruler."),
            ),
            TaskText(
                "Stop the double print after a paper jam",
                "The queue repeats the last job when a printer comes back.",
                ("bug",),
                ("Reproduce it on the test bench", "Ask the vendor about job ids"),
                (
                    ("grace", "Three parcels left with the wrong label last month because of it."),
                    ("linus", "Reproduced. It needs a jam and a cover that opens within 5 s."),
                ),
            ),
            TaskText(
                "Move Hall A at the weekend",
                "Six printers, Saturday from 6:00. Coffee is on the project.",
                ("people", "hardware"),
                ("Tell the shift leads", "Print a day's labels in advance", "Test each station"),
            ),
            TaskText(
                "Move Hall B and the loading bay",
                "Only after Hall A has run for a week.",
                ("hardware",),
                (),
                (),
                (
                    "grace",
                    "If it slips past the 20th, we collide with stocktaking. Keep quiet till then.",
                ),
            ),
            TaskText("Alert when a printer runs low on ribbon", "", ("quick win",)),
            TaskText(
                "Show each shift how to change a ribbon",
                "Ten minutes at the start of the shift, with the new models.",
                ("people",),
                ("Early shift", "Late shift", "Night shift"),
            ),
            TaskText(
                "Document how to replace a printer",
                "So that the night shift can do it without calling anybody.",
                ("documentation",),
            ),
            TaskText(
                "Switch off the serial server",
                "Keep the disk for a year. Then really switch it off.",
                ("hardware", "quick win"),
            ),
        ),
    ),
    ProjectText(
        name="Pocket timetable",
        description="Regional buses on a phone that has no signal.",
        status="planned",
        members=(("linus", "owner"), ("ada", "editor"), ("grace", "viewer")),
        budget=None,
        due_in_days=120,
        progress=0.1,
        tasks=(
            TaskText(
                "Get the timetable data of all five operators",
                "Two publish open data, three send spreadsheets.",
                ("legal", "research"),
                ("Northern Lines", "Coast Bus", "Valley Express", "City Ring", "School routes"),
                (
                    ("ada", "Coast Bus would like to be named as the source. Fair enough."),
                    ("linus", "Their spreadsheet has merged cells across days. I may need a walk."),
                ),
            ),
            TaskText(
                "Fit a region into five megabytes",
                "People download this on the platform.",
                ("research",),
                (),
                (("linus", "11 MB raw, 3.8 MB once trips share their stop patterns."),),
                ("linus", "Holidays are half of the size. Try one calendar for all operators."),
            ),
            TaskText(
                "Draw the departure board",
                "Readable at arm's length, in the sun, with gloves on.",
                ("design", "accessibility"),
                ("Large type", "High contrast", "One-handed"),
            ),
            TaskText(
                "Find the next bus without a network",
                "",
                ("research",),
                (),
                (
                    (
                        "ada",
                        "Ask for the stop once and remember it. Nobody commutes from everywhere.",
                    ),
                ),
            ),
            TaskText("Decide what a delay looks like when we are offline", "", ("design",)),
            TaskText(
                "Ride along for one morning on each line",
                "Note where the signal drops, and what passengers ask the driver.",
                ("research", "people"),
            ),
            TaskText("Read the route names aloud with a screen reader", "", ("accessibility",)),
            TaskText("Pick a name that is not taken", "", ("legal", "quick win")),
            TaskText(
                "Plan a trial with thirty commuters",
                "Four weeks, two lines, one question a day.",
                ("people",),
            ),
            TaskText("Estimate the cost of running it for three years", "", ("purchase",)),
        ),
    ),
    ProjectText(
        name="Move to Quay Street",
        description="Twenty-two desks, one server cupboard and a very heavy table.",
        status="paused",
        members=(("margaret", "owner"), ("ada", "editor"), ("linus", "viewer")),
        budget=Decimal("31500.00"),
        due_in_days=75,
        progress=0.25,
        tasks=(
            TaskText(
                "Sign the lease",
                "The landlord repaints; we pay for the lights.",
                ("legal",),
                ("Have the draft read", "Agree on the date", "Sign"),
                (
                    ("margaret", "They moved the date by a month, so this project rests a little."),
                    ("ada", "Good. Then we are not moving during the museum launch."),
                ),
            ),
            TaskText(
                "Measure the rooms",
                "With a laser this time.",
                ("research", "quick win"),
                (),
                (("ada", "The meeting room is 20 cm narrower than the plan says."),),
            ),
            TaskText(
                "Ask everybody how they would like to sit",
                "Window, quiet corner, near the kitchen; and with whom.",
                ("people",),
                (),
                (("margaret", "Nineteen of twenty-two have answered."),),
                ("margaret", "Two people asked not to share a room. Settle this in person."),
            ),
            TaskText(
                "Order the internet line",
                "Lead time is eight weeks. Really.",
                ("purchase", "hardware"),
                ("Order", "Let the technician in", "Measure it on a Monday morning"),
            ),
            TaskText("Make the entrance step-free", "", ("accessibility", "legal")),
            TaskText(
                "Collect three offers from movers",
                "They must have seen the table.",
                ("purchase",),
                (),
                (("ada", "The first one saw the table and laughed. Two to go."),),
            ),
            TaskText("Draw the floor plan", "", ("design",)),
            TaskText("Give away what we do not take along", "", ("people", "quick win")),
            TaskText(
                "Change the address everywhere", "Bank, tax office, website, door.", ("legal",)
            ),
            TaskText("Plan the first breakfast in the new rooms", "", ("people",)),
        ),
    ),
)

_PLACES = ("Northgate", "Elm Park", "Riverside", "Old Mill", "Harbour East", "Hillside", "Station")
_SUBJECTS = (
    "library catalogue",
    "meter readings",
    "volunteer rota",
    "bicycle parking",
    "archive scans",
    "canteen menu",
    "room booking",
    "lost and found",
)
_VERBS = ("Check", "Plan", "Repair", "Describe", "Order", "Review", "Measure", "Simplify")
_THINGS = (
    "the sign-up form",
    "the weekly report",
    "spare parts",
    "the welcome letter",
    "opening hours",
    "the backup",
    "the price list",
    "access rights",
    "the training slides",
)
_STEPS = ("Ask who knows", "Write a draft", "Try it out", "Show it to the team", "Write it down")
_REMARKS = (
    "I can take this next week.",
    "Done on my side, please have a look.",
    "We had the same question last year; the answer is in the archive.",
    "Smaller than it looked.",
    "Waiting for an answer from outside.",
    "Let us talk about this on Thursday.",
)


def project(number: int) -> ProjectText:
    """Return the project with this *number*, from 0; from ``len(PROJECTS)`` on made up."""
    if number < len(PROJECTS):
        return PROJECTS[number]
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    place = _PLACES[number % len(_PLACES)]
    people = [PEOPLE[(number + step) % len(PEOPLE)].username for step in range(3)]
    return ProjectText(
        name=f"{place} {subject} {number + 1}",
        description=f"Bring the {subject} of {place} up to date.",
        status=("active", "planned", "paused", "done")[number % 4],
        members=tuple(zip(people, ("owner", "editor", "viewer"), strict=True)),
        budget=Decimal(1000 + 250 * (number % 40)),
        due_in_days=20 + number % 90,
        progress=number % 4 / 4,
    )


def task(of: ProjectText, number: int, random: Random) -> TaskText:
    """Return the task with this *number*, from 0, of a project; after its own ones made up."""
    if number < len(of.tasks):
        return of.tasks[number]
    authors = [username for username, _ in of.members]
    return TaskText(
        title=f"{random.choice(_VERBS)} {random.choice(_THINGS)} ({number + 1})",
        labels=tuple(random.sample(sorted(LABELS), random.randint(0, 2))),
        checklist=_STEPS[: random.choice((0, 0, 2, 3, 5))],
        comments=tuple(
            (random.choice(authors), random.choice(_REMARKS))
            for _ in range(random.choice((0, 0, 1, 1, 2, 3)))
        ),
        note=(random.choice(authors), "Come back to this.") if random.random() < 0.1 else None,
    )
