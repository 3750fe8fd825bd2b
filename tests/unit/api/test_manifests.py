from __future__ import annotations

from pathlib import Path

import pytest

from graphwarden.api.manifests import load_manifests

GOOD = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {name: email-reply}
spec:
  assistantID: email_reply
  capability: email
  module: graphs.email_reply_graph
"""


def write(directory: Path, text: str, name: str = "a.yaml") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def errors_of(directory: Path, text: str) -> list[str]:
    write(directory, text)
    return [str(e).removeprefix(f"{directory}/") for e in load_manifests(directory).errors]


def test_a_folder_gives_its_graphs_pools_and_config_maps(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    more = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata: {prompt: hi}\n"
    pool = "apiVersion: graphwarden.dev/v1alpha1\nkind: GraphPool\nmetadata: {name: email}\n"
    write(tmp_path, pool + more, "deep/b.yml")
    found = load_manifests(tmp_path)
    assert [g.spec.assistant_id for g in found.graphs] == ["email_reply"]
    assert [p.metadata.name for p in found.graphpools] == ["email"]
    assert found.config_maps == {("default", "p"): {"prompt": "hi"}}
    assert not found.errors


def test_other_kinds_hidden_folders_and_empty_documents_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "---\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")
    write(tmp_path, "{broken", ".git/x.yaml")
    assert load_manifests(tmp_path).errors == ()


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("email_reply\n", "Email Reply\n"), "a.yaml:5: spec.assistantID: 'Email Reply' does not"),
        (("capability: email", "capability: E.mail"), "a.yaml:6: spec.capability: 'E.mail'"),
        (("capability: email", "kapability: email"), "spec.kapability: no such field"),
        (("  module: graphs.email_reply_graph\n", ""), "spec.module: this field is required"),
        (("{name: email-reply}", "{}"), "metadata.name: a name is missing"),
        (("v1alpha1", "v9"), "a.yaml:1: graphwarden.dev/v9 is not served"),
        (("kind: GraphSpec", "kind: Graph"), "a.yaml:2: kind: kind 'Graph' does not exist"),
        (("spec:\n", "spec:\n  run: {timeout: 30h}\n"), "run.timeout must lie between 1s and 24h"),
        (("spec:\n", "spec:\n  run: {timeout: soon}\n"), "write for example 90s, 15m or 64Mi"),
        (
            ("spec:\n", "spec:\n  precompiled: true\n  resumable: true\n"),
            "precompiled graphs are loaded as they are",
        ),
    ],
)
def test_each_mistake_is_told_with_line_field_and_remedy(
    tmp_path: Path, change: tuple[str, str], wanted: str
) -> None:
    messages = errors_of(tmp_path, GOOD.replace(*change))
    assert any(wanted in message for message in messages), messages


@pytest.mark.parametrize("text", ["a: [1,", "a: b: c", "\tx: 1", "x: \x00"])
def test_a_broken_file_is_one_error_and_not_a_traceback(tmp_path: Path, text: str) -> None:
    (message,) = errors_of(tmp_path, text)
    assert message.startswith("a.yaml:")


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a: [1,", "broken.yaml")
    write(tmp_path, GOOD, "good.yaml")
    found = load_manifests(tmp_path)
    assert len(found.graphs) == len(found.errors) == 1


def test_the_same_name_twice_is_told_with_the_first_place(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD, "b.yaml")
    (error,) = load_manifests(tmp_path).errors
    assert error.file.name == "b.yaml"
    assert f"{tmp_path / 'a.yaml'}:1" in error.message
