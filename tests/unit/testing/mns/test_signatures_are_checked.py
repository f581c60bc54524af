"""Who is let in: both versions of the signature, dates, keys, tokens, digests."""

from __future__ import annotations

import base64
import hashlib
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import trustme
from tests.unit.testing.mns.speaking import Speaker, message

from eventing_alibaba.testing.emulators.mns import MnsEmulator
from eventing_alibaba.testing.emulators.mns.service.signature import sign_v4

WIDE = "%E4%B8%AD%E6%96%87%E5%8F%82%E6%95%B0"
VECTORS: list[tuple[str, ...] | Any] = [
    (
        ("ak1", "sk1", "POST"),
        f"/queues/TestQueue/?param1=abc&PARAM2=d%20%20ef&PARAM3=%5Bdef%5D%23bbb&PARAM4={WIDE}",
        {},
        ("20250603T105235Z", "region1"),
        "1fc6013f158d4c3aba09570895a2a93c8445c2c5213d82a1463baf602cf0d945",
    ),
    (
        ("akkkkk1111111111", "skkkkkkk1111111111", "PUT"),
        "/queues/TestQueue123456",
        {"x-mns-abc": "kkk", "X-MNS-Sss": "2015-06-06xFFF", "x-kkk-def": "jjj"},
        ("20251203T112348Z", "region2"),
        "04f1e5f929b5aaac3af6a54970f591581ecd2aade2562f926c5f2ec5d5c8cfad",
    ),
    (
        ("akkkkk222222222", "skkkkkk2222222222", "GET"),
        "/queues",
        {
            "x-mns-version": "2015-06-30",
            "x-mns-ttt": "1",
            "X-MNS-UUUuu": "FALse",
            "Content-Type": "application/json",
            "Content-MD5": "0d9d2ce750000593eb34f00",
        },
        ("20251204T063235Z", "eu-west-1"),
        "294f776a2d5726df679b54b081ab8126a199a2545c8c8a7a875adff0b386e458",
    ),
    (
        ("testAk", "testSk", "POST"),
        "/queues/Test%20Queue%40123",
        {},
        ("20250603T105235Z", "testRegion"),
        "87de7499365a31e767cdc0c726a893c72c860e415876f7f92914197ac3795833",
    ),
]


@pytest.mark.parametrize(("who", "target", "headers", "when", "signature"), VECTORS)
def test_version_4_follows_the_vectors(
    who: tuple[str, str, str],
    target: str,
    headers: dict[str, str],
    when: tuple[str, str],
    signature: str,
) -> None:
    """The service's own four examples come out."""
    _, secret, method = who
    assert sign_v4(secret, method, target, headers, time=when[0], region=when[1]) == signature


def v4(speaker: Speaker, region: str = "cn-hangzhou", **changed: str) -> dict[str, str]:
    """Headers of GET /queues/q, signed by version 4."""
    date = changed.get("Date") or "Mon, 03 Mar 2025 10:52:35 GMT"
    time = "20250303T105235Z"
    headers = {"Date": date, "x-mns-version": "2015-06-06"}
    scope = f"{speaker.key}/20250303/{region}/mns/aliyun_v4_request"
    made = sign_v4(speaker.secret, "GET", "/queues/q", headers, time=time, region=region)
    return {
        **headers,
        "Authorization": f"MNS4-HMAC-SHA256 Credential={scope},Signature={made}",
        **changed,
    }


async def test_version_4_is_taken(mns: MnsEmulator, speaker: Speaker) -> None:
    """A request signed by version 4 passes, and is counted as one."""
    mns.skew(1_740_999_155 - mns._now() / 1000)
    reply = await speaker.ask("GET", "/queues/q", headers=v4(speaker))
    assert (reply.status, reply.one("QueueName")) == (200, "q")
    assert [asked["version"] for asked in mns.requests()] == ["v4"]


async def test_version_4_of_another_region_is_refused(mns: MnsEmulator, speaker: Speaker) -> None:
    """The refusal names the scope that would be right."""
    mns.skew(1_740_999_155 - mns._now() / 1000)
    reply = await speaker.ask("GET", "/queues/q", headers=v4(speaker, "cn-beijing"))
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    assert "20250303/cn-hangzhou/mns" in reply.one("Message")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-mns-version": None}, 400, "MissingVersionHeader"),
        ({"Date": None}, 400, "MissingDateHeader"),
        ({"Date": "yesterday"}, 400, "InvalidDateHeader"),
        ({"Date": "Mon, 03 Mar 2025 10:52:35 +0800"}, 400, "InvalidDateHeader"),
        ({"Authorization": None}, 400, "MissingAuthorizationHeader"),
        ({"Authorization": "MNS test"}, 400, "InvalidAuthorizationHeader"),
        ({"Authorization": "Basic dGVzdDp0ZXN0"}, 400, "InvalidAuthorizationHeader"),
        ({"Authorization": "MNS4-HMAC-SHA256 Credential=a/b"}, 400, "InvalidAuthorizationHeader"),
        ({"Authorization": "MNS nobody:AAAA"}, 403, "InvalidAccessKeyId"),
        ({"Authorization": "MNS test:AAAA"}, 403, "SignatureDoesNotMatch"),
        ({"Authorization": "MNS test:Ä"}, 403, "SignatureDoesNotMatch"),
    ],
)
async def test_wrong_headers_are_told_apart(
    speaker: Speaker, headers: dict[str, str | None], status: int, code: str
) -> None:
    """Each thing that can be wrong has the service's own code, in its own document."""
    reply = await speaker.ask("GET", "/queues/q", headers=headers)
    assert (reply.status, reply.code) == (status, code)
    assert [child.tag for child in reply.xml] == ["Code", "Message", "RequestId", "HostId"]
    assert reply.one("RequestId") == reply.headers["x-mns-request-id"]
    assert reply.one("HostId").startswith("http://127.0.0.1:")


