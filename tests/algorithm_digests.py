"""Guards the versions of algorithms: a digest of the code behind the results of each task.

    uv run python -m tests.algorithm_digests
    uv run python -m tests.algorithm_digests --results-are-the-same "REASON"

The first records tasks whose version in `alfvideo.planning.tasks` was raised, and new ones; the
second also those whose code has changed while their results stay the same. What counts as code is
every function, class and constant that the script of a rule reaches by name. Comments, docstrings,
annotations, messages of exceptions and the places of definitions do not count.
"""

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from alfvideo.planning.tasks import TASKS
from alfvideo.trackers import TRACKERS

REPO = Path(__file__).parents[1]
RECORD = Path(__file__).with_suffix(".json")
COMMAND = "uv run python -m tests.algorithm_digests"

SCRIPTS = {
    rule: script
    for tracker in TRACKERS.values()
    for rule, script in (
        (tracker.rule, "pose"),
        (tracker.features_rule, "features"),
        (tracker.qc_rule, "pose_qc"),
        (tracker.picture_rule, "pose_qc_plot"),
    )
}
"""Scripts that have not the name of their rule."""

STARTED = {
    tracker.rule: tuple(
        f"alfvideo.pose.engines.{module}"
        for module in ("__main__", tracker.engine, *(["smoothing"] * tracker.smooths_ensembles))
    )
    for tracker in TRACKERS.values()
}
"""Modules that run in another process, by rule."""

EXCLUDED = {
    "alfvideo.jobs": "log and provenance of a job",
    "alfvideo.files.atomic": "how a file is put in its place",
    "alfvideo.files.flock": "who may write",
    "alfvideo.files.inputs": "what is refused before it is read",
    "alfvideo.files.lock": "who may write",
    "alfvideo.pose.devices": "which GPU",
    "alfvideo.pose.environment": "which Python; the engine's lock file says what is in it",
    "alfvideo.pose.messages": "the wire between two processes",
    "alfvideo.pose.parts": "what is kept of a job that was killed",
    "alfvideo.registration.alyx.answers": "how the server is reached",
    "alfvideo.registration.alyx.connection": "how the server is reached",
    "alfvideo.registration.alyx.credentials": "how the server is reached",
    "alfvideo.session.rigs": "a row for another rig changes nothing for those that there are",
    "alfvideo.trackers": "a row for another engine changes nothing for those that there are",
}
"""Modules and packages that do not change the content of a result, each with the reason."""

Definition = tuple[str, str]
"""A module and a name in it."""


@dataclass
class Module:
    """The definitions and imports of a module, by name."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Definition] = field(default_factory=dict)
    """By the name that it has here; the name there is empty for a whole module."""


class Code:
    """The modules below some folders, read when they are asked for."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.module = cache(self._module)
        self.digest = cache(self._digest)

    def reached(self, script: Path, started: tuple[str, ...] = ()) -> dict[Definition, str]:
        """Digests of the script, and of every definition that it reaches by name.

        `started` are modules of which everything counts.
        """
        main = _parse(script)
        found = {("script", ""): _hash(list(map(_essence, main.body)))}
        waiting = [used for node in main.body for used in self._used(_described(main), "", node)]
        for name in started:
            waiting += [(name, defined) for defined in self.module(name).definitions]
        while waiting:
            name, defined = definition = waiting.pop()
            module = self.module(name)
            if definition in found or module is None or is_excluded(name):
                continue
            if defined not in module.definitions:
                if defined in module.imported:
                    waiting.append(module.imported[defined])
                continue
            found[definition] = self.digest(definition)
            for node in module.definitions[defined]:
                waiting += self._used(module, name, node)
        return found

    def _digest(self, definition: Definition) -> str:
        name, defined = definition
        return _hash(list(map(_essence, self.module(name).definitions[defined])))

    def _used(self, module: Module, name: str, node: ast.AST) -> Iterator[Definition]:
        """Definitions that a piece of code of a module names."""
        for each in ast.walk(_normalised(node)):
            if isinstance(each, ast.Name) and each.id in module.definitions:
                yield name, each.id
            elif isinstance(each, ast.Name) and each.id in module.imported:
                yield from self._there(module.imported[each.id])
            elif isinstance(each, ast.Attribute) and (dotted := _dotted(each)):
                first, *rest = dotted
                if first in module.imported:
                    for there in self._there(module.imported[first]):
                        yield from self._inside(there, rest)

    def _there(self, imported: Definition) -> Iterator[Definition]:
        """Resolve an imported name: to a definition, or a module (with an empty name)."""
        name, defined = imported
        submodule = f"{name}.{defined}" if defined else name
        yield (submodule, "") if self.module(submodule) is not None else (name, defined)

    def _inside(self, there: Definition, rest: list[str]) -> Iterator[Definition]:
        """The definition that `module.x`, `package.module.x` and so on mean."""
        name, defined = there
        if defined or not rest:
            return
        if self.module(f"{name}.{rest[0]}") is not None:
            yield from self._inside((f"{name}.{rest[0]}", ""), rest[1:])
        else:
            yield name, rest[0]

    def _module(self, name: str) -> Module | None:
        path = name.replace(".", "/")
        files = [
            folder / end for folder in self.folders for end in (f"{path}.py", f"{path}/__init__.py")
        ]
        file = next(filter(Path.is_file, files), None)
        return file and _described(_parse(file))


