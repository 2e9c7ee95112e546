"""Every sentence that preflight says it saw, read off its code: the templates that the Chinese of findings translates.

A small reader follows the statements of each function and keeps, for every variable, the texts it may hold. What is
no text of ours (a file's name, a number, words of a library) becomes a blank: named after the variable, or by a letter.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement, product
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

from tests.serving import ROOT

__all__ = ["shape", "sentences"]

_EVALUATORS = ROOT / "evaluators"
# Preflight, and what says why a folder is not opened at all, which is a finding too.
SOURCES = [
    *(_EVALUATORS / "preflight").rglob("*.py"), *(_EVALUATORS / "model_files").glob("*.py"),
    _EVALUATORS / "trust" / "settings.py", _EVALUATORS / "trust" / "vetting.py",
]  # fmt: skip
# What is given the whole sentence, and as which of its arguments.
SAYS = {"finding": 1, "catalogued": 1, "Fault": 2, "UnfitFileError": 1}


class Blank(NamedTuple):
    """What is filled in when the sentence is made; `name` is empty where the code has an expression there."""

    name: str


Pieces = tuple[str | Blank, ...]
Env = dict[str, list[Pieces]]
# Functions that are handed a sentence or a part of one: the place of that argument and the parameter it becomes.
INDIRECT = {
    "weights.py": {"_of_tensors": (1, "seen")}, "module_settings.py": {"_refused": (0, "seen")},
    "positions.py": {"_too_short": (0, "seen")}, "settings.py": {"_fault": (2, "what")},
    "sizes.py": {"_fault": (1, "what")}, "*": {"reported": (1, "what")},
}  # fmt: skip


def _of_tensors_apart() -> Iterator[str]:
    parts = "lacks {key}", "has {key}, for which {file} leaves no place", "holds {key} as {a}, {file} says {b}"
    for count in (1, 2):
        yield from ("; it ".join(chosen) for chosen in combinations_with_replacement(parts, count))
    yield "; it ".join([parts[0]] * 2 + [parts[1]] * 2)  # two tensors under other names


# Texts that reach a sentence by a way the reader does not follow, by file and expression. A name in capitals is a table
# of the same file, whose sentences are taken from there.
_STEP = ("{kind} in {path}", "{kind}")  # str() of a step
BY_HAND: dict[tuple[str, str], tuple[str, ...]] = {
    # pairs of a code and words, gone through in a loop
    ("siblings.py", "words"): ("_RULES",),
    ("tensor_values.py", "words"): ("_ALONE",),
    # an attribute, set where a form is made
    ("*", "form.name"): ("{form}", "the loaded {tokenizer}"),
    # objects with words of their own
    ("pipeline.py", "step"): _STEP, ("pipeline.py", "before"): _STEP, ("pipeline.py", "steps[0]"): _STEP,
    ("pipeline.py", "undone[-1]"): _STEP, ("widths.py", "step"): _STEP, ("module_tensors.py", "step"): _STEP,
    ("missing_files.py", "step"): _STEP,
    ("pipeline.py", "' and '.join(map(str, poolings))"): (
        "{kind} in {path} and {kind} in {path}", "{a} and {b}", "{a} and {b} and {c}",
    ),
    # the commonest file by its name, since "config.json says" begins other texts
    ("config_numbers.py", "f'{file} says {odd[0]} is {settings[odd[0]]}'"): (
        "{file} says {name} is {number}", "config.json says {name} is {number}",
    ),
    ("missing_files.py", "' and '.join(lost)"): ("{a}", "{a} and {b}", "all"),
    # lists of up to three names
    ("misplaced_matrices.py", "' or '.join(turned[:3])"): ("{a}", "{a} or {b}", "{a} or {b} or {c}"),
    ("tensor_values.py", "' and '.join(copies[0][:3])"): ("{a} and {b}", "{a} and {b} and {c}"),
    ("pipeline.py", "' and no '.join(lost)"): ("{a}", "{a} and no {b}", "{a} and no {b} and no {c}"),
    # what `load_model` of loading.py raises
    ("weights.py", "error.what"): ("The weights cannot be loaded", "The model cannot be loaded without its own code"),
    # what `header` of weight_files.py raises, as `broken_safetensors` says it
    ("files.py", "error"): (
        "shorter than its header", "its header is cut short",
        "its header has {length} bytes, more than the format allows",
        "its header does not say where {name} lies", "its header is not JSON", "its header is not an object",
    ),
    # what `listing.py` raises
    ("vetting.py", "error.what"): ("The folder holds more than {most} files", "Its folders are nested too deep"),
    # the sentence of another finding, of `_no_transformer`
    ("kinds.py", "f'{notice.seen}, and {lost} is there'"): (
        "The model is an adapter, whose weights are added to those of {base}, "
        "and no adapter_model.safetensors is there",
        "The model is an adapter, whose weights are added to those of another model, "
        "and no adapter_model.safetensors is there",
        "The model is a {reader} model of sentence-transformers, which has no transformer, "
        "and no file of weights is there",
        "The model is a model of OpenCLIP, and no file of weights is there",
        "The model is of the type {kind}, which transformers does not know, and no file of weights is there",
    ),
    # `malformed` of setting_types.py yields them in pairs; the rule's words stand in a table
    ("files.py", "fault"): (
        "it is not a list of objects", "it holds {held}, not an object", "{key} is {held}, not a text",
        "{key} is {held}, not a whole number", "{key} is {held}, not a number",
        "{key} is {held}, not an object of texts",
        "{key} is {held}, not an object of class names",
        "{key} is {held}, not an object of class names, or a list of them",
        "{key} is {held}, not a text or a list of texts",
    ),
    # a table of kinds, of which a generator takes the first
    ("reading.py", "kind"): ("a folder", "a pipe", "a socket", "a device", "no regular file"),
    # lists of parts, joined: as many as are common
    ("module_settings.py", "' and '.join(words)"): (
        "lacks {lost}", "has the unknown {odd}", "lacks {lost} and has the unknown {odd}",
    ),
    ("module_tensors.py", "'; it '.join(words)"): tuple(_of_tensors_apart()),
    ("model_card.py", "'; '.join(words)"): tuple(
        "; ".join(["{key} is {ours} in {file} and {theirs} in the card"] * times) for times in (1, 2)
    ),
    ("tokenizer.py", "', '.join(apart)"): tuple(
        ", ".join(["{name} is {one} in the file and {other} loaded"] * times) for times in (1, 2, 3)
    ),
    ("special_tokens.py", "', '.join((f'{name} is {token}' for name, token in wrong.items()))"): tuple(
        f"{name}_token is {{token}}{more}"
        for name in ("cls", "bos", "sep", "eos", "mask", "unk", "pad") for more in ("", ", {other} is {mark}")
    ),
    ("special_tokens.py", "', '.join((f'{name} is the id of {token!r}' for name, token in wrong.items()))"): tuple(
        ", ".join(["{name} is the id of {token}"] * times) for times in (1, 2)
    ),
}  # fmt: skip
# What the reader makes of two conditions that go together in the code.
IMPOSSIBLE = re.compile(r"^all |nothing can be is|read loaded instead|\{instead\} loaded|^\{a\} tensor .* more$")


@cache
def sentences() -> dict[str, set[str]]:
    """The sentences by template, and the files that say them; of those that differ in names of blanks only, one."""
    readers = [Reader(path) for path in sorted(SOURCES)]
    counted = Counter(name for reader in readers for name in reader.functions)
    shared = {name: made for reader in readers for name, made in reader.functions.items() if counted[name] == 1}
    given: Env = defaultdict(list)
    for reader in readers:
        reader.imported = shared
        reader.read({})
        for name, options in reader.handed.items():
            given[name if name in INDIRECT["*"] else f"{reader.file}:{name}"] += options
    by_template: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for reader in readers:
        reader.read(given)
        for text in map(template, reader.seen):
            if has_words(text) and not IMPOSSIBLE.search(text):
                by_template.setdefault(names.setdefault(shape(text), text), set()).add(reader.file)
    return by_template


def shape(text: str) -> str:
    """A template without the names of its blanks."""
    return re.sub(r"\{\w+\}", "{}", text)


def has_words(text: str) -> bool:
    """Whether a template has words of ours: what has none is a library's, or said by another of these sentences."""
    return bool(re.search(r"[A-Za-z]{2}", shape(text)))


