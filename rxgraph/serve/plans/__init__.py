"""Plans: selections compiled to Python that writes JSON text straight from sources."""

from rxgraph.serve.plans.fallbacks import fallbacks
from rxgraph.serve.plans.finding import Plans, give_plans, plans_of
from rxgraph.serve.plans.plan import Plan
from rxgraph.serve.plans.refusals import NoPlan, Unplanned
from rxgraph.serve.plans.stock import Parked, stock
from rxgraph.serve.plans.texts import Book, book_of

__all__ = [
    "Book",
    "NoPlan",
    "Parked",
    "Plan",
    "Plans",
    "Unplanned",
    "book_of",
    "fallbacks",
    "give_plans",
    "plans_of",
    "stock",
]
