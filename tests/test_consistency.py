"""What holds across the whole code: who imports whom, who may change a status, what every module and model has."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models

from exchange import states, states_document
from exchange.announcements import ANNOUNCEMENTS, SILENT, UNCHANGED, Who
from exchange.rules import RULES
from exchange.states import TABLES
from exchange.telling import PARTS

ROOT = Path(settings.BASE_DIR)
# From the ground up: an app imports the ones before it, never one after it.
APPS = ("evidence", "registry", "exchange", "ndc_portal")
# Inside an app, from the ground up. What is not named here may be imported by anything above the models.
LAYERS = (
    {"choices", "states", "refusals", "errors", "scope", "names", "fields"},
    {"models"},
    {"services", "workflow", "rules", "fulfilment", "permissions"},
    {"admin", "views", "api", "tasks", "management", "forms", "urls"},
)


def modules(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


SOURCES = modules(*APPS)
ALL = pytest.mark.parametrize("path", SOURCES, ids=name_of)


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a module imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


@ALL
def test_imports_run_down_the_apps(path):
    app = path.relative_to(ROOT).parts[0]
    above = APPS[APPS.index(app) + 1 :]
    # Settings are asked through django.conf by everybody.
    assert {name for name in imported(path) if name.split(".")[0] in above} == set()


@ALL
def test_imports_run_down_the_layers_of_an_app(path):
    app, *parts = path.relative_to(ROOT).with_suffix("").parts
    level = _level(parts[0])
    if level is None:
        return
    above = set().union(*LAYERS[level + 1 :])
    wrong = {name for name in imported(path) if name.split(".")[0] == app and len(name.split(".")) > 1}
    assert {name for name in wrong if name.split(".")[1] in above} == set()


def _level(part: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if part in layer), None)


@ALL
def test_object_permissions_are_read_and_written_in_one_place_each(path):
    if name_of(path) in ("registry/permissions.py", "registry/services/access.py"):
        return
    assert {name for name in imported(path) if name.split(".")[0] == "guardian"} == set()


@ALL
def test_module_says_what_it_holds(path):
    tree = ast.parse(path.read_text("utf-8"))
    if tree.body and path.name not in ("__init__.py", "apps.py"):
        assert ast.get_docstring(tree)


@ALL
def test_names_of_modules_say_something(path):
    assert path.stem not in ("utils", "helpers", "common", "misc")


STATUS_MODELS = {"ExchangeRequest", "Agreement", "Delivery"}


@ALL
def test_only_the_workflow_changes_a_status(path):
    if name_of(path) == "exchange/workflow.py" or path.relative_to(ROOT).parts[0] != "exchange":
        return
    assert list(_status_changes(ast.parse(path.read_text("utf-8")))) == []


def _status_changes(tree: ast.AST):
    """Lines that assign `.status` or write the column through a queryset or a constructor of one of the three models."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        parts = [part for target in targets if target for part in ast.walk(target)]
        # An exception's own status is that of HTTP.
        names = [
            p.value.id
            for p in parts
            if isinstance(p, ast.Attribute) and p.attr == "status" and isinstance(p.value, ast.Name)
        ]
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and set(names) - {"refusal", "response"}:
            yield node.lineno
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            writes = called in ("update", "create", "update_or_create", "bulk_update") or called in STATUS_MODELS
            if writes and any(keyword.arg == "status" for keyword in node.keywords):
                yield node.lineno
            if called == "setattr" and len(node.args) > 1 and getattr(node.args[1], "value", "") == "status":
                yield node.lineno


def test_status_check_sees_what_it_looks_for():
    wrong = (
        "request.status = x\nExchangeRequest.objects.update(status=x)\nDelivery(status=x)\nsetattr(d, 'status', x)\n"
    )
    assert list(_status_changes(ast.parse(wrong))) == [1, 2, 3, 4]


def test_no_migration_is_missing(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


OURS = [model for app in ("evidence", "registry", "exchange") for model in apps.get_app_config(app).get_models()]
EVERY_MODEL = pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)


@EVERY_MODEL
def test_model_says_what_a_row_means(model):
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")


@EVERY_MODEL
def test_every_pair_of_who_and_when_is_held_together(model):
    """A nullable `<thing>_at` with a nullable `<thing>_by` needs a constraint: both or none."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    for name, field in fields.items():
        if not name.endswith("_at") or not field.null:
            continue
        by = fields.get(f"{name[:-3]}_by")
        if by is not None and by.null:
            assert any(_pairs(constraint, name, by.name) for constraint in model._meta.constraints), name


def _pairs(constraint, *names: str) -> bool:
    if not isinstance(constraint, models.CheckConstraint) or not constraint.name.endswith("_paired"):
        return False
    found = {part[0].removesuffix("__isnull") for part in _leaves(constraint.condition)}
    return set(names) <= found


def _leaves(condition: models.Q):
    for child in condition.children:
        if isinstance(child, models.Q):
            yield from _leaves(child)
        else:
            yield child


@EVERY_MODEL
def test_constraint_names_begin_with_app_and_model(model):
    start = f"{model._meta.app_label}_{model._meta.model_name}_"
    assert [c.name for c in model._meta.constraints if not c.name.startswith(start)] == []


@EVERY_MODEL
def test_nothing_that_can_be_evidence_is_deleted_with_something_else(model):
    cascading = [
        f.name for f in model._meta.concrete_fields if f.is_relation and f.remote_field.on_delete is models.CASCADE
    ]
    assert not cascading or model.__name__ in {"PolicyField", "SchemaSnapshot", "SearchDocument"}


def test_every_rule_of_the_tables_exists_and_is_explained():
    named = {rule for table in TABLES for move in table.moves.values() for rule in move.rules}
    assert named == set(RULES) == set(states_document.RULES)


def test_every_move_is_told_or_silent_for_a_reason():
    moves = {
        (table.name, name, target)
        for table in TABLES
        for name, move in table.moves.items()
        for target in move.targets or [UNCHANGED]
    }
    assert moves == ANNOUNCEMENTS.keys() | SILENT
    assert not ANNOUNCEMENTS.keys() & SILENT
    assert PARTS.keys() == set(Who)


def test_states_document_is_up_to_date():
    call_command("write_states", check=True)


def test_states_document_shows_every_move():
    text = states_document.document()
    for table in TABLES:
        for name in table.moves:
            assert f"(`{name}`)" in text
    assert set(states.RequestStatus.values) <= set(re.findall(r"[a-z-]+", text))


# Found by name by Django or a package, not by our code.
FOUND_BY_NAME = {"400.html", "403.html", "403_csrf.html", "404.html", "500.html", "registration/login.html"}


def test_no_template_is_unused():
    folders = [ROOT / "templates", *(ROOT / app / "templates" for app in APPS)]
    templates = {str(path.relative_to(folder)): path for folder in folders for path in folder.rglob("*.html")}
    written = "\n".join(path.read_text("utf-8") for path in [*SOURCES, *templates.values()])
    # The pages of a series are named by their number: f"…step{number}.html".
    series = {name: re.sub(r"\d+\.html\Z", "{", name) for name in templates}
    unused = {
        name
        for name in templates
        if f'"{name}"' not in written
        and f"'{name}'" not in written
        and (series[name] == name or f'"{series[name]}' not in written)
    }
    assert {name for name in unused - FOUND_BY_NAME if not name.startswith("admin/")} == set()
