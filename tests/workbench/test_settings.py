from pathlib import Path

import pytest

from workbench.errors import BadSetting
from workbench.settings import Settings, explain, load_settings


def _write(library: Path, text: str) -> Path:
    library.mkdir(exist_ok=True)
    (library / "workbench.toml").write_text(text, encoding="utf-8")
    return library


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path: Path):
    library = _write(tmp_path / "lib", 'workers = 3\nmodel = "base"\nlanguage = "de"\n')
    variables = {"WORKBENCH_MODEL": "small", "WORKBENCH_LANGUAGE": "fr"}
    settings = load_settings(library=library, environment=variables, language="ca")
    assert (settings.workers, settings.model, settings.language, settings.clip_count) == (3, "small", "ca", 6)


def test_every_value_says_where_it_came_from(tmp_path: Path):
    library = _write(tmp_path / "lib", "workers = 3\n")
    chosen = explain(library=library, environment={"WORKBENCH_MODEL": "small"}, language="ca")
    sources = {setting.name: setting.source for setting in chosen}
    assert sources["workers"] == "workbench.toml"
    assert sources["model"] == "WORKBENCH_MODEL"
    assert sources["language"] == "--language"
    assert sources["clip_count"] == "default"
    assert set(sources) == set(Settings.model_fields)


def test_every_setting_is_explained():
    assert all(setting.help for setting in explain(environment={}))


def test_a_secret_is_not_shown(tmp_path: Path):
    chosen = explain(library=tmp_path, environment={"WORKBENCH_LLM_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in repr(chosen)
    assert "sk-very-secret" not in repr(
        load_settings(library=tmp_path, environment={"WORKBENCH_LLM_API_KEY": "sk-very-secret"})
    )


def test_lists_are_given_with_commas(tmp_path: Path):
    settings = load_settings(
        library=tmp_path,
        environment={"WORKBENCH_ASPECT_RATIOS": "9x16, 4x5", "WORKBENCH_VOCABULARY": "Ada,Bay"},
    )
    assert settings.aspect_ratios == ("9x16", "4x5")
    assert settings.vocabulary == ("Ada", "Bay")


def test_a_folder_can_be_given_from_home(tmp_path: Path):
    library = _write(tmp_path / "lib", 'folders = ["~/recordings"]\n')
    assert load_settings(library=library, environment={}).folders == (Path.home() / "recordings",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("workers = 'many'", "setting `workers` from workbench.toml cannot be 'many'"),
        ("wrokers = 2", "there is no setting `wrokers`"),
        ("library = '/elsewhere'", "cannot set `library`"),
        ("workers = ", "is not valid TOML"),
    ],
)
def test_a_bad_file_is_an_error_that_names_the_setting(tmp_path: Path, text: str, sentence: str):
    library = _write(tmp_path / "lib", text)
    with pytest.raises(BadSetting, match=sentence):
        load_settings(library=library, environment={})


def test_a_bad_variable_is_named(tmp_path: Path):
    with pytest.raises(BadSetting, match="`loudness` from WORKBENCH_LOUDNESS cannot be 'loud'"):
        load_settings(library=tmp_path, environment={"WORKBENCH_LOUDNESS": "loud"})


def test_the_openai_variable_of_some_other_program_is_not_a_choice(tmp_path: Path):
    settings = load_settings(library=tmp_path, environment={"OPENAI_API_KEY": "sk-found"})
    assert settings.llm_base_url is None
    assert settings.llm_api_key is None


def test_all_workers_together_use_the_machine_once(tmp_path: Path):
    assert load_settings(library=tmp_path, environment={}, workers=64).threads == 1
    one = load_settings(library=tmp_path, environment={}, workers=1)
    assert one.threads == load_settings(library=tmp_path, environment={}).worker_count
