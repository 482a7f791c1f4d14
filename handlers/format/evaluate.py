"""Executes a parsed template on Go-like values, with Go's rules, sentences and columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gotpl.parse import nodes as ast

from handlers.format import nodes
from handlers.format.budget import DEPTH, Budget, refused
from handlers.format.functions import Function, FunctionError, Table, truth
from handlers.format.values import INVALID, Invalid, Pointer, Struct, StructType, Value, View, show, type_name

LITERALS = {"int": "integer"}


class TemplateError(Exception):
    """The template is wrong for its data; the text is Go's sentence."""


class _Break(Exception):  # noqa: N818 - control flow, as StopIteration
    pass


class _Continue(Exception):  # noqa: N818 - control flow, as StopIteration
    pass


class Scope:
    """Variables of a block: declarations end with it, assignments reach the block that declared."""

    def __init__(self, values: dict[str, Value], outer: "Scope | None" = None) -> None:
        self.values = values
        self.outer = outer

    def owner(self, name: str) -> dict[str, Value]:
        """The innermost variables that hold the name; the parser has checked that there are some."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.outer
        return self.values if scope is None else scope.values

    def bind(self, name: str, value: Value, *, assign: bool) -> None:
        """Declares a variable, or assigns to one that is there."""
        (self.owner(name) if assign else self.values)[name] = value


@dataclass(frozen=True, slots=True)
class Call:
    """Where a name stands: the node, what it is given (itself first), what the pipeline hands it."""

    dot: Value
    scope: Scope
    node: ast.TermNode | ast.CommandNode
    arguments: Sequence[ast.TermNode] = ()
    final: Value = nodes.MISSING

    @property
    def piped(self) -> bool:
        """Whether a value comes through the pipeline."""
        return self.final is not nodes.MISSING

    @property
    def given(self) -> int:
        """How many arguments there are."""
        return max(len(self.arguments) - 1, 0) + self.piped

    def bare(self) -> "Call":
        """The same place without arguments."""
        return replace(self, arguments=(), final=nodes.MISSING)


class Evaluation:
    """One execution; ``output`` collects the text.

    ``node`` is where errors point to, moved exactly as Go's executor moves it.
    """

    def __init__(
        self,
        source: str,
        name: str,
        definitions: dict[str, ast.ListNode],
        budget: Budget,
        table: Table,
        *,
        missing_key_fails: bool,
    ) -> None:
        self.source = source.encode()
        self.parse_name = name
        self.definitions = definitions
        self.budget = budget
        self.table = table
        self.missing_key_fails = missing_key_fails
        self.output: list[str] = []
        self.node: object = None
        self.depth = 0
        self.name = name

    def error(self, message: str) -> TemplateError:
        """The error at the current node."""
        before = self.source[: nodes.position(self.node, self.source)]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1)
        where = nodes.text(self.node)
        return TemplateError(
            f'template: {self.parse_name}:{line}:{column}: executing "{self.name}" at <{where}>: {message}'
        )

    def write(self, text: str) -> None:
        """Appends output."""
        self.budget.spend(len(text))
        self.output.append(text)

    def walk(self, dot: Value, block: ast.ListNode, scope: Scope) -> None:
        """Executes a list of nodes; variables it declares end with it."""
        for node in block.nodes:
            self.budget.step()
            self.node = node
            match node:
                case ast.TextNode():
                    self.write(node.text)
                case ast.ActionNode():
                    value = self.pipeline(dot, node.pipeline, scope)
                    if not node.pipeline.declarations:
                        self.node = node
                        self.write("<no value>" if value is None else show(value))
                case ast.IfNode() | ast.WithNode():
                    self.branch(dot, node, scope)
                case ast.RangeNode():
                    self.loop(dot, node, scope)
                case ast.BreakNode():
                    raise _Break
                case ast.ContinueNode():
                    raise _Continue
                case ast.TemplateCallNode() | ast.BlockNode():
                    self.call_template(dot, node, scope)

    def branch(self, dot: Value, node: ast.IfNode | ast.WithNode, scope: Scope) -> None:
        """``if`` and ``with``."""
        inner = Scope({}, scope)
        value = self.pipeline(dot, node.pipeline, inner)
        chosen = node.body if truth(value) else node.else_body
        if chosen is None:
            return
        keeps_dot = isinstance(node, ast.IfNode) or chosen is not node.body
        self.walk(dot if keeps_dot else value, chosen, inner)

    def loop(self, dot: Value, node: ast.RangeNode, scope: Scope) -> None:
        """``range``, with ``else`` for nothing."""
        value = self.pipeline(dot, node.pipeline, scope, declare=False)
        names = [declared.name for declared in node.pipeline.declarations]
        ran = False
        for key, item in self.items(value, pairs=len(names) > 1):
            ran = True
            self.budget.step()
            inner = Scope({}, scope)
            values = {1: (item,), 2: (key, item)}.get(len(names), ())
            for name, bound in zip(names, values, strict=True):
                inner.bind(name, bound, assign=node.pipeline.is_assignment)
            try:
                self.walk(item, node.body, inner)
            except _Break:
                break
            except _Continue:
                continue
        if not ran and node.else_body is not None:
            self.walk(dot, node.else_body, Scope({}, scope))

    def items(self, value: Value, *, pairs: bool) -> Iterator[tuple[Value, Value]]:
        """Key and value of everything a range goes over."""
        if isinstance(value, Pointer):
            value = value.target
        match value:
            case None | Invalid():
                return iter(())
            case int() if not isinstance(value, bool):
                if pairs:
                    raise self.error(f"can't use {value} to iterate over more than one variable")
                return ((number, number) for number in range(value))
            case dict():
                return ((key, value[key]) for key in sorted(value))
            case list():
                return iter(enumerate(value))
            case _:
                raise self.error(f"range can't iterate over {show(value)}")

    def call_template(self, dot: Value, node: ast.TemplateCallNode | ast.BlockNode, scope: Scope) -> None:
        """``{{template "name" .}}`` and ``{{block}}``."""
        body = self.definitions.get(node.name)
        if body is None:
            raise self.error(f'template "{node.name}" not defined')
        if self.depth >= DEPTH:
            raise refused("is nested too deeply")
        value = None if node.pipeline is None else self.pipeline(dot, node.pipeline, scope)
        outer, self.name = self.name, node.name
        self.depth += 1
        self.walk(value, body, Scope({"$": value}))
        self.depth -= 1
        self.name = outer

    def pipeline(self, dot: Value, pipe: ast.PipeNode, scope: Scope, *, declare: bool = True) -> Value:
        """The value of a pipeline; its variables go into ``scope``."""
        self.node = pipe
        final: Value = nodes.MISSING
        for command in pipe.commands:
            final = self.command(dot, command, final, scope)
        if declare:
            for variable in pipe.declarations:
                scope.bind(variable.name, final, assign=pipe.is_assignment)
        return final

    def command(self, dot: Value, command: ast.CommandNode, final: Value, scope: Scope) -> Value:
        """One command of a pipeline; ``final`` is what the previous one gave."""
        self.budget.step()
        first = command.arguments[0]
        call = Call(dot, scope, first, command.arguments, final)
        self.node = first
        if isinstance(first, ast.IdentifierNode):
            return self.function(first.name, replace(call, node=command))
        if (names := nodes.fields(first)) is not None:
            return self.chain(self.head(call), names, call)
        if call.given:
            raise self.error(f"can't give argument to non-function {nodes.text(first)}")
        if isinstance(first, ast.NilNode):
            raise self.error("nil is not a command")
        return self.head(call)

    def head(self, call: Call) -> Value:
        """What a term begins with, before its fields."""
        node = call.node
        match node:
            case ast.ParenthesizedNode():
                return self.pipeline(call.dot, node.pipeline, call.scope, declare=False)
            case ast.DotNode() | ast.FieldNode():
                return call.dot
            case ast.VariableNode():
                return call.scope.owner(node.name)[node.name]
            case _:
                return nodes.constant(node)

    def chain(self, receiver: Value, names: Sequence[str], call: Call) -> Value:
        """``.A.B.C``; only the last may take arguments."""
        inner = isinstance(call.node, ast.FieldNode)
        for name in names[:-1]:
            receiver = self.field(receiver, name, call.bare(), inner=inner)
            inner = True
        return self.field(receiver, names[-1], call, inner=inner)

    def field(self, receiver: Value, name: str, call: Call, *, inner: bool) -> Value:
        """One field, map key or cell of a row; ``inner`` receivers were found inside something."""
        kind = type_name(receiver)
        match self.target(receiver, name):
            case Invalid():
                if self.missing_key_fails:
                    raise self.error(f'nil data; no entry for key "{name}"')
                return INVALID
            case None:
                raise self.error(f"nil pointer evaluating interface {{}}.{name}")
            case View() as row:
                return self.cell(row, name, call)
            case Struct() as record if name in record.values:
                if call.given:
                    raise self.error(f"{name} has arguments but cannot be invoked as function")
                return record.values[name]
            case dict() as mapping:
                if call.given:
                    raise self.error(f"{name} is not a method but has arguments")
                if name not in mapping and self.missing_key_fails:
                    raise self.error(f'map has no entry for key "{name}"')
                return mapping.get(name, INVALID)
            case _:
                # Whatever plain JSON holds is an interface to Go.
                shown = "interface {}" if inner and self.missing_key_fails else kind
                raise self.error(f"can't evaluate field {name} in type {shown}")

    def target(self, receiver: Value, name: str) -> Value:
        """What a pointer points to; anything else is itself."""
        if not isinstance(receiver, Pointer):
            return receiver
        element = receiver.type.element
        if receiver.target is None:
            if isinstance(element, StructType) and any(m.name == name for m in element.members):
                raise self.error(f"nil pointer evaluating {receiver.type.name}.{name}")
            raise self.error(f"can't evaluate field {name} in type {receiver.type.name}")
        return receiver.target

    def cell(self, row: View, name: str, call: Call) -> Value:
        """A cell of a row; ``Label`` takes the label's name."""
        if name == "Label" and row.label is not None:
            return self.invoke(Function("Label", ("string",), row.label), call)
        if name not in row.cells:
            if row.open:
                return INVALID
            raise self.error(f"can't evaluate field {name} in type {row.name}")
        if call.given:
            raise self.error(f"wrong number of args for {name}: want 0 got {call.given}")
        return row.cell(name)

    def function(self, name: str, call: Call) -> Value:
        """A function by name; ``and`` and ``or`` stop at the first decision."""
        if name not in ("and", "or"):
            return self.invoke(self.table[name], call)
        if not call.given:
            raise self.error(f"wrong number of args for {name}: want at least 1 got 0")
        value = call.final
        for operand in call.arguments[1:]:
            value = self.argument(operand, "any", call)
            if truth(value) is (name == "or"):
                return value
        return call.final if call.piped else value

    def invoke(self, function: Function, call: Call) -> Value:
        """Checks the number and types of the arguments, then calls."""
        operands = call.arguments[1:]
        fixed = len(function.parameters)
        if function.rest and call.given < fixed:
            raise self.error(
                f"wrong number of args for {function.name}: want at least {fixed} got {len(operands)}"
            )
        if not function.rest and call.given != fixed:
            raise self.error(f"wrong number of args for {function.name}: want {fixed} got {call.given}")
        values = [self.argument(operand, function.parameter(i), call) for i, operand in enumerate(operands)]
        if call.piped:
            values.append(self.checked(call.final, function.parameter(len(operands))))
        try:
            function.guard(self.budget, values)
            result = function.call(*values)
        except FunctionError as error:
            self.node = call.node
            raise self.error(f"error calling {function.name}: {error}") from None
        if isinstance(result, str | list):
            self.budget.spend(len(result))
        return result

    def argument(self, node: ast.TermNode, kind: str, outer: Call) -> Value:
        """One argument as the parameter's type."""
        self.budget.step()
        self.node = node
        call = Call(outer.dot, outer.scope, node)
        if isinstance(node, ast.IdentifierNode):
            return self.checked(self.function(node.name, call), kind)
        if isinstance(node, ast.NilNode):
            if kind != "any":
                raise self.error(f"cannot assign nil to {kind}")
            return None
        value = self.head(call)
        if names := nodes.fields(node):
            value = self.chain(value, names, call)
        elif nodes.is_literal(node) and kind not in ("any", type_name(value)):
            raise self.error(f"expected {LITERALS.get(kind, kind)}; found {nodes.text(node)}")
        return self.checked(value, kind)

    def checked(self, value: Value, kind: str) -> Value:
        """The value as a parameter of that type."""
        if kind == "any":
            return None if value is INVALID else value
        if value is INVALID or value is None:
            raise self.error(f"invalid value; expected {kind}")
        if isinstance(value, Pointer) and value.target is not None:
            value = value.target
        found = type_name(value)
        if found != kind:
            if self.missing_key_fails and found in ("int", "float64"):
                found = "json.Number"
            raise self.error(f"wrong type for value; expected {kind}; got {found}")
        return value
