import json
from pathlib import Path

import pytest

from workbench.errors import BadSetting
from workbench.settings import Settings, explain, load_settings, unknown_variables
from workbench.wishes import options_of


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


def test_clips_cannot_be_longer_at_least_than_at_most_wherever_that_comes_from(tmp_path: Path):
    library = _write(tmp_path / "lib", "clip_min_seconds = 70\n")
    both = r"`clip_max_seconds` \(60.0 from default\) .* `clip_min_seconds` \(70.0 from workbench.toml\)"
    with pytest.raises(BadSetting, match=both):
        load_settings(library=library, environment={})
    with pytest.raises(BadSetting, match=r"`clip_max_seconds` \(65.0 from WORKBENCH_CLIP_MAX_SECONDS\)"):
        explain(library=library, environment={"WORKBENCH_CLIP_MAX_SECONDS": "65"})
    assert load_settings(library=library, environment={}, clip_max_seconds=70).clip_max_seconds == 70


def test_an_endpoint_needs_a_model(tmp_path: Path):
    library = _write(tmp_path / "lib", 'llm_base_url = "http://localhost/v1"\n')
    with pytest.raises(BadSetting, match=r"`llm_base_url` from .* needs `llm_model`"):
        load_settings(library=library, environment={})


def test_an_endpoint_with_a_password_is_refused_without_showing_it(tmp_path: Path):
    variables = {"WORKBENCH_LLM_BASE_URL": "http://me:hush@localhost/v1", "WORKBENCH_LLM_MODEL": "m"}
    with pytest.raises(BadSetting, match="`llm_base_url` from WORKBENCH_LLM_BASE_URL") as refused:
        load_settings(library=tmp_path, environment=variables)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "loudness = -9",
        "loudness = -31",
        "clip_count = 50",
        "clip_min_seconds = 60",
        "llm_context_tokens = 2048",
        "llm_base_url = 'http://localhost/v1?to=a@b'\nllm_model = 'tiny'",
    ],
)
def test_what_settings_accept_the_pipeline_accepts(tmp_path: Path, text: str):
    library = _write(tmp_path / "lib", f"model = 'tiny.en'\n{text}\n")
    settings = load_settings(library=library, environment={})
    json.dumps(options_of(settings).model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize(
    "text",
    [
        "loudness = -8.9",
        "loudness = -31.1",
        "clip_max_seconds = inf",
        "llm_timeout_seconds = inf",
        "llm_base_url = 'http://localhost/v1?key=hush'",
    ],
)
def test_what_the_pipeline_refuses_is_refused_where_it_is_read(tmp_path: Path, text: str):
    library = _write(tmp_path / "lib", f"model = 'tiny.en'\n{text}\n")
    with pytest.raises(BadSetting, match=r"setting `\w+` from workbench\.toml") as refused:
        load_settings(library=library, environment={})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("WORKBENCH_CLIPCOUNT", "WORKBENCH_CLIPCOUNT sets nothing: did you mean WORKBENCH_CLIP_COUNT?"),
        ("WORKBENCH_LLM_BASEURL", "WORKBENCH_LLM_BASEURL sets nothing: did you mean WORKBENCH_LLM_BASE_URL?"),
    ],
)
def test_a_variable_that_is_no_setting_is_named_with_the_nearest_one(name: str, sentence: str):
    assert unknown_variables({name: "1", "PATH": "/bin", "WORKBENCH_PORT": "1"}) == (sentence,)


def test_variables_of_a_service_called_workbench_are_not_taken_for_misspelt_ones():
    others = ("SERVICE_HOST", "SERVICE_PORT", "PORT_5006_TCP", "PORT_5006_TCP_ADDR", "PORT_5006_TCP_PROTO")
    assert unknown_variables({f"WORKBENCH_{name}": "10.0.0.7" for name in others}) == ()


def test_no_variable_of_a_setting_is_unknown():
    assert unknown_variables({f"WORKBENCH_{name.upper()}": "1" for name in Settings.model_fields}) == ()


def test_the_openai_variable_of_some_other_program_is_not_a_choice(tmp_path: Path):
    settings = load_settings(library=tmp_path, environment={"OPENAI_API_KEY": "sk-found"})
    assert settings.llm_base_url is None
    assert settings.llm_api_key is None


def test_all_workers_together_use_the_machine_once(tmp_path: Path):
    assert load_settings(library=tmp_path, environment={}, workers=64).threads == 1
    one = load_settings(library=tmp_path, environment={}, workers=1)
    assert one.threads == load_settings(library=tmp_path, environment={}).worker_count
