"""Where access keys come from, and what happens when they change."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.unit.mns.polled import context, spec

from eventing_alibaba.contract.errors import Unauthorized
from eventing_alibaba.sources.mns.keys import AccessKey, FoundKeys, GivenKeys, keys_of

_AUTH = {"accessKeyId": {"env": "ID"}, "accessKeySecret": {"env": "SECRET"}}


class _Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Credentials:
    def __init__(self, key_id: str, secret: str, token: str | None = None) -> None:
        self.get_access_key_id = lambda: key_id
        self.get_access_key_secret = lambda: secret
        self.get_security_token = lambda: token


class _Provider:
    """What Alibaba's library would be: returns or raises what is in `found`."""

    def __init__(self, *found: Any) -> None:
        self.found = list(found)
        self.made = self.asked = 0

    def __call__(self) -> _Provider:
        self.made += 1
        return self

    def get_credentials(self) -> Any:
        self.asked += 1
        found = self.found[0] if len(self.found) == 1 else self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def _given(time: _Time, environ: dict[str, str], **auth: Any) -> GivenKeys:
    made = spec(auth={**_AUTH, **auth})
    of = context(made)
    of.credentials.environ = environ  # type: ignore[attr-defined]
    return GivenKeys(made.auth, of.credentials, now=time)


async def test_a_key_that_changes_is_used_without_a_restart() -> None:
    """It is read again after some seconds, not at each request."""
    time, environ = _Time(), {"ID": "a", "SECRET": "s", "TOKEN": "t"}
    keys = _given(time, environ, securityToken={"env": "TOKEN"})
    assert await keys.get() == AccessKey("a", "s", "t")
    environ["SECRET"] = "new"
    assert (await keys.get()).secret == "s"
    time.now += 6
    assert (await keys.get()).secret == "new"


async def test_a_refused_key_is_read_at_once() -> None:
    """Where there is another one it is returned, else nothing is."""
    environ = {"ID": "a", "SECRET": "s"}
    keys = _given(_Time(), environ)
    refused = await keys.get()
    assert await keys.renew(refused) is None
    environ["ID"] = "b"
    assert await keys.renew(refused) == AccessKey("b", "s")


async def test_a_key_that_vanishes_for_a_moment_changes_nothing() -> None:
    """While a Secret is exchanged, requests go on with the last key; without any, it is said."""
    time, environ = _Time(), {"ID": "a", "SECRET": "s"}
    keys = _given(time, environ)
    first = await keys.get()
    environ.clear()
    time.now += 6
    assert await keys.get() == first
    with pytest.raises(Unauthorized, match=r"spec\.auth\.accessKeyId: the environment variable"):
        await _given(time, environ).get()


async def test_the_library_is_asked_once_a_minute() -> None:
    """In a thread, and requests go on with the known key meanwhile."""
    time = _Time()
    provider = _Provider(_Credentials("a", "s", "t1"), _Credentials("a", "s", "t2"))
    keys = FoundKeys(provider, what="the chain", now=time)
    assert set(await asyncio.gather(keys.get(), keys.get())) == {AccessKey("a", "s", "t1")}
    assert provider.asked == 1
    time.now += 61
    assert (await keys.get()).token == "t1"
    assert keys._asking is not None
    await keys._asking
    assert (await keys.get()).token == "t2"
    assert (provider.asked, provider.made) == (2, 1)


async def test_who_stops_waiting_for_a_key_stops_nobody_else() -> None:
    """A cancelled request leaves the library's answer to those that wait for it as well."""
    keys = FoundKeys(_Provider(_Credentials("a", "s")), what="the chain", now=_Time())
    first, second = asyncio.create_task(keys.get()), asyncio.create_task(keys.get())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == AccessKey("a", "s")


async def test_a_refused_key_makes_the_library_begin_anew() -> None:
    """It would return what it has; and a hundred refusals ask once."""
    time = _Time()
    provider = _Provider(_Credentials("a", "s", "t1"), _Credentials("a", "s", "t2"))
    keys = FoundKeys(provider, what="the chain", now=time)
    old = await keys.get()
    time.now += 2
    found = await asyncio.gather(*(keys.renew(old) for _ in range(100)))
    assert found == [AccessKey("a", "s", "t2")] * 100
    assert (provider.asked, provider.made) == (2, 2)
    assert await keys.renew(AccessKey("a", "s", "t2")) is None
    assert provider.asked == 2


async def test_a_failed_renewal_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The library asks 15 minutes before the end, so the known key is good yet."""
    time = _Time()
    provider = _Provider(_Credentials("a", "s"), OSError("no network"))
    keys = FoundKeys(provider, what="the chain", now=time)
    key = await keys.get()
    time.now += 61
    assert await keys.get() == key
    asking = keys._asking
    assert asking is not None
    await asyncio.wait([asking])
    await asyncio.sleep(0)
    assert await keys.get() == key
    assert "go on with the access key that was found before" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'oidc_role_arn, http_code: 403, result: {"Code":"NoPermission","Message":"token abc"}',
            "has no access key (HTTP 403, NoPermission)",
        ),
        ("the secret sesame is wrong", "has no access key; give"),
    ],
)
async def test_a_missing_key_is_said_without_what_was_answered(text: str, told: str) -> None:
    """Codes are told, and no part of an answer, which may hold a token."""
    keys = FoundKeys(_Provider(RuntimeError(text)), what="the chain", now=_Time())
    with pytest.raises(Unauthorized) as raised:
        await keys.get()
    assert told in str(raised.value)
    assert "abc" not in str(raised.value)
    assert "sesame" not in str(raised.value)
    assert raised.value.reason == "NoCredentials"


async def test_an_empty_key_is_none() -> None:
    """A provider that returns nothing in it is a provider without a key."""
    keys = FoundKeys(_Provider(_Credentials("", "")), what="the chain", now=_Time())
    with pytest.raises(Unauthorized, match="empty access key"):
        await keys.get()


def test_a_key_shows_nothing() -> None:
    """Neither secret nor token is in its representation."""
    assert "sesame" not in repr(AccessKey("id", "sesame", "sesame"))


@pytest.mark.parametrize("auth", [{}, {"rrsa": True}, {"ecsRole": "reader"}])
def test_without_a_key_the_library_looks_for_one(auth: dict[str, Any]) -> None:
    """The default chain, the pod's role, or the instance's; nothing is asked before it is used."""
    pytest.importorskip("alibabacloud_credentials")
    made = spec(auth=auth)
    keys = keys_of(made.auth, context(made).credentials)
    assert isinstance(keys, FoundKeys)
    assert not logging.getLogger("credentials").propagate
