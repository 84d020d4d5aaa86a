"""Settings from the environment: URLs in, Django's dictionaries out."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_app import environment


def test_a_postgres_url_becomes_django_settings() -> None:
    url = "postgres://ada:p%40ss%2Fword@db.example:5433/my%20board?sslmode=require&pool=true"
    database = environment.postgres_database(url)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database["USER"] == "ada"
    assert database["PASSWORD"] == "p@ss/word"
    assert database["HOST"] == "db.example"
    assert database["PORT"] == "5433"
    assert database["NAME"] == "my board"
    assert database["OPTIONS"] == {"sslmode": "require", "pool": True}


def test_a_postgres_url_may_leave_everything_but_the_name_to_libpq() -> None:
    database = environment.postgres_database("postgresql:///board")
    assert database["NAME"] == "board"
    assert [database[key] for key in ("USER", "PASSWORD", "HOST", "PORT")] == ["", "", "", ""]


def test_a_postgres_url_may_name_a_socket_folder() -> None:
    database = environment.postgres_database("postgres://%2Fvar%2Frun%2FPostgres/board")
    assert database["HOST"] == "/var/run/Postgres"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://localhost/board", "begins with 'mysql'"),
        ("board", "begins with 'no scheme'"),
        ("postgres://localhost", "names no database"),
        ("postgres://localhost:door/board", "DATABASE_URL: Port"),
    ],
)
def test_a_wrong_database_url_is_refused_by_name(url: str, problem: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=problem):
        environment.postgres_database(url)


@pytest.mark.parametrize(
    ("url", "store"),
    [
        ("mongodb://localhost:27017", "mongodb://localhost:27017/rxgraph"),
        ("mongodb://localhost/", "mongodb://localhost/rxgraph"),
        ("mongodb://localhost/other", "mongodb://localhost/other"),
        ("mongodb://a:1,b:2/?replicaSet=rs0", "mongodb://a:1,b:2/rxgraph?replicaSet=rs0"),
        ("mongodb+srv://ada:p%40ss@db.example", "mongodb+srv://ada:p%40ss@db.example/rxgraph"),
    ],
)
def test_a_mongo_url_without_a_database_gets_ours(url: str, store: str) -> None:
    assert environment.mongo_store(url) == store


@pytest.mark.parametrize(
    ("word", "expected"), [("1", True), ("Yes", True), ("0", False), ("", False), ("off", False)]
)
def test_flags_read_as_people_write_them(word: str, expected: bool) -> None:
    assert environment.flag({"FLAG": word}, "FLAG", default=not expected) is expected


def test_a_flag_that_is_not_set_is_its_default() -> None:
    assert environment.flag({}, "FLAG", default=True) is True


def test_a_flag_that_says_neither_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="FLAG is 'maybe'"):
        environment.flag({"FLAG": "maybe"}, "FLAG", default=True)


def test_words_are_split_at_commas() -> None:
    assert environment.words({"HOSTS": "a.example, b.example,"}, "HOSTS") == [
        "a.example",
        "b.example",
    ]
    assert environment.words({}, "HOSTS") == []


def test_the_data_folder_hides_from_git(tmp_path: Path) -> None:
    folder = environment.data_folder(tmp_path / ".demo")
    assert environment.data_folder(folder) == folder
    assert (folder / ".gitignore").read_text() == "*\n"


def test_the_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    key = environment.secret_key(path)
    assert len(key) >= 50
    assert environment.secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_those_who_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(environment.secret_key, [tmp_path / "secret_key"] * 32))
    assert len(keys) == 1
    assert keys != {""}
