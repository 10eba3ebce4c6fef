"""Numeric exercises with their solutions: the same sheet with other numbers, for learners and schools."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

Puzzle = Callable[[Random], tuple[str, str]]


def _shop(r: Random) -> tuple[str, str]:
    n, p, q = r.randint(3, 19), r.randint(2, 40), r.randint(1, 9)
    return (
        f"A baker sells {n} loaves at {p} coins each and gives {q} loaves away. What does she earn?",
        f"{n} loaves are paid: {n} * {p} = {n * p} coins; the {q} given away bring nothing.",
    )


def _tank(r: Random) -> tuple[str, str]:
    a, b = r.randint(2, 12), r.randint(13, 30)
    return (
        f"One pipe fills a tank in {a} hours, another empties it in {b} hours. When is it full if both are open?",
        f"The rate is 1/{a} - 1/{b} = {b - a}/{a * b} per hour, so {a * b / (b - a):.2f} hours.",
    )


def _train(r: Random) -> tuple[str, str]:
    d, u, v = r.randint(90, 700), r.randint(40, 90), r.randint(50, 120)
    return (
        f"Two trains are {d} km apart and drive towards each other at {u} and {v} km/h. When do they meet?",
        f"They close {u} + {v} = {u + v} km each hour: {d}/{u + v} = {d / (u + v):.2f} hours.",
    )


def _quadratic(r: Random) -> tuple[str, str]:
    a, b = r.randint(-9, 9), r.randint(1, 12)
    return (f"Solve x^2 {-(a + b):+d}x {a * b:+d} = 0.", f"(x - ({a}))(x - {b}) = 0, hence x = {a} or x = {b}.")


def _linear(r: Random) -> tuple[str, str]:
    x, y, c, d = r.randint(1, 20), r.randint(1, 20), r.randint(2, 7), r.randint(2, 7)
    return (
        f"Find x and y if {c}x + y = {c * x + y} and x + {d}y = {x + d * y}.",
        f"From the first, y = {c * x + y} - {c}x; putting it into the second gives x = {x}, y = {y}.",
    )


def _dice(r: Random) -> tuple[str, str]:
    s = r.randint(3, 11)
    k = 6 - abs(s - 7)
    return (f"Two dice are rolled. How likely is the sum {s}?", f"{k} of 36 outcomes: {k / 36:.4f}.")


def _urn(r: Random) -> tuple[str, str]:
    a, b = r.randint(2, 12), r.randint(2, 12)
    return (
        f"An urn holds {a} red and {b} green marbles. Two are drawn without putting back. Chance of two red ones?",
        f"{a}/{a + b} * {a - 1}/{a + b - 1} = {a * (a - 1) / ((a + b) * (a + b - 1)):.4f}.",
    )


def _percent(r: Random) -> tuple[str, str]:
    p, q, v = r.randint(5, 40), r.randint(5, 40), r.randint(20, 900)
    return (
        f"A price of {v} rises by {p} percent and then falls by {q} percent. What is it now?",
        f"{v} * {1 + p / 100:.2f} * {1 - q / 100:.2f} = {v * (1 + p / 100) * (1 - q / 100):.2f}.",
    )


def _ladder(r: Random) -> tuple[str, str]:
    length, foot = r.randint(4, 15), r.randint(1, 3)
    return (
        f"A ladder of {length} m stands {foot} m from a wall. How high does it reach?",
        f"sqrt({length}^2 - {foot}^2) = {math.sqrt(length**2 - foot**2):.2f} m.",
    )


def _moles(r: Random) -> tuple[str, str]:
    g, m = r.randint(5, 300), r.choice((18, 44, 58, 98, 160))
    return (f"How many moles are {g} g of a substance with a molar mass of {m} g/mol?", f"{g}/{m} = {g / m:.3f} mol.")


def _dilution(r: Random) -> tuple[str, str]:
    c, v, w = r.randint(2, 12), r.randint(10, 90), r.randint(100, 500)
    return (
        f"{v} ml of a {c} molar solution are filled up to {w} ml. What is the new concentration?",
        f"{c} * {v} / {w} = {c * v / w:.3f} mol/l.",
    )


def _fall(r: Random) -> tuple[str, str]:
    h = r.randint(3, 120)
    return (
        f"A stone is dropped from {h} m. How long does it fall and how fast is it at the end (no air)?",
        f"t = sqrt(2 * {h} / 9.81) = {math.sqrt(2 * h / 9.81):.2f} s, v = {math.sqrt(2 * h * 9.81):.1f} m/s.",
    )


def _circuit(r: Random) -> tuple[str, str]:
    a, b, u = r.randint(10, 300), r.randint(10, 300), r.choice((5, 9, 12, 24))
    return (
        f"Resistors of {a} and {b} ohm are in parallel at {u} V. Which current flows in total?",
        f"R = {a * b / (a + b):.1f} ohm, I = {u * (a + b) / (a * b):.3f} A.",
    )


def _sequence(r: Random) -> tuple[str, str]:
    a, d, n = r.randint(1, 30), r.randint(2, 15), r.randint(10, 60)
    return (
        f"The first term is {a} and each next one is {d} more. What is the sum of the first {n} terms?",
        f"{n}/2 * (2*{a} + {n - 1}*{d}) = {n * (2 * a + (n - 1) * d) // 2}.",
    )


def _interest(r: Random) -> tuple[str, str]:
    k, p, n = r.randint(2, 90) * 100, r.randint(1, 7), r.randint(2, 25)
    return (
        f"{k} are invested at {p} percent a year. What is it worth after {n} years?",
        f"{k} * {1 + p / 100:.2f}^{n} = {k * (1 + p / 100) ** n:.2f}.",
    )


def _derivative(r: Random) -> tuple[str, str]:
    a, b, c = r.randint(2, 9), r.randint(2, 9), r.randint(2, 6)
    return (
        f"Differentiate f(x) = {a}x^{c} - {b}x and find where the slope is 0.",
        f"f'(x) = {a * c}x^{c - 1} - {b}; 0 at x = ({b}/{a * c})^(1/{c - 1}) = {(b / (a * c)) ** (1 / (c - 1)):.3f}.",
    )


def _fence(r: Random) -> tuple[str, str]:
    f = r.randint(5, 60) * 4
    return (
        f"With {f} m of fence a farmer closes a rectangle along a straight river. Which sides give the largest area?",
        f"{f // 4} m twice and {f // 2} m along the river, {f * f // 8} square metres.",
    )


def _genetics(r: Random) -> tuple[str, str]:
    n = r.randint(12, 400)
    return (
        f"Two heterozygous pea plants are crossed. How many of {n} offspring show the recessive trait on average?",
        f"A quarter of them: {n / 4:.1f}.",
    )


PUZZLES: tuple[Puzzle, ...] = (
    _shop,
    _tank,
    _train,
    _quadratic,
    _linear,
    _dice,
    _urn,
    _percent,
    _ladder,
    _moles,
    _dilution,
    _fall,
    _circuit,
    _sequence,
    _interest,
    _derivative,
    _fence,
    _genetics,
)