async def test_another_secret_is_refused(mns: MnsEmulator) -> None:
    """What was signed with another secret does not match."""
    async with Speaker(mns.endpoint, secret="tset") as speaker:
        assert (await speaker.ask("GET", "/queues/q")).code == "SignatureDoesNotMatch"


async def test_the_signature_covers_the_target_as_it_was_sent(speaker: Speaker) -> None:
    """An escaped target is signed escaped, and found all the same."""
    reply = await speaker.ask("GET", "/queues/%71")
    assert reply.one("QueueName") == "q"


@pytest.mark.parametrize(("off", "status"), [(0, 200), (-890, 200), (890, 200), (-910, 408)])
async def test_a_date_may_be_15_minutes_off(
    mns: MnsEmulator, speaker: Speaker, off: int, status: int
) -> None:
    """Beyond that the request is refused, and Date says what time it is."""
    mns.skew(off)
    reply = await speaker.ask("GET", "/queues/q")
    assert reply.status == status
    shown = parsedate_to_datetime(reply.headers["date"]).timestamp()
    assert shown - off == pytest.approx(time.time(), abs=5)
    if status == 408:
        assert reply.code == "TimeExpired"


async def test_a_token_must_come_and_must_not_have_ended(mns: MnsEmulator) -> None:
    """A key with a token is refused without it, with another, and after its end."""
    mns.add_key("STS.1", "secret", token="the token", seconds=900)
    async with Speaker(mns.endpoint, "STS.1", "secret") as speaker:
        assert (await speaker.ask("GET", "/queues/q")).code == "InvalidAccessKeyId"
        speaker.token = "another token"
        assert (await speaker.ask("GET", "/queues/q")).code == "InvalidAccessKeyId"
        speaker.token = "the token"
        assert (await speaker.ask("GET", "/queues/q")).status == 200
        mns.expire_key("STS.1")
        reply = await speaker.ask("GET", "/queues/q")
        assert (reply.status, reply.code) == (403, "SecurityTokenExpired")


async def test_a_key_of_another_account_has_no_access(mns: MnsEmulator) -> None:
    """Its signature is right, and yet it may do nothing here."""
    mns.add_key("other", "secret", account="999")
    async with Speaker(mns.endpoint, "other", "secret") as speaker:
        reply = await speaker.ask("GET", "/queues/q")
        assert (reply.status, reply.code) == (403, "AccessDenied")


async def test_a_digest_has_two_forms(speaker: Speaker) -> None:
    """Content-MD5 of the bytes or of their hex is taken, any other refused, none needed."""
    body = message("x")
    digest = hashlib.md5(body.encode())
    for value, status in (
        (base64.b64encode(digest.digest()).decode(), 201),
        (base64.b64encode(digest.hexdigest().encode()).decode(), 201),
        (None, 201),
        ("AAAA", 400),
    ):
        reply = await speaker.ask("POST", "/queues/q/messages", body, {"Content-MD5": value})
        assert reply.status == status
    assert reply.code == "InvalidDegist"


async def test_a_lenient_emulator_takes_anything() -> None:
    """With strict=False neither date nor signature matter."""
    async with MnsEmulator(strict=False) as mns:
        mns.create_queue("q")
        async with Speaker(mns.endpoint) as speaker:
            headers: dict[str, str | None] = {"Authorization": None, "Date": None}
            assert (await speaker.ask("GET", "/queues/q", headers=headers)).status == 200


async def test_it_serves_https() -> None:
    """With a certificate it speaks TLS, and says so in what it calls itself."""
    authority = trustme.CA()
    server, client = (ssl.SSLContext(p) for p in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    async with MnsEmulator(tls=server) as mns:
        speaker = Speaker(mns.endpoint)
        speaker.tls = client
        async with speaker:
            reply = await speaker.ask("GET", "/queues/q")
    assert (reply.code, reply.one("HostId")) == ("QueueNotExist", mns.endpoint)
    assert mns.endpoint.startswith("https://127.0.0.1:")
