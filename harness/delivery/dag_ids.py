"""Which DAGs a file defines, as far as its text alone tells; nothing of it is run."""

import ast
from collections.abc import Iterator
from functools import lru_cache


@lru_cache
def find_dag_ids(text: str) -> frozenset[str]:
    """Return the ids of the DAGs that the module surely defines when it is imported.

    These are `DAG("id")` and called functions decorated with `@dag`, outside of functions, classes and branches. A
    helper module has none, and DAGs whose ids are computed are not found.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return frozenset()
    decorated: dict[str, str] = {}
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            dag_id = _decorated_id(statement)
            if dag_id:
                decorated[statement.name] = dag_id
            continue
        for call in _calls(statement):
            if isinstance(call.func, ast.Name) and call.func.id in decorated:
                found.add(decorated[call.func.id])
            elif _last_name(call.func) == "DAG":
                found |= set(filter(None, [_given_id(call)]))
    return frozenset(found)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    if isinstance(statement, ast.With):
        yield from (item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call))
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and isinstance(statement.value, ast.Call):
        yield statement.value


def _decorated_id(function: ast.FunctionDef) -> str:
    for decorator in function.decorator_list:
        if _last_name(decorator) == "dag":
            return function.name
        if isinstance(decorator, ast.Call) and _last_name(decorator.func) == "dag":
            if decorator.args or any(keyword.arg in ("dag_id", None) for keyword in decorator.keywords):
                return _given_id(decorator)
            return function.name
    return ""


def _given_id(call: ast.Call) -> str:
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "dag_id")]
    for node in given:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
    return ""


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
