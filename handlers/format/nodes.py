"""The template's syntax nodes as Go names them in errors: their text and their position."""

from gotpl.parse import nodes as ast

from handlers.format.values import Value

MISSING = object()
"""No argument came through the pipeline."""


def text(node: object) -> str:  # noqa: C901, PLR0911, PLR0912 - a case for each node
    """The node as Go writes it back."""
    match node:
        case ast.DotNode():
            return "."
        case ast.NilNode():
            return "nil"
        case ast.BoolNode():
            return "true" if node.value else "false"
        case ast.NumberNode() | ast.ComplexNode():
            return node.text
        case ast.StringNode() | ast.CharacterNode():
            return node.quoted
        case ast.IdentifierNode():
            return node.name
        case ast.FieldNode():
            return _dotted(node.fields)
        case ast.VariableNode():
            return node.name + _dotted(node.fields)
        case ast.ParenthesizedNode():
            inner = text(node.pipeline)
            return f"({inner}){_dotted(node.fields)}" if node.fields else inner
        case ast.CommandNode():
            return " ".join(_argument(argument) for argument in node.arguments)
        case ast.PipeNode():
            names = ", ".join(declared.name for declared in node.declarations)
            sign = " = " if node.is_assignment else " := "
            return (names + sign if names else "") + " | ".join(map(text, node.commands))
        case ast.ActionNode():
            return f"{{{{{text(node.pipeline)}}}}}"
        case ast.TemplateCallNode() | ast.BlockNode():
            argument = "" if node.pipeline is None else f" {text(node.pipeline)}"
            return f'{{{{template "{node.name}"{argument}}}}}'
        case _:
            return ""


def position(node: object, source: bytes) -> int:
    """The byte offset Go gives the node: a chain of fields starts at its second element."""
    match node:
        case ast.FieldNode() if len(node.fields) > 1:
            return node.start + 1 + len(node.fields[0].encode())
        case ast.VariableNode() if node.fields:
            return node.start + len(node.name.encode())
        case ast.ParenthesizedNode() if node.fields:
            return node.end - len(_dotted(node.fields).encode())
        case ast.ParenthesizedNode() | ast.ActionNode():
            return node.pipeline.start
        case ast.TemplateCallNode() | ast.BlockNode():
            return min(at for at in map(source[node.start :].find, (b'"', b"`")) if at >= 0) + node.start
        case _:
            start: int = getattr(node, "start", 0)
            return start


def fields(node: object) -> tuple[str, ...] | None:
    """The chain of fields that follows a term's head; None for a term that has none."""
    match node:
        case ast.FieldNode() | ast.VariableNode() | ast.ParenthesizedNode():
            return node.fields or None
        case _:
            return None


def is_literal(node: object) -> bool:
    """Whether the node is a number, text or truth value."""
    return isinstance(
        node, ast.NumberNode | ast.ComplexNode | ast.CharacterNode | ast.StringNode | ast.BoolNode
    )


def constant(node: object) -> Value:
    """The value of a literal; an imaginary one shows as its text."""
    match node:
        case ast.BoolNode() | ast.StringNode():
            return node.value
        case ast.CharacterNode():
            return ord(node.value)
        case ast.NumberNode():
            return number(node.text)
        case _:
            return text(node)


def number(literal: str) -> int | float | str:
    """A Go number literal; an imaginary one shows as its text."""
    digits = literal.replace("_", "").lower()
    unsigned = digits.lstrip("+-")
    if unsigned.endswith("i") and not unsigned.startswith("0x"):
        return literal
    if unsigned.startswith("0x") and "p" in unsigned:
        return float.fromhex(digits)
    if not unsigned.startswith("0x") and any(mark in unsigned for mark in ".ep"):
        return float(digits)
    if unsigned.isdigit() and unsigned.startswith("0"):
        return int(digits, 8)
    return int(digits, 0)


def _argument(node: ast.TermNode) -> str:
    if isinstance(node, ast.ParenthesizedNode) and not node.fields:
        return f"({text(node)})"
    return text(node)


def _dotted(names: tuple[str, ...]) -> str:
    return "".join(f".{name}" for name in names)
