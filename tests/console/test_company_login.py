"""The company's own log-in, against a real provider: whom it names comes in with his role; no forged word lets in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from joserfc.jwk import RSAKey

from stillwatch.console.page import Role
from stillwatch.console.security.company import Company, Settings, read_company
from stillwatch.console.security.provider import check_address
from stillwatch.errors import InputError, UsageError
from tests.console import provider as providers
from tests.console.provider import CLIENT, SECRET, Forge, Provider, providing, query_of
from tests.console.served import Browser, Served, serving

ROLES = {"analyst": ("sw-analysts",), "admin": ("sw-admins",), "viewer": ("everybody",)}


class Both(NamedTuple):
    console: Served
    provider: Provider


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    monkeypatch.setenv("CONSOLE_SECRET", SECRET)
    with providing() as provider:
        path = tmp_path / "company.toml"
        path.write_text(
            f'issuer = "{provider.url}"\nclient_id = "{CLIENT}"\nclient_secret = "env:CONSOLE_SECRET"\n'
            'button = "Sign in with Example"\n[roles]\n'
            + "".join(f"{role} = {list(values)}\n" for role, values in ROLES.items())
        )
        with serving(tmp_path, company=read_company(path, time.time)) as served:
            yield Both(served, provider)


def there(browser: Browser, back: str = "") -> str:
    """Go to the provider; the address to which it sends the browser back."""
    begun = browser.get("/company" + (f"?back={back}" if back else ""))
    assert begun.status_code == 303, begun.text
    answer = httpx2.get(begun.headers["location"], trust_env=False)
    return str(answer.headers["location"])


def signed_in(both: Both, back: str = "") -> tuple[Browser, httpx2.Response]:
    browser = both.console.browser()
    return browser, browser.get(there(browser, back).removeprefix(both.console.url))


def is_in(browser: Browser) -> bool:
    return browser.get("/settings").status_code == 200


def test_whom_the_company_names_comes_in_with_the_role_of_his_group(both: Both) -> None:
    assert "Sign in with Example" in both.console.browser().get("/login").text
    browser, answer = signed_in(both, "/settings")
    assert answer.status_code == 200  # a page of ours: a redirection would not bring the strict cookie along
    assert '<meta http-equiv="refresh" content="0;url=/settings">' in answer.text
    text = browser.get("/settings").text
    assert "<bdi>jane</bdi>" in text
    assert "analyst" in text
    assert "company's log-in" in text or "company&#39;s log-in" in text
    assert browser.cookie("company") == ""
    assert (both.console.desk.log.newest(0, 1)[0][0].what) == "signed in"


def test_the_highest_role_counts_and_a_changed_one_ends_old_sessions(both: Both) -> None:
    old, _ = signed_in(both)
    both.provider.person["roles"] = ["everybody", "sw-admins", "other"]
    new, _ = signed_in(both)
    assert not is_in(old)
    assert new.get("/people").status_code == 200
    assert [person.name for person in both.console.desk.people.all()] == ["jane"]


def test_who_has_no_role_there_has_none_here(both: Both) -> None:
    for roles in ([], ["other"], "sw", {"sw-admins": True}, None, [["sw-admins"]], ["sw-analysts "]):
        both.provider.person["roles"] = roles
        browser, answer = signed_in(both)
        assert answer.status_code == 403
        assert "has no role here" in answer.text
        assert not is_in(browser)
    assert both.console.desk.people.all() == ()


def test_who_was_kept_out_here_stays_out(both: Both) -> None:
    browser, _ = signed_in(both)
    both.console.desk.people.set_active("jane", False)
    assert not is_in(browser)
    _, answer = signed_in(both)
    assert answer.status_code == 403
    assert "deactivated" in answer.text


@pytest.mark.parametrize(
    "forge",
    [
        providers.unsigned,
        providers.confused,
        providers.by_another_key,
        providers.bearing_its_key,
        providers.changed,
        providers.without_mark,
        lambda provider, claims: "",
        lambda provider, claims: "a.b.c",
        lambda provider, claims: "é",
        lambda provider, claims: provider.sign(claims) + "." + "x" * 70_000,
        lambda provider, claims: provider.sign(claims, alg="RS512")[:-3] + "AAA",
    ],
)
def test_no_forged_token_lets_anybody_in(both: Both, forge: Forge) -> None:
    both.provider.forge = forge
    browser, answer = signed_in(both)
    assert answer.status_code == 403
    assert "token" in answer.text
    assert both.provider.exchanged[0] == "" or both.provider.exchanged[0] not in answer.text
    assert not is_in(browser)
    assert both.console.desk.people.all() == ()
    (entry,) = both.console.desk.log.newest(0, 10)[0]
    assert entry.what == "failed to sign in"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 120},
        {"exp": "tomorrow"},
        {"exp": None},
        {"exp": float("inf")},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another-program"},
        {"aud": ["another-program", "a third"]},
        {"aud": [CLIENT, "another-program"]},
        {"aud": [CLIENT], "azp": "another-program"},
        {"aud": {}},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"nonce": "of another log-in"},
        {"nonce": None},
        {"nonce": ["x"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "jörg"},
        {"sub": "x" * 300},
    ],
    ids=lambda claims: "-".join(claims),  # not the values: some are of the moment, and workers must agree on names
)
def test_a_signed_token_that_is_not_for_us_or_not_for_now_lets_nobody_in(both: Both, claims: dict[str, Any]) -> None:
    both.provider.claims = claims
    browser, answer = signed_in(both)
    assert answer.status_code == 403
    assert not is_in(browser)
    assert both.console.desk.people.all() == ()


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
def test_other_signatures_by_the_providers_key_are_well(both: Both, algorithm: str) -> None:
    both.provider.forge = lambda provider, claims: provider.sign(claims, alg=algorithm)
    assert is_in(signed_in(both)[0])


def test_several_audiences_are_well_with_us_as_the_authorized_party(both: Both) -> None:
    both.provider.claims = {"aud": ["another", CLIENT], "azp": CLIENT}
    assert is_in(signed_in(both)[0])


def test_the_way_back_works_once_and_in_the_browser_that_went(both: Both) -> None:
    browser = both.console.browser()
    back = there(browser).removeprefix(both.console.url)
    assert both.console.browser().get(back).status_code == 403  # a stranger's link
    other = both.console.browser()
    there(other)
    assert other.get(back).status_code == 403
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 403


def test_a_changed_state_another_issuer_and_a_refusal_there_lead_nowhere(both: Both) -> None:
    for changes in ({"state": "x"}, {"state": "é"}, {"iss": "https://evil.example"}, {"code": ""}, {"code": "guessed"}):
        browser = both.console.browser()
        asked = {**query_of(there(browser)), **changes}
        answer = browser.client.get("/company/back", params=asked)
        assert answer.status_code in (403, 503)
        assert not is_in(browser)
    browser = both.console.browser()
    there(browser)
    answer = browser.get("/company/back?error=access_denied&error_description=<script>")
    assert answer.status_code == 403
    assert "<script>" not in answer.text


def test_ten_minutes_are_the_longest_way(both: Both) -> None:
    clock = both.console.clock
    company = Company(Settings(issuer=both.provider.url, client_id=CLIENT, roles=ROLES), SECRET, clock)
    both.console.desk.company = company
    browser = both.console.browser()
    back = there(browser).removeprefix(both.console.url)
    clock.ahead = 601
    assert browser.get(back).status_code == 403


def test_a_new_key_of_the_providers_is_asked_for_when_a_token_names_it(both: Both) -> None:
    assert is_in(signed_in(both)[0])
    new = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"}, private=True)
    both.provider.listed = [both.provider.key, new]
    both.provider.key = new
    asked = both.provider.asked_for_keys
    company = both.console.desk.company
    assert company is not None
    company._provider._clock = lambda: time.monotonic() + 31  # not oftener than each half minute
    assert is_in(signed_in(both)[0])
    assert both.provider.asked_for_keys == asked + 1
    assert is_in(signed_in(both)[0])
    assert both.provider.asked_for_keys == asked + 1


def test_a_provider_that_is_another_or_is_away_is_told_and_lets_nobody_in(both: Both) -> None:
    for document, said in (
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"token_endpoint": "http://192.0.2.1/token"}, "is no https address"),
        ({"authorization_endpoint": 7}, "does not answer as OpenID Connect asks"),
    ):
        settings = Settings(issuer=both.provider.url, client_id=CLIENT, roles=ROLES)
        both.console.desk.company = Company(settings, SECRET, time.time)
        both.provider.document = document
        for _ in range(2):
            answer = both.console.browser().get("/company")
            assert answer.status_code == 503
            assert said in answer.text
    both.console.desk.company = Company(Settings(issuer="http://127.0.0.1:9", client_id=CLIENT), "", time.time)
    assert both.console.browser().get("/company").status_code == 503


def test_going_to_the_log_in_sends_state_nonce_and_a_challenge_and_no_secret(both: Both) -> None:
    browser = both.console.browser()
    url = browser.get("/company").headers["location"]
    asked = query_of(url)
    assert asked["redirect_uri"] == both.console.url + "/company/back"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert "secret" not in url
    assert len(asked["state"]) >= 43
    again = query_of(both.console.browser().get("/company").headers["location"])
    assert asked["state"] != again["state"]
    assert asked["nonce"] != again["nonce"]


def test_where_no_company_is_set_up_there_is_no_such_page(console: Served) -> None:
    assert console.browser().get("/company").status_code == 404
    assert console.browser().get("/company/back?code=x&state=y").status_code == 404


def test_claims_that_are_required_and_roles_deep_inside(both: Both) -> None:
    settings = Settings(
        issuer=both.provider.url,
        client_id=CLIENT,
        name_claim="email",
        roles_claim="realm_access.roles",
        roles=ROLES,
        require={"hd": "example.com", "email_verified": True},
    )
    both.console.desk.company = Company(settings, SECRET, time.time)
    both.provider.person = {
        "sub": "1", "email": "jane@example.com", "email_verified": True, "hd": "example.com",
        "realm_access": {"roles": ["sw-admins"]},
    }  # fmt: skip
    browser, _ = signed_in(both)
    assert "<bdi>jane@example.com</bdi>" in browser.get("/people").text
    for wrong in ({"hd": "evil.example"}, {"email_verified": "true"}, {"realm_access": "sw-admins"}):
        both.provider.claims = wrong
        assert signed_in(both)[1].status_code == 403


def test_an_address_that_nobody_verified_gives_no_role(both: Both) -> None:
    settings = Settings(
        issuer=both.provider.url, client_id=CLIENT, roles_claim="email", roles={"admin": ("jane@example.com",)}
    )
    both.console.desk.company = Company(settings, SECRET, time.time)
    both.provider.person = {"sub": "1", "email": "jane@example.com"}
    assert signed_in(both)[1].status_code == 403
    both.provider.person["email_verified"] = True
    assert is_in(signed_in(both)[0])


def test_who_has_no_listed_role_gets_the_one_that_all_others_have(both: Both) -> None:
    settings = Settings(issuer=both.provider.url, client_id=CLIENT, roles=ROLES, otherwise="viewer")
    both.console.desk.company = Company(settings, SECRET, time.time)
    both.provider.person["roles"] = []
    assert is_in(signed_in(both)[0])
    assert both.console.desk.people.all()[0].role == Role.VIEWER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing required field"),
        ("issuer = 1", "is no log-in"),
        ("not toml", "is no log-in"),
        ('issuer = "http://idp.example"\nclient_id = "x"', "no https address"),
        ('issuer = "https://user:pw@idp.example"\nclient_id = "x"', "no https address"),
        ('issuer = "https://idp.example"\nclient_id = "x"\n[roles]\nroot = ["x"]', "names the role 'root'"),
        ('issuer = "https://idp.example"\nclient_id = "x"\notherwise = "boss"', "names the role 'boss'"),
        ('issuer = "https://idp.example"\nclient_id = "x"\nscopes = ["email"]', "scope openid"),
        (
            'issuer = "https://idp.example"\nclient_id = "x"\nclient_secret = "s3cret"',
            "only taken from the environment",
        ),
        ('issuer = "https://idp.example"\nclient_id = "x"\nsecret = "x"', "unknown field"),
    ],
)
def test_a_file_that_cannot_work_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "company.toml"
    path.write_text(text)
    with pytest.raises((InputError, UsageError), match=said) as told:
        read_company(path, time.time)
    assert "s3cret" not in str(told.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_company(tmp_path / "none.toml", time.time)


def test_where_a_secret_may_go() -> None:
    for url in ("https://idp.example/a", "http://127.0.0.1:1/", "http://localhost/x"):
        check_address(url, "it")
    for url in (
        "http://idp.example",
        "ftp://idp.example",
        "https://",
        "https://a b",
        "https://[::1",
        "idp.example",
        "",
    ):
        with pytest.raises(UsageError):
            check_address(url, "it")
