"""The agreed style of words and names, as far as a linter does not know it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("src", "scripts", "tests")
    for path in sorted((REPO / folder).rglob("*.py"))
    if path != Path(__file__)
]
TEXTS = [
    *SOURCES,
    REPO / "Snakefile",
    *sorted((REPO / "rules").glob("*.smk")),
    *sorted((REPO / "docs").glob("*.md")),
    *(REPO / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
]

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
QUESTION = re.compile(r"(What|Whether|How)\b")
LIMIT = re.compile(r"_?(MOST|LEAST|LONGEST|SHORTEST|FEWEST|LARGEST|SMALLEST)_")
WORDS = re.compile(
    r"\b(mend(s|ed|ing)?|anew|remade|(make|makes|made|making) (it |them |one )?again)\b", re.I
)


def contents(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Name and content of each file."""
    for path in paths:
        name = path.relative_to(REPO).as_posix()
        # Not the environments that tests make below their folders.
        if "/.venv/" not in name:
            yield name, path.read_text()


def names(content: str) -> Iterator[tuple[int, str]]:
    """Line and name of each variable, parameter, function and class."""
    for node in ast.walk(ast.parse(content)):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield node.lineno, name


def docstrings(content: str) -> Iterator[str]:
    """Docstrings of module, classes and functions, and those after attributes and constants."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, DOCUMENTED):
            yield from (
                statement.value.value
                for statement in node.body
                if isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            )


def test_docstrings_do_not_begin_with_a_question_word():
    wrong = [
        f"{path}: {docstring}"
        for path, content in contents(SOURCES)
        for docstring in docstrings(content)
        if QUESTION.match(docstring)
    ]
    assert wrong == []


def test_names_are_no_prepositions_and_limits_are_min_and_max():
    wrong = [
        f"{path}:{line}: {name}"
        for path, content in contents(SOURCES)
        for line, name in names(content)
        if name == "of" or LIMIT.match(name)
    ]
    assert wrong == []


def test_things_are_fixed_and_regenerated():
    wrong = [
        f"{path}: {found[0]}"
        for path, content in contents(TEXTS)
        for found in WORDS.finditer(content)
    ]
    assert wrong == []


def test_the_rules_find_what_they_are_for():
    assert LIMIT.match("_MOST_SHIFTS")
    assert not LIMIT.match("MAX_SHIFTS")
    assert [w[0] for w in WORDS.finditer("Mend it: it is made again.")] == ["Mend", "made again"]
    assert not WORDS.search("recommended amendments, made once and read again")
    documented = '"""Module."""\nLIMIT = 1\n"""Whether."""\nclass A:\n    a: int\n    """What."""'
    assert list(docstrings(documented)) == ["Module.", "Whether.", "What."]
    assert {name for _, name in names("def of(a: int): b = a")} == {"of", "a", "int", "b"}
