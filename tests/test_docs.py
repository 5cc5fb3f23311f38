"""The documents say what the code does: settings, events, commands, links, versions."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema, parse, validate
from pydantic import SecretStr

from pybot import __version__
from pybot.config import MIB, setting_fields

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
EVENTS = ROOT / "docs" / "events.md"
RELIABILITY = ROOT / "docs" / "reliability.md"
CHANGELOG = ROOT / "CHANGELOG.md"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "manifests").rglob("*.md")]
)

# The keys and defaults that Pybot was founded with; they keep their meaning.
FOUNDING = {
    "LOG_LEVEL": "INFO",
    "REDIS_OM_URL": "redis://localhost:6379",
    "LLM__URL": "http://localhost:8080",
    "LLM__CREDS": "EMPTY",
    "LLM__MODEL": "cognitivecomputations/dolphincoder-starcoder2-15b",
    "LLM__EOS_TOKEN": "<|im_end|>",
    "JUPYTER__GATEWAY_URL": "http://localhost:8888",
    "JUPYTER__KERNEL_NAMESPACE": "None",
    "JUPYTER__SHARED_VOLUME_MOUNT_PATH": "/mnt/shared",
    "JUPYTER__SHARED_VOLUME_NFS_SERVER": "localhost",
    "JUPYTER__SHARED_VOLUME_NFS_PATH": "/data/pybot/shared",
    "USER_ID_HEADER": "X-Forwarded-User",
}
Row = tuple[str, str, str]


def shown(value: Any) -> str:
    """A default as the documents write it."""
    match value:
        case SecretStr():
            return shown(value.get_secret_value())
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return "`[]`"
        case int() if value >= MIB and value % MIB == 0:
            return f"`{value}` ({value // MIB} MiB)"
        case _:
            return f"`{value}`".replace("|", "\\|")


def settings() -> list[Row]:
    """The rows that the code asks for."""
    return [(key, shown(field.default), field.description or "") for key, field in setting_fields()]


def rows(document: Path) -> list[Row]:
    """The rows of a document's tables of settings."""
    found: list[Row] = []
    for line in document.read_text().splitlines():
        cells = re.split(r"(?<!\\)\|", line)
        if len(cells) == 3 and re.fullmatch(r"[A-Z][A-Z_]+", cells[0].strip()):
            found.append((cells[0].strip(), cells[1].strip(), cells[2].strip()))
    return found


def test_readme_has_the_founding_settings() -> None:
    """Keys and defaults of the first description of Pybot, with the code's own words."""
    founding = [row for row in settings() if row[0] in FOUNDING]
    assert sorted(rows(README)) == sorted(founding)
    assert {key: default.strip("`").replace("\\|", "|") for key, default, _ in founding} == FOUNDING


def test_configuration_lists_every_setting() -> None:
    """Key, default and description, each once."""
    assert sorted(rows(CONFIGURATION)) == sorted(settings())


def test_every_setting_has_a_description() -> None:
    assert [key for key, _, description in settings() if not description] == []


