"""The changes by which tests are tested: each is one, and those that are left out are there."""

import ast
from collections import Counter

import pytest
from tests.mutants.__main__ import TESTS, equivalents, mutants_of
from tests.mutants.operators import mutants
from tests.mutants.runs import LIBRARY, REPO

SOURCE = '''
"""A module of 3 lines."""
LIMIT: int = 3  # ä

@decorated(1)
def f(a: int = 0, *, b=True) -> "x | y":
    """Text."""
    log.info("said")
    if not a or b < 1.5:
        raise ValueError(f"{a + 1} is wrong")
    while a:
        a -= 1
    return [min(x, -a) for x in b if x is not None] if a in b else None
'''


def changed_lines(source: str) -> list[tuple[str, str]]:
    content = source.encode()
    return [mutant.lines(content) for mutant in mutants("x.py", content)]


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("LIMIT: int = 3 # ä", ["LIMIT: int = 4 # ä", "LIMIT: int = 1 # ä"]),
        (
            'def f(a: int = 0, *, b=True) -> "x | y":',
            [
                'def f(a: int = 1, *, b=True) -> "x | y":',
                'def f(a: int = 0, *, b=False) -> "x | y":',
            ],
        ),
        ('log.info("said")', ["pass"]),
        (
            "if not a or b < 1.5:",
            [
                "if True:",
                "if False:",
                "if ((not a) and (b < 1.5)):",
                "if a or b < 1.5:",
                "if not a or b <= 1.5:",
                "if not a or b < 3.0:",
                "if not a or b < 0.75:",
            ],
        ),
        ("while a:", ["while False:"]),
        ("a -= 1", ["a += 1", "a -= 2"]),
        (
            "return [min(x, -a) for x in b if x is not None] if a in b else None",
            [
                "return None",
                "return [max(x, -a) for x in b if x is not None] if a in b else None",
                "return [min(x, a) for x in b if x is not None] if a in b else None",
                "return [min(x, -a) for x in b if True] if a in b else None",
                "return [min(x, -a) for x in b if x is None] if a in b else None",
                "return [min(x, -a) for x in b if x is not None] if True else None",
                "return [min(x, -a) for x in b if x is not None] if False else None",
                "return [min(x, -a) for x in b if x is not None] if a not in b else None",
            ],
        ),
    ],
)
def test_changes_of_a_line(line: str, changes: list[str]):
    found = [after for before, after in changed_lines(SOURCE) if before == line]
    assert Counter(found) == Counter(changes)


def test_nothing_else_is_changed():
    changed = {before for before, _ in changed_lines(SOURCE)}
    assert not [
        line for line in changed if "decorated" in line or "wrong" in line or "Text" in line
    ]


def test_each_change_is_a_program_of_its_own():
    for package in TESTS:
        path = sorted((REPO / LIBRARY / package).glob("[a-z]*.py"))[0]
        source = path.read_bytes()
        texts = {ast.dump(ast.parse(m.applied(source))) for m in mutants(path.name, source)}
        assert len(texts) > 10
        assert ast.dump(ast.parse(source)) not in texts


def test_changes_that_are_left_out_exist_and_have_a_reason():
    found: dict[str, list] = {}
    for entry in equivalents():
        source = (REPO / LIBRARY / entry.file).read_bytes()
        if entry.file not in found:
            found[entry.file] = mutants(entry.file, source)
        assert any(entry.is_of(mutant, source) for mutant in found[entry.file]), entry
        assert entry.reason.endswith(".")


def test_most_changes_are_not_left_out():
    for package in TESTS:
        n_all = sum(
            len(mutants(path.name, path.read_bytes()))
            for path in (REPO / LIBRARY / package).rglob("*.py")
        )
        assert len(mutants_of(package)) > 0.7 * n_all
