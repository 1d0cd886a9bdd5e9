"""Small changes of a Python source that a test should notice."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_ARITHMETIC = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
_OPPOSITE = {
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "argmin": "argmax",
    "argmax": "argmin",
    "fmin": "fmax",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
    "isdisjoint": "issuperset",
}
_SMALL = 10
"""Whole numbers below this grow by 1, others double: 1000 and 1001 are the same to everybody."""


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from `start` to `end` of a file become `new`."""

    file: str
    """Below `src/alfvideo`."""
    where: str
    """The function or class, `Session.find`; empty for what is in none."""
    line: int
    last_line: int
    start: int
    end: int
    new: str

    def applied(self, source: bytes) -> bytes:
        """The changed source."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def lines(self, source: bytes) -> tuple[str, str]:
        """The changed lines before and after, each as one line with single spaces."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        last = len(source) if last < 0 else last
        after = source[first : self.start] + self.new.encode() + source[self.end : last]
        return _one_line(source[first:last]), _one_line(after)


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


def mutants(file: str, source: bytes) -> list[Mutant]:
    """All changes of a source, in the order of its lines.

    Annotations, decorators, docstrings and the text of messages stay as they are.
    """
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[tuple[int, int, str], Mutant] = {}
    for node, new, where in _changes(ast.parse(source), ""):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        found[start, end, new] = Mutant(file, where, node.lineno, node.end_lineno, start, end, new)
    return sorted(found.values(), key=lambda mutant: (mutant.start, mutant.end, mutant.new))


def _changes(node: ast.AST, where: str) -> Iterator[tuple[ast.AST, str, str]]:
    """Each node that may be replaced, the text in its place, and where it is."""
    for changed, new in _changes_of_node(node):
        yield changed, new, where
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            # the positions of nodes in f-strings are those of the f-string before Python 3.12
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise):
                continue
            inside = where
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and field == "body":
                inside = f"{where}.{node.name}" if where else node.name
            yield from _changes(child, inside)


def _changes_of_node(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for i, op in enumerate(ops):
                parts = [_text(left)]
                for j, (other, operand) in enumerate(zip(ops, right, strict=True)):
                    sign = _COMPARISONS[type(op)] if i == j else _sign(other)
                    parts += [sign, _text(operand)]
                yield node, " ".join(parts)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            if not (isinstance(left, ast.Constant) and isinstance(left.value, str)):
                yield node, f"{_text(left)} {_ARITHMETIC[type(op)]} {_text(right)}"
        case ast.BoolOp(op=op, values=values):
            other = " and " if isinstance(op, ast.Or) else " or "
            yield node, f"({other.join(map(_text, values))})"
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield node, _text(operand)
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1 if value < _SMALL else 2 * value)
            if value > 1:
                yield node, str(value // 2)
        case ast.Constant(value=float() as value):
            yield node, repr(2 * value if value else 1.0)
            if value:
                yield node, repr(value / 2)
        case ast.Return(value=value) if value is not None and _text(value) != "None":
            yield node, "return None"
        case ast.If(test=test) | ast.IfExp(test=test):
            yield test, "True"
            yield test, "False"
        case ast.While(test=test) if not isinstance(test, ast.Constant):
            yield test, "False"
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield test, "True"
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _ARITHMETIC:
            yield node, f"{_text(target)} {_ARITHMETIC[type(op)]}= {_text(value)}"
        case ast.Call(func=ast.Name(id=name) as function) if name in _OPPOSITE:
            yield function, _OPPOSITE[name]
        case ast.Call(func=ast.Attribute(value=owner, attr=name) as function):
            if name in _OPPOSITE:
                yield function, f"{_text(owner)}.{_OPPOSITE[name]}"


_SIGNS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def _sign(op: ast.cmpop) -> str:
    return _SIGNS[type(op)]


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    simple = ast.Name | ast.Constant | ast.Attribute | ast.Call | ast.Subscript | ast.List | ast.Set
    return text if isinstance(node, simple | ast.Tuple | ast.Dict) else f"({text})"