def template(pieces: Pieces) -> str:
    """The sentence with named blanks, each name once."""
    names: set[str] = set()
    letters = iter(ascii_lowercase)
    taken = {piece.name for piece in pieces if isinstance(piece, Blank)}
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece.replace("{", "{{").replace("}", "}}")
            continue
        fresh = piece.name and piece.name not in names
        name = piece.name if fresh else next(one for one in letters if one not in taken)
        names.add(name)
        text += f"{{{name}}}"
    return text


def as_pieces(text: str) -> Pieces:
    """The pieces of a template."""
    parts = re.split(r"\{(\w*)\}", text)
    return tuple(Blank(part) if at % 2 else part for at, part in enumerate(parts) if at % 2 or part)


def is_worded(pieces: Pieces) -> bool:
    """Whether there is more than a name in it: a sentence, or a part of one."""
    literal = "\0".join(piece for piece in pieces if isinstance(piece, str))
    return literal == "The" or (bool(re.search(r"[A-Za-z]", literal)) and " " in literal)


class Reader:
    """What one file says.

    Attributes:
        file: its name.
        functions: the functions of the file, by name.
        imported: the functions of all files that are named once.
        seen: the sentences given to `finding`.
        handed: the texts given to the functions of `INDIRECT`.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.name
        self.tree = ast.parse(path.read_text("utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.imported: dict[str, ast.FunctionDef] = {}
        self.seen: list[Pieces] = []
        self.handed: Env = defaultdict(list)
        self.returned: list[list[Pieces]] = []
        self.quiet = False
        self.indirect = INDIRECT["*"] | INDIRECT.get(self.file, {})
        self.inside: list[ast.FunctionDef] = []

    def read(self, given: Env) -> None:
        """Go through all functions; `given` holds the texts that those of `INDIRECT` are called with."""
        self.seen, self.handed = [], defaultdict(list)
        for name, function in self.functions.items():
            env: Env = {}
            if name in self.indirect:
                options = given.get(name, []) + given.get(f"{self.file}:{name}", [])
                env = {self.indirect[name][1]: options} if options else {}
            self.run(function.body, env)

    def run(self, statements: list[ast.stmt], env: Env) -> Env | None:
        """The texts of the variables after the statements; None where these do not come to their end."""
        for statement in statements:
            for part in heads(statement):
                self.look(part, env)
            if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
                if isinstance(statement, ast.Return) and statement.value is not None:
                    self.returned.append(self.options(statement.value, env))
                return None
            if isinstance(statement, ast.Assign):
                self.assign(statement.targets[0], statement.value, env)
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
                if name in env:
                    more = self.options(statement.value, env)
                    env[name] = [one + other for one, other in product(env[name], more)]
            elif isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
                calls = [node for node in ast.walk(statement.iter) if isinstance(node, ast.Call)]
                made = [pieces for call in calls for pieces in self.called(call, env) if is_worded(pieces)]
                self.run(statement.body, env | ({statement.target.id: made} if made else {}))
            elif not isinstance(statement, ast.FunctionDef) and (branches := list(bodies(statement))):
                ends = [self.run(body, dict(env)) for body in branches]
                if all(end is None for end in ends):
                    return None
                env = merged([end for end in ends if end is not None])
        return env

    def assign(self, target: ast.expr, value: ast.expr, env: Env) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
            ends: list[Env] = [dict(env), dict(env)]
            self.assign(target, value.body, ends[0])
            self.assign(target, value.orelse, ends[1])
            env |= merged(ends)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, of_it in zip(target.elts, value.elts, strict=False):
                self.assign(one, of_it, env)
        elif isinstance(target, ast.Name):
            options = self.options(value, env)
            worded = [pieces for pieces in options if is_worded(pieces)]
            env.pop(target.id, None)
            if worded:
                rest = [(Blank(target.id),)] if any(p and not is_worded(p) for p in options) else []
                env[target.id] = worded + rest + [()] * (() in options)

    def look(self, expression: ast.AST, env: Env) -> None:
        """Note what is said in an expression."""
        for node in ast.walk(expression):
            if isinstance(node, ast.NamedExpr):
                self.assign(node.target, node.value, env)
            elif isinstance(node, ast.Yield) and node.value is not None:
                self.returned.append(self.options(node.value, env))
        if self.quiet:
            return
        for node in ast.walk(expression):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            at = SAYS.get(node.func.id)
            if at is not None and len(node.args) > at:
                self.seen += self.options(node.args[at], env)
            elif node.func.id in self.indirect:
                self.handed[node.func.id] += self.options(node.args[self.indirect[node.func.id][0]], env)

    def options(self, node: ast.expr, env: Env) -> list[Pieces]:
        """Each text that an expression may be."""
        if isinstance(node, ast.Name) and node.id in env:
            return env[node.id]
        written = ast.unparse(node)
        if texts := BY_HAND.get((self.file, written)) or BY_HAND.get(("*", written)):
            return list(self.by_hand(texts))
        match node:
            case ast.Constant(value=str(text)):
                return [(text,)] if text else [()]
            case ast.Constant(value=None):
                return []
            case ast.JoinedStr():
                parts = [self.options(part, env) or [(Blank(""),)] for part in node.values]
                return [sum(chosen, ()) for chosen in product(*parts)]
            case ast.FormattedValue():
                return self.options(node.value, env)
            case ast.IfExp():
                return self.options(node.body, env) + self.options(node.orelse, env)
            case ast.BoolOp(op=ast.Or()):
                return [option for value in node.values for option in self.options(value, env)]
            case ast.BinOp(op=ast.Add()):
                pairs = product(self.options(node.left, env), self.options(node.right, env))
                made = [one + other for one, other in pairs]
                return made if any(map(is_worded, made)) else [(Blank(""),)]  # it may be a sum of numbers
            case ast.Name():
                return [(Blank(node.id),)]
            case ast.Call():
                return self.called(node, env)
        return [(Blank(""),)]

    def called(self, node: ast.Call, env: Env) -> list[Pieces]:
        match node.func:
            case ast.Name(id="str"):
                return self.options(node.args[0], env)
            case ast.Name(id=name) if function := self.functions.get(name) or self.imported.get(name):
                return self.made_by(function) or [(Blank(""),)]
            case ast.Attribute(attr="format", value=text):
                return [sum(map(opened, pieces), ()) for pieces in self.options(text, env)]
            case ast.Attribute(attr="join", value=ast.Constant(value=str(between))) if re.search("[a-z]", between):
                return [(Blank(""),), (Blank(""), between, Blank(""))]
        return [(Blank(""),)]

    def made_by(self, function: ast.FunctionDef) -> list[Pieces]:
        """The texts that a function returns; empty where it returns no words."""
        if function in self.inside or function.returns is None or "str" not in ast.unparse(function.returns):
            return []
        self.inside.append(function)
        outer, self.returned, self.quiet = (self.returned, self.quiet), [], True
        self.run(function.body, {})
        made = [pieces for options in self.returned for pieces in options]
        self.returned, self.quiet = outer
        self.inside.pop()
        plain = [tuple(Blank("") if isinstance(p, Blank) else p for p in pieces) for pieces in made]
        return list(dict.fromkeys(plain)) if any(map(is_worded, plain)) else []

    def by_hand(self, texts: tuple[str, ...]) -> Iterator[Pieces]:
        for text in texts:
            if not re.fullmatch("_[A-Z]+", text):
                yield as_pieces(text)
                continue
            table = next(node.value for node in self.tree.body
                         if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == text)  # fmt: skip
            for entry in table.values if isinstance(table, ast.Dict) else ():
                yield from (self.options(one, {})[0] for one in entry.elts
                            if isinstance(one, ast.Constant) and one.value)  # fmt: skip


def opened(piece: str | Blank) -> Pieces:
    """A piece whose own blank, `{}`, `format` fills."""
    return as_pieces(piece) if isinstance(piece, str) else (piece,)


def heads(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement that are not those of the statements in it."""
    for _, value in ast.iter_fields(statement):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.expr | ast.withitem):
                yield one


def bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The ways through a statement that has others in it."""
    match statement:
        case ast.If():
            yield statement.body
            yield statement.orelse
        case ast.For() | ast.While():
            yield statement.body
            yield []
        case ast.With():
            yield statement.body
        case ast.Try():
            yield [*statement.body, *statement.orelse]
            yield from (handler.body for handler in statement.handlers)
        case ast.Match():
            yield from (case.body for case in statement.cases)


def merged(ends: list[Env]) -> Env:
    """What the variables may hold after either of the ways."""
    env: Env = {}
    for name in {name for end in ends for name in end}:
        options = [pieces for end in ends for pieces in end.get(name, [(Blank(name),)])]
        env[name] = list(dict.fromkeys(options))
    return env