def is_excluded(module: str) -> bool:
    """Return whether a module, or a package that it is in, does not change results."""
    return any(f"{module}.".startswith(f"{excluded}.") for excluded in EXCLUDED)


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _described(tree: ast.Module) -> Module:
    module = Module()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module.imported[alias.asname or alias.name] = (node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                here = alias.asname or alias.name.partition(".")[0]
                module.imported[here] = (alias.name if alias.asname else here, "")
    for statement in tree.body:
        for name in _bound(statement):
            module.definitions.setdefault(name, []).append(statement)
    return module


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _dotted(node: ast.expr) -> list[str]:
    """The names of `a.b.c`; empty if it does not begin with a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    before = _dotted(node.value) if isinstance(node, ast.Attribute) else []
    return [*before, node.attr] if before else []


def _normalised(node: ast.AST) -> ast.AST:
    """A copy without what no result depends on."""
    return _Normalised().visit(ast.parse(ast.unparse(node)))


class _Normalised(ast.NodeTransformer):
    """Leaves out what no result depends on."""

    def visit(self, node: ast.AST) -> Any:
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [each for each in body if not _is_silent(each)]
            node.body = kept or [ast.Pass()]
        return super().visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant("")
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_cast = isinstance(node.func, ast.Name) and node.func.id == "cast"
        return node.args[1] if is_cast and len(node.args) == 2 else node


def _is_silent(node: ast.stmt) -> bool:
    """Return whether a statement is a docstring or an import."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom)


def _essence(node: ast.AST) -> Any:
    """A statement without what no result depends on, the same in all versions of Python."""
    return _plain(_normalised(node))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = [
        [name, _plain(each)]
        for name, each in ast.iter_fields(value)
        if each not in (None, []) and name not in ("ctx", "kind", "type_comment")
    ]
    return [type(value).__name__, *fields]


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def current() -> dict[str, Any]:
    """Version and digest of each rule as the code is, and the digests of what they are made of."""
    code = Code(REPO / "src")
    rules, definitions = {}, {}
    for task in TASKS:
        script = REPO / "scripts" / f"{SCRIPTS.get(task.rule, task.rule)}.py"
        found = code.reached(script, STARTED.get(task.rule, ()))
        # Without names: what is moved or renamed gives the same results.
        rules[task.rule] = {"version": task.version, "digest": _hash(sorted(found.values()))}
        for (module, name), digest in found.items():
            place = f"scripts/{script.name}" if module == "script" else f"{module}.{name}"
            definitions[place] = digest
    return {"rules": rules, "definitions": definitions}


def recorded() -> dict[str, Any]:
    """The same as it was recorded."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def problems(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, str]:
    """By rule what is wrong: code changed without a version, or a version that is not recorded."""
    old, found = before["rules"], {}
    for rule, entry in now["rules"].items():
        known = old.get(rule)
        if known is None or entry["version"] > known["version"]:
            found[rule] = (
                f"version {entry['version']} of {rule} is not recorded yet: run `{COMMAND}`."
            )
        elif entry["version"] < known["version"]:
            found[rule] = f"{rule} had version {known['version']}, which must not be lowered."
        elif entry["digest"] != known["digest"]:
            found[rule] = (
                f"the code behind the results of {rule} has changed. If the results change, raise "
                "its version in TASKS of alfvideo/planning/tasks.py: they are then regenerated "
                f"everywhere; and run `{COMMAND}`. If they stay the same, say why: `{COMMAND} "
                '--results-are-the-same "REASON"`.'
            )
    gone = old.keys() - now["rules"].keys()
    return found | {rule: f"{rule} is gone: run `{COMMAND}`." for rule in gone}


def changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Names of the definitions that are new, other or gone."""
    one, other = now["definitions"], before["definitions"]
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def update(now: Mapping[str, Any], before: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Select what is recorded: new tasks, and with a reason also those with the same results."""
    rules = {}
    for rule, entry in now["rules"].items():
        known = before["rules"].get(rule)
        if known is None or entry["version"] > known["version"]:
            rules[rule] = entry
        elif entry == {name: known[name] for name in entry}:
            rules[rule] = known
        elif entry["version"] == known["version"] and reason:
            rules[rule] = entry | {"same_results": reason}
        else:
            raise SystemExit(problems(now, before)[rule])
    return {"rules": rules, "definitions": now["definitions"]}


def main() -> None:
    """Record versions and digests."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results-are-the-same", metavar="REASON", default="")
    reason = parser.parse_args().results_are_the_same.strip()
    before = recorded() if RECORD.exists() else {"rules": {}, "definitions": {}}
    now = current()
    wrong = problems(now, before)
    content = update(now, before, reason)
    RECORD.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{RECORD.name}: recorded {', '.join(wrong) or 'nothing new'}", file=sys.stderr)


if __name__ == "__main__":
    main()