def operations() -> list[str]:
    """The GraphQL documents that the documents show."""
    texts = [document.read_text() for document in DOCUMENTS]
    return [
        block for text in texts for block in re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize("operation", operations(), ids=lambda text: text.split("(")[0])
def test_operations_are_valid(operation: str) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    assert validate(schema, parse(operation)) == []


@pytest.fixture(scope="module")
def event_types() -> dict[str, GraphQLObjectType]:
    """The types of events that the schema has."""
    schema = build_schema((ROOT / "schema.graphql").read_text())
    found: dict[str, GraphQLObjectType] = {}
    for name in ("ConversationEvent", "ViewerEvent"):
        interface = schema.type_map[name]
        assert isinstance(interface, GraphQLInterfaceType)
        found |= {kind.name: kind for kind in schema.get_possible_types(interface)}
    return found


def test_every_event_is_described(event_types: dict[str, GraphQLObjectType]) -> None:
    """Each has a heading in docs/events.md, and there is none for what is not there."""
    headings = re.findall(r"^### (\w+Event)$", EVENTS.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(event_types)


def test_fields_of_events_are_the_schemas(event_types: dict[str, GraphQLObjectType]) -> None:
    """The table below a heading has the event's own fields, with their types."""
    common = {"cursor", "occurredAt", "conversationId"}
    sections = re.split(r"^### ", EVENTS.read_text(), flags=re.MULTILINE)[1:]
    described = {
        section.split("\n", 1)[0]: dict(
            re.findall(r"^`(\w+)` \| `(.+?)` \|", section, re.MULTILINE)
        )
        for section in sections
    }
    for name, kind in event_types.items():
        own = {key: str(field.type) for key, field in kind.fields.items() if key not in common}
        assert described[name] == own, name


def test_commands_of_the_documents_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """`pybot NAME` and `make NAME`, wherever they are written as code."""
    from pybot.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    pybot = set(re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE))
    make = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"up", "serve", "schema", "doctor"} <= pybot
    for document in DOCUMENTS:
        code = "\n".join(code_of(document))
        # Not `kubectl -n pybot get`, where it is a namespace.
        assert set(re.findall(r"(?<!-n )\bpybot ([a-z]+)\b", code)) <= pybot, document
        assert set(re.findall(r"\bmake ([a-z][a-z-]*)\b", code)) <= make, document


def code_of(document: Path) -> list[str]:
    """What a document shows as commands: blocks of shell, and code within a line."""
    text = document.read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", prose)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Files of the repository, headings in them, and nothing else but pages of public projects."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, heading = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.is_relative_to(ROOT), target
        assert linked.exists(), target
        if heading:
            assert heading in headings_of(linked), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_exist(document: Path) -> None:
    """A path in code quotes is one of the repository."""
    named = re.compile(r"(?<![\w/.])(?:pybot|tests|docs|frontend|scripts)/[\w./-]+")
    for code in code_of(document):
        for path in named.findall(code):
            is_made = path.startswith(("pybot/web", "frontend/node_modules"))
            assert is_made or (ROOT / path).exists(), path


def test_promises_under_faults_have_tests() -> None:
    """Each row of docs/reliability.md names tests that are there."""
    lines = RELIABILITY.read_text().splitlines()
    promises = [line for line in lines if re.match(r"\| (?!fault )", line)]
    assert len(promises) > 20
    for promise in promises:
        of_server = re.findall(r"`([\w./]+\.py)::(test_\w+)`", promise)
        for path, name in of_server:
            file = ROOT / (path if "/" in path else f"tests/faults/{path}")
            assert re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE), name
        of_web = re.findall(r"`([\w-]+\.spec\.ts)` \"([^\"]+)\"", promise)
        for path, title in of_web:
            titles = titles_of(ROOT / "frontend" / "e2e" / path)
            assert any(re.fullmatch(each, title) for each in titles), title
        assert of_server, promise


def titles_of(spec: Path) -> list[str]:
    """Patterns of the titles of a browser test; what a table fills in may be anything."""
    titles = re.findall(r"""\btest\((?:"([^"]+)"|`([^`]+)`)""", spec.read_text())
    parts = [re.split(r"\$\{\w+\}", plain or filled) for plain, filled in titles]
    return [".+".join(map(re.escape, each)) for each in parts]


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert {name: size for name, size in sizes.items() if size > 200_000} == {}


def headings_of(document: Path) -> list[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_decisions_are_listed() -> None:
    """Numbered without a gap, all of them in the list."""
    folder = ROOT / "docs" / "decisions"
    names = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert listed == names


def test_versions_agree() -> None:
    """The package, its metadata and the changelog."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert metadata["project"]["version"] == __version__
    versions = re.findall(r"^## \[(.+?)\]", CHANGELOG.read_text(), re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert versions[1:2] in ([], [__version__])
